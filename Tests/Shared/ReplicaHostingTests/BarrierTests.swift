import ReplicaHosting
import Replication
import StateMachines
import Testing
import WireFormat

@Suite struct BarrierTests {
  func release(_ barrier: inout DurabilityBarrier<String>) -> [String] {
    var released: [String] = []
    while barrier.releasedReceiver != nil { released.append(barrier.takeReleased()) }
    barrier.dropTaken()
    return released
  }

  @Test("A send waits for all records before it, including those of earlier turns")
  func acrossTurns() {
    var barrier = DurabilityBarrier<String>()
    #expect(barrier.isOpen)
    barrier.append(2)
    barrier.hold("first", to: ReplicaID(1))
    #expect(release(&barrier).isEmpty)
    // A later turn without records sends while the sync is in flight.
    barrier.hold("second", to: ReplicaID(1))
    barrier.append(1)
    barrier.hold("third", to: ReplicaID(1))
    barrier.synced(1)
    #expect(release(&barrier).isEmpty)
    barrier.synced(2)
    #expect(release(&barrier) == ["first", "second"])
    #expect(!barrier.isOpen && barrier.heldCount == 1)
    barrier.synced(3)
    #expect(release(&barrier) == ["third"])
    #expect(barrier.isOpen && barrier.heldCount == 0)
  }

  @Test("Recovered records are durable")
  func recovered() {
    var barrier = DurabilityBarrier<String>(recovered: 5)
    #expect(barrier.isOpen)
    barrier.append(1)
    barrier.hold("a", to: ReplicaID(1))
    barrier.synced(5)
    #expect(release(&barrier).isEmpty)
    barrier.synced(6)
    #expect(release(&barrier) == ["a"])
  }

  @Test("A disk that is never idle does not make the barrier grow")
  func bounded() {
    var barrier = DurabilityBarrier<String>()
    barrier.append(1)
    barrier.hold("1", to: ReplicaID(1))
    var longest = 0
    for turn in 1...5000 {
      barrier.append(1)
      barrier.hold("\(turn + 1)", to: ReplicaID(1))
      barrier.synced(turn)
      let released = release(&barrier)
      if released != ["\(turn)"] { Issue.record("turn \(turn): \(released)") }
      longest = max(longest, barrier.tickets.count)
    }
    #expect(barrier.heldCount == 1)
    #expect(longest < 200)
  }
}

@Suite struct SessionsTests {
  func id(_ client: UInt64, _ sequence: UInt64) -> RequestID {
    RequestID(client: ClientID(client), sequence: sequence)
  }

  @Test("A request is fresh, answered or superseded")
  func standing() {
    var sessions = Sessions<UInt64>()
    #expect(sessions.standing(of: id(1, 1)) == .fresh)
    sessions.record(id(1, 3), response: 9, at: sessions.place(of: ClientID(1)))
    #expect(sessions.standing(of: id(1, 2)) == .superseded)
    #expect(sessions.standing(of: id(1, 3)) == .answered(9))
    #expect(sessions.standing(of: id(1, 4)) == .fresh && sessions.standing(of: id(2, 1)) == .fresh)
    sessions.record(id(1, 4), response: 7, at: sessions.place(of: ClientID(1)))
    #expect(sessions.count == 1 && sessions.standing(of: id(1, 4)) == .answered(7))
  }

  @Test("Equal tables have equal bytes, from which they are restored; truncated bytes are refused")
  func encoding() throws {
    var a = Sessions<UInt64>()
    var b = Sessions<UInt64>()
    for client in 0..<50 as Range<UInt64> {
      a.record(id(client, 1), response: client, at: nil)
      b.record(id(49 - client, 1), response: 49 - client, at: nil)
    }
    func bytes(_ sessions: Sessions<UInt64>) -> [UInt8] {
      var writer = WireWriter()
      sessions.encode(into: &writer)
      return writer.bytes()
    }
    #expect(bytes(a) == bytes(b))
    var reader = WireReader(bytes(a))
    var restored = Sessions<UInt64>()
    try restored.restore(from: &reader)
    #expect(bytes(restored) == bytes(a))
    for count in stride(from: 0, to: bytes(a).count, by: 13) {
      var short = WireReader(Array(bytes(a)[..<count]))
      var partial = Sessions<UInt64>()
      #expect(throws: WireError.self) { try partial.restore(from: &short) }
    }
  }

  @Test("Requests and replies of clients are unchanged by encoding and decoding")
  func messages() throws {
    func roundTrip<Value: WireCodable & Equatable>(_ value: Value) throws {
      let bytes = value.encoded()
      #expect(bytes.count == value.encodedByteCount)
      #expect(try WireReader.decode(Value.self, from: bytes) == value)
      for count in bytes.indices {
        #expect(throws: WireError.self) {
          try WireReader.decode(Value.self, from: Array(bytes[..<count]))
        }
      }
    }
    try roundTrip(ClientRequest(id: id(1, 2), command: Counter.Command.add(3)))
    try roundTrip(
      ClientRequest(
        id: id(1, 2), command: Counter.Command.add(3), timeLeft: .seconds(1), continues: true))
    try roundTrip(ClientReply<UInt64>(id: id(1, 2), result: .expired))
    try roundTrip(ClientReply<UInt64>(id: id(1, 2), result: .answer(3)))
    try roundTrip(ClientReply<UInt64>(id: id(1, 2), result: .redirect(ReplicaID(3))))
    try roundTrip(ClientReply<UInt64>(id: id(1, 2), result: .redirect(nil)))
  }
}
