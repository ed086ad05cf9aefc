import CLinux
import Clients
import HostTesting
import LoadDriving
import Primitives
import ReplicaHosting
import Replication
import Sockets
import StateMachines
import Testing
import WireFormat

@testable import OtherSystems

private typealias RedisPort = TargetPort<RedisDialect>
private typealias EtcdPort = TargetPort<EtcdDialect>

/// The other side of a port's connections: sends what a test gives it.
private final class Speaker {
  let endpoint: Endpoint
  private let listener: Int32
  private var descriptor: Int32 = -1
  private var input = InputBuffer()

  init() throws {
    endpoint = try Endpoint.freeOnLoopback(1)[0]
    listener = try endpoint.listen()
  }

  deinit {
    Descriptor.close(listener)
    if descriptor >= 0 { Descriptor.close(descriptor) }
  }

  var isConnected: Bool { descriptor >= 0 }

  /// Accepts a waiting connection, if there is one, and reads received bytes.
  func attend() {
    if descriptor < 0 { descriptor = linux_accept(listener) }
    if descriptor >= 0 { _ = input.fill(from: descriptor) }
  }

  /// The text received since the last call.
  func heard() -> String {
    let text = String(decoding: input.bytes[input.start..<input.end], as: UTF8.self)
    input.consume(input.count)
    return text
  }

  func say(_ text: String) {
    var output = OutputBuffer()
    output.writer.write(Array(text.utf8))
    #expect(output.flush(to: descriptor) == .open)
    #expect(output.isEmpty)
  }

  func hangUp() {
    Descriptor.close(descriptor)
    descriptor = -1
    input = InputBuffer()
  }
}

private func get(_ client: UInt64, _ sequence: UInt64 = 1) -> ClientRequest<KeyValueCommand> {
  ClientRequest(
    id: RequestID(client: ClientID(client), sequence: sequence), command: .get(Key("k")))
}

private func put(_ client: UInt64, _ sequence: UInt64 = 1) -> ClientRequest<KeyValueCommand> {
  ClientRequest(
    id: RequestID(client: ClientID(client), sequence: sequence),
    command: .put(Key("k"), value: [118]))
}

private typealias Reply = ClientReply<KeyValueResponse>

/// Lets both sides work until a condition holds, which takes little time on any machine.
private func proceed<Dialect: TargetDialect>(
  _ port: inout TargetPort<Dialect>, _ speaker: Speaker,
  until isDone: (borrowing TargetPort<Dialect>, Speaker) -> Bool
) throws {
  let limit = MonotonicClock.now() + .seconds(20)
  while !isDone(port, speaker) {
    try #require(MonotonicClock.now() < limit)
    port.flush()
    try port.wait(atMost: .milliseconds(1))
    speaker.attend()
  }
}

@Suite struct TargetPortTests {
  private let getText = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
  private let putText = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"

