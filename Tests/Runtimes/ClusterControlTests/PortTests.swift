import HostTesting
import NodeBench
import Clients
import ClusterControl
import ClusterMessages
import LoadDriving
import NodeRuntime
import Primitives
import ReplicaHosting
import Replication
import Sockets
import StateMachines
import Stubs
import Testing
import WireFormat

private typealias Port = ClusterPort<Counter>

/// Tests the connections of clients and of the runner to a cluster.
@Suite("Cluster port") struct PortTests {
  /// A server that sends what the test gives it.
  private final class Server {
    let endpoint: Endpoint
    private let listener: Int32
    private(set) var taken: [Int32] = []

    init() throws {
      endpoint = try Endpoint.freeOnLoopback(1)[0]
      listener = try endpoint.listen()
    }

    deinit {
      Descriptor.close(listener)
      for descriptor in taken { Descriptor.close(descriptor) }
    }

    func take() throws {
      while let descriptor = try Descriptor.accept(listener) { taken.append(descriptor) }
    }

    func say(_ bytes: [UInt8], on connection: Int = 0) {
      var output = OutputBuffer()
      output.writer.write(bytes)
      _ = output.flush(to: taken[connection])
    }

    func hangUp(_ connection: Int) { Descriptor.endOutput(taken[connection]) }
  }

  private func port(_ server: Server, connections: Int = 1) throws -> Port {
    try Port(
      cluster: "tests", protocolName: "probe", endpoints: [server.endpoint], replicaCount: 1,
      connections: connections, firstClient: 0)
  }

  private func request(_ client: UInt64) -> ClientRequest<Counter.Command> {
    ClientRequest(id: RequestID(client: ClientID(client), sequence: 1), command: .add(1))
  }

  /// Waits on the port until the test's condition holds.
  private func wait(
    _ port: inout Port, _ what: String, _ server: Server,
    until isThere: (borrowing Port) throws -> Bool
  ) throws {
    let limit = MonotonicClock.now() + .seconds(60)
    while !(try isThere(port)) {
      guard MonotonicClock.now() < limit else { throw Overdue(description: "no \(what)") }
      try port.wait(atMost: .milliseconds(1))
      port.flush()
      try server.take()
    }
  }

  /// A port whose connections were all accepted and welcomed.
  private func connected(_ server: Server, connections: Int = 1) throws -> Port {
    var port = try port(server, connections: connections)
    try wait(&port, "connection", server) { _ in server.taken.count == connections + 1 }
    for connection in 0...connections {
      server.say(frame(RefusalReason(""), .welcome, from: 0, incarnation: 3), on: connection)
    }
    try wait(&port, "welcome", server) { $0.isConnected }
    return port
  }

  @Test(
    "A connection that ends, even within an answer, loses its clients' outstanding answers")
  func ends() throws {
    for cut in [0, 5, 20] {
      let server = try Server()
      var port = try connected(server, connections: 2)
      port.send(request(4), to: ReplicaID(0))
      port.flush()
      let answer = frame(ClientReply<UInt64>(id: request(4).id, result: .answer(1)), .reply)
      // The server's connections are identified by the order of accepting.
      let position = 0
      server.say(Array(answer.prefix(cut)), on: position)
      server.hangUp(position)
      try wait(&port, "loss", server) { !$0.lost.isEmpty }
      #expect(
        port.lost == [LostConnection(replica: ReplicaID(0), remainder: 0, stride: 2)])
      #expect(port.replies.count == 0)
      // The server is dialled again, and serves again.
      try wait(&port, "connection", server) { _ in server.taken.count == 4 }
    }
  }

  @Test("Answers and refusals sent before the end count, in whatever order they came")
  func lastWords() throws {
    let server = try Server()
    var port = try connected(server)
    let answer = frame(ClientReply<UInt64>(id: request(1).id, result: .answer(1)), .reply)
    server.say(answer + frame(RefusalReason("enough"), .refusal))
    server.hangUp(0)
    try wait(&port, "refusal", server) { $0.refusal != nil }
    #expect(port.refusal == "enough")
    #expect(port.replies.map(\.id) == [request(1).id])
  }

  @Test("The error for another version of the frame format names it")
  func version() throws {
    let server = try Server()
    var port = try port(server)
    try wait(&port, "connection", server) { _ in server.taken.count == 2 }
    server.say(frame(RefusalReason(""), .welcome, version: 2))
    try wait(&port, "refusal", server) { $0.refusal != nil }
    #expect(
      port.refusal == "node 0 speaks version 2 of the frame format, this program version 1")
  }

  @Test("A server that sends malformed messages is disconnected")
  func garbage() throws {
    for bytes in [frame(UInt64(1), .message), Array("+OK\r\n+OK\r\n+OK\r\n".utf8)] {
      let server = try Server()
      var port = try connected(server)
      server.say(bytes)
      try wait(&port, "loss", server) { !$0.lost.isEmpty }
    }
  }

  @Test(
    "Without a connection a request is refused at once, and the node is redialled until it is down")
  func noConnection() throws {
    let server = try Server()
    var port = try port(server)
    port.send(request(1), to: ReplicaID(0))
    #expect(port.replies == [ClientReply(id: request(1).id, result: .redirect(nil))])
    port.setDown(0, true)
    #expect(port.isConnected == true)
    for _ in 0..<30 {
      try port.wait(atMost: .milliseconds(1))
      try server.take()
    }
    #expect(server.taken.count == 0)
    let isOrdered = port.order(.report(digest: false), to: 0)
    #expect(!isOrdered)
    port.setDown(0, false)
    try wait(&port, "connection", server) { _ in server.taken.count == 2 }
  }

  @Test("With a real node, requests are answered and reports are counted")
  func node() throws {
    let plan = try Plan(nodes: 1)
    let seat = try Seat<PromiseCore, Counter>(plan.settings[0])
    var port = try Port(
      cluster: "tests", protocolName: "probe", endpoints: plan.settings[0].endpoints,
      replicaCount: 1, connections: 2, firstClient: 0)
    try waitFor("welcome", [seat]) {
      try port.wait(atMost: .microseconds(100))
      return port.isConnected ? true : nil
    }
    for client in 0..<10 as Range<UInt64> { port.send(request(client), to: ReplicaID(0)) }
    let isOrdered = port.order(.report(digest: true), to: 0)
    #expect(isOrdered)
    port.flush()
    try waitFor("answers", [seat]) {
      try port.wait(atMost: .microseconds(100))
      return port.replies.count == 10 && port.reports[0]?.digest != nil ? true : nil
    }
    #expect(Set(port.replies.map(\.id.client.rawValue)) == Set(0..<10))
    #expect(port.reportCounts[0] >= 1)
  }
}