  @Test("Requests before there is a connection are sent in order as soon as there is one")
  func pipelining() throws {
    let speaker = try Speaker()
    var port = try RedisPort(speaker.endpoint, RedisDialect(), connections: 1)
    for client in 0..<3 as Range<UInt64> { port.send(get(client), to: RedisPort.server) }
    try proceed(&port, speaker) { $0.isConnected && $1.isConnected }
    port.send(put(3), to: RedisPort.server)
    var heard = ""
    try proceed(&port, speaker) { port, _ in port.connections[0].asked.count == 4 }
    let limit = MonotonicClock.now() + .seconds(20)
    while heard != getText + getText + getText + putText {
      try #require(MonotonicClock.now() < limit)
      port.flush()
      speaker.attend()
      heard += speaker.heard()
    }
    speaker.say("$1\r\na\r\n$-1\r\n$1\r")
    try proceed(&port, speaker) { port, _ in port.replies.count == 2 }
    speaker.say("\nc\r\n+OK\r\n")
    try proceed(&port, speaker) { port, _ in port.replies.count == 4 }
    #expect(
      port.replies == [
        Reply(id: get(0).id, result: .answer(.value([97]))),
        Reply(id: get(1).id, result: .answer(.value(nil))),
        Reply(id: get(2).id, result: .answer(.value([99]))),
        Reply(id: put(3).id, result: .answer(.done)),
      ])
    #expect(port.lost.isEmpty && port.lastTrouble == nil)
  }

  @Test("Without a listener a request fails once per attempt to connect")
  func nobody() throws {
    let endpoint = try Endpoint.freeOnLoopback(1)[0]
    var port = try RedisPort(endpoint, RedisDialect(), connections: 2)
    port.send(put(0, 1), to: RedisPort.server)
    // The client has given the first request up: only the second one is still to be sent.
    port.send(put(0, 2), to: RedisPort.server)
    port.send(put(1, 1), to: RedisPort.server)
    try waitFor("two replies", meanwhile: { try port.wait(atMost: .milliseconds(1)) }) {
      port.replies.count == 2 ? true : nil
    }
    #expect(
      port.replies.sorted { $0.id < $1.id } == [
        Reply(id: put(0, 2).id, result: .redirect(nil)),
        Reply(id: put(1, 1).id, result: .redirect(nil)),
      ])
    #expect(port.lost.isEmpty)
    #expect(port.lastTrouble == .unreachable(SystemError.connectionRefused))
    #expect(
      port.explanation(after: .seconds(1))
        == "nothing listens at \(endpoint): start the server first")
  }

  @Test("A lost connection makes its requests unknown, and is opened again")
  func reconnection() throws {
    let speaker = try Speaker()
    var port = try RedisPort(speaker.endpoint, RedisDialect(), connections: 1)
    port.send(put(4), to: RedisPort.server)
    try proceed(&port, speaker) { $0.connections[0].isOwed && $1.isConnected }
    speaker.hangUp()
    try proceed(&port, speaker) { port, _ in !port.lost.isEmpty }
    #expect(
      port.lost == [LostConnection(replica: RedisPort.server, remainder: 0, stride: 1)])
    #expect(port.replies.isEmpty)
    port.lost.removeAll()
    port.send(get(4, 2), to: RedisPort.server)
    try proceed(&port, speaker) { $0.connections[0].isOwed && $1.isConnected }
    speaker.say("$1\r\na\r\n")
    try proceed(&port, speaker) { port, _ in !port.replies.isEmpty }
    #expect(port.replies == [Reply(id: get(4, 2).id, result: .answer(.value([97])))])
    #expect(port.lost.isEmpty)
  }

  @Test("A definite error fails its operation, and another error makes only that one unknown")
  func errors() throws {
    let speaker = try Speaker()
    var port = try RedisPort(speaker.endpoint, RedisDialect(), connections: 1)
    try proceed(&port, speaker) { $0.isConnected && $1.isConnected }
    for client in 0..<3 as Range<UInt64> { port.send(put(client), to: RedisPort.server) }
    // Before its answer arrives, client 2 has given up and sent another request.
    port.send(put(2, 2), to: RedisPort.server)
    speaker.say("-READONLY no\r\n-ERR odd\r\n-ERR odder\r\n+OK\r\n")
    try proceed(&port, speaker) { port, _ in !port.connections[0].isOwed }
    #expect(
      port.replies == [
        Reply(id: put(0).id, result: .redirect(nil)),
        Reply(id: put(2, 2).id, result: .answer(.done)),
      ])
    #expect(
      port.lost == [LostConnection(replica: RedisPort.server, remainder: 1, stride: .max)])
    #expect(port.refusalCount == 3 && port.firstRefusal == "READONLY no")
  }

  @Test("A server that sends a malformed answer loses its connection")
  func garbage() throws {
    let speaker = try Speaker()
    var port = try RedisPort(speaker.endpoint, RedisDialect(), connections: 1)
    try proceed(&port, speaker) { $0.isConnected && $1.isConnected }
    // An unexpected answer is malformed, too, but no request is lost with it.
    speaker.say("+OK\r\n")
    try proceed(&port, speaker) { port, _ in port.faultCount == 1 }
    #expect(port.lost.isEmpty)
    speaker.hangUp()
    port.send(put(0), to: RedisPort.server)
    try proceed(&port, speaker) { $0.connections[0].isOwed && $1.isConnected }
    speaker.say("HTTP/1.1 400 Bad Request\r\n\r\n")
    try proceed(&port, speaker) { port, _ in port.faultCount == 2 }
    #expect(port.lost.count == 1 && port.replies.isEmpty)
    #expect(
      port.explanation(after: .seconds(1))
        == "\(speaker.endpoint) speaks HTTP, not RESP: is it an etcd?")
  }

  @Test("If a gateway closes after every answer, requests go on over new connections")
  func closing() throws {
    let speaker = try Speaker()
    var port = try EtcdPort(
      speaker.endpoint, EtcdDialect(endpoint: speaker.endpoint), connections: 1)
    for sequence in 1...3 as ClosedRange<UInt64> {
      port.send(put(0, sequence), to: EtcdPort.server)
      try proceed(&port, speaker) { $0.connections[0].isOwed && $1.isConnected }
      speaker.say(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n{\"header\":{}}")
      try proceed(&port, speaker) { port, _ in port.replies.count == Int(sequence) }
      speaker.hangUp()
    }
    #expect(port.replies.allSatisfy { $0.result == .answer(.done) })
    #expect(port.lost.isEmpty)
  }

  @Test("Requests that a full server buffer cannot take wait their turn")
  func pressure() throws {
    let speaker = try Speaker()
    var port = try RedisPort(speaker.endpoint, RedisDialect(), connections: 1)
    try proceed(&port, speaker) { $0.isConnected && $1.isConnected }
    let value = [UInt8](repeating: 0, count: 1 << 20)
    for client in 0..<64 as Range<UInt64> {
      port.send(
        ClientRequest(
          id: RequestID(client: ClientID(client), sequence: 1),
          command: .put(Key("k"), value: value)), to: RedisPort.server)
    }
    #expect(port.connections[0].link.output.count < TargetLimits.output + (2 << 20))
    let waiting = port.connections[0].waiting.count
    #expect((40..<64).contains(waiting))
    // Once the server reads, all requests are sent.
    let limit = MonotonicClock.now() + .seconds(20)
    while port.connections[0].asked.count < 64 {
      try #require(MonotonicClock.now() < limit)
      port.flush()
      try port.wait(atMost: .milliseconds(1))
      speaker.attend()
      _ = speaker.heard()
    }
    #expect(port.connections[0].waiting.isEmpty && port.lost.isEmpty && port.replies.isEmpty)
  }
}
