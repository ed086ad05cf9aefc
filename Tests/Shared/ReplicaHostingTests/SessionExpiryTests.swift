import Primitives
import ReplicaHosting
import Replication
import StateMachines
import Stubs
import Testing
import WireFormat

@Suite("Sessions expire by logged time")
struct SessionExpiryTests {
  typealias Host = ReplicaHost<ScriptedCore, Counter>
  typealias Reply = ClientReply<UInt64>
  static let expiry: Int64 = 120_000

  /// A host whose sessions expire after two minutes, so that a stamp is due every 10 s.
  func host(_ number: Int = 0, expiry: Int64 = expiry, startedAt milliseconds: Int64 = 0) -> Host {
    var limits = RequestLimits()
    limits.sessionExpiry = .milliseconds(expiry)
    var host = Host(
      id: ReplicaID(number), membership: Membership(replicas: 3), options: ScriptedCore.Options(),
      seed: 1, limits: limits)
    host.start(at: at(milliseconds))
    return host
  }

  @Test("The bytes of the answers are counted, whether sessions are used, expire or are restored")
  func bytes() throws {
    func counted(_ sessions: Sessions<UInt64>) -> Int {
      sessions.sessions.values.reduce(0) { $0 + $1.response.encodedByteCount }
    }
    var sessions = Sessions<UInt64>(limit: 50)
    for number in 1...200 as ClosedRange<UInt64> {
      let next = id(number % 70, number)
      sessions.record(next, response: number, at: sessions.place(of: next.client))
      #expect(sessions.responseByteCount == counted(sessions))
    }
    #expect(sessions.responseByteCount > 0 && sessions.count <= 50)
    var writer = WireWriter()
    sessions.encode(into: &writer)
    var restored = Sessions<UInt64>(limit: 50)
    var reader = WireReader(writer.bytes())
    try restored.restore(from: &reader)
    #expect(restored.responseByteCount == sessions.responseByteCount)
  }

  func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }

  func id(_ client: UInt64, _ sequence: UInt64) -> RequestID {
    RequestID(client: ClientID(client), sequence: sequence)
  }

  /// A host orders a client's addition, and these hosts commit the batch. Returns the answer.
  @discardableResult
  func order(
    _ client: UInt64, _ sequence: UInt64, continues: Bool = false, at time: Instant,
    by orderer: Int = 0, on hosts: inout [Host], otherClocks: Int64 = 0
  ) -> Reply? {
    let count = hosts[orderer].core.requested.count
    hosts[orderer].submit(
      Host.Request(id: id(client, sequence), command: .add(1), continues: continues), at: time)
    hosts[orderer].endTurn(at: time)
    hosts[orderer].clearTurn()
    guard hosts[orderer].core.requested.count > count else { return nil }
    let batch = hosts[orderer].core.requested[count]
    return commit(batch, at: time, by: orderer, on: &hosts, otherClocks: otherClocks)
  }

  func commit(
    _ batch: Batch, at time: Instant, by orderer: Int = 0, on hosts: inout [Host],
    otherClocks: Int64 = 0
  ) -> Reply? {
    var reply: Reply?
    for index in hosts.indices {
      hosts[index].effects.commit(
        batch, at: hosts[index].appliedIndex.next, answering: index == orderer)
      hosts[index].endTurn(at: index == orderer ? time : time + .milliseconds(otherClocks))
      if index == orderer { reply = hosts[index].replies.last }
      hosts[index].clearTurn()
    }
    return reply
  }

  @Test("A batch has a time only when a stamp is due, and other batches have the bytes they had")
  func stamps() {
    var hosts = [host()]
    func stamp(_ client: UInt64, at time: Int64) -> SessionStamp? {
      hosts[0].submit(Host.Request(id: id(client, 1), command: .add(1)), at: at(time))
      hosts[0].endTurn(at: at(time))
      hosts[0].clearTurn()
      let batch = hosts[0].core.requested.last!
      #expect(batch.requestIDs == [id(client, 1)])
      #expect(batch.encodedByteCount == (batch.makeReader().stamp == nil ? 37 : 65))
      _ = commit(batch, at: at(time), on: &hosts)
      return batch.makeReader().stamp
    }
    #expect(stamp(1, at: 9_999) == nil)
    let second: UInt64 = 1_000_000_000
    #expect(stamp(2, at: 10_000) == SessionStamp(time: 10 * second, expiry: 120 * second))
    #expect(stamp(3, at: 19_999) == nil)
    #expect(stamp(4, at: 27_000)?.time == 27 * second)
    #expect(stamp(5, at: 27_001) == nil)
  }

  @Test("An unused session expires, on every replica alike and whatever their clocks say")
  func expires() {
    var hosts = [host(), host(1, expiry: 5000, startedAt: 9_000_000), host(2, startedAt: -77)]
    order(1, 1, at: at(0), on: &hosts, otherClocks: 9_000_000)
    for second in 1...13 as ClosedRange<Int64> {
      order(2, UInt64(second), at: at(second * 10_000), on: &hosts, otherClocks: 9_000_000)
      #expect(hosts.allSatisfy { $0.sessions.count == (second < 13 ? 2 : 1) }, "\(second)")
      #expect(hosts.allSatisfy { $0.snapshot() == hosts[0].snapshot() })
    }
    // Client 1 repeats its second request. No replica knows any more whether that took effect.
    let before = hosts[0].application.value
    let reply = order(1, 2, continues: true, at: at(131_000), on: &hosts)
    #expect(reply == Reply(id: id(1, 2), result: .expired))
    #expect(hosts.allSatisfy { $0.application.value == before && $0.sessions.count == 1 })
    // It may send it again as the first one of a new session.
    #expect(order(1, 2, at: at(131_001), on: &hosts)?.result == .answer(before + 1))
    #expect(hosts.allSatisfy { $0.sessions.count == 2 && $0.snapshot() == hosts[0].snapshot() })
  }

  @Test("The logged time never runs backwards, and does not jump when another node orders")
  func changeOfLeader() {
    // The clocks of the three hosts differ by hours.
    var hosts = [host(), host(1, startedAt: 7_200_000), host(2, startedAt: -7_200_000)]
    order(1, 1, at: at(30_000), on: &hosts, otherClocks: 7_200_000)
    let first = hosts[1].sessions.periods.time
    order(2, 1, at: at(7_240_000), by: 1, on: &hosts)
    let second = hosts[1].sessions.periods.time
    #expect(first == 30_000_000_000 && second == 40_000_000_000)
    // A stamp that the former leader had ordered before is older and changes nothing.
    var late = BatchBuilder()
    late.append(SessionStamp(time: first + 1, expiry: 1))
    late.append(id(3, 1), Counter.Command.add(1))
    _ = commit(late.build(), at: at(7_240_001), by: 1, on: &hosts)
    #expect(hosts.allSatisfy { $0.sessions.periods.time == second && $0.sessions.count == 3 })
  }

  @Test("Snapshots keep the times of sessions, so that a restored replica forgets the same ones")
  func snapshots() throws {
    var sessions = Sessions<UInt64>()
    func bytes(_ sessions: Sessions<UInt64>) -> [UInt8] {
      var writer = WireWriter()
      sessions.encode(into: &writer)
      return writer.bytes()
    }
    func restored(_ bytes: [UInt8]) throws(WireError) -> Sessions<UInt64> {
      var reader = WireReader(bytes)
      var result = Sessions<UInt64>()
      try result.restore(from: &reader)
      guard reader.isAtEnd else { throw .malformed("bytes are left") }
      return result
    }
    func record(_ client: UInt64, _ sequence: UInt64, in sessions: inout Sessions<UInt64>) {
      sessions.record(
        id(client, sequence), response: client, at: sessions.place(of: ClientID(client)))
    }
    record(1, 1, in: &sessions)
    // Without a stamp the bytes are those of the sessions alone: 4, and 24 for each.
    #expect(bytes(sessions).count == 28)
    for time in 1...4 as ClosedRange<UInt64> {
      sessions.advance(to: SessionStamp(time: time, expiry: 3))
      record(time + 1, 1, in: &sessions)
    }
    let whole = bytes(sessions)
    var copy = try restored(whole)
    #expect(bytes(copy) == whole && copy.count == 4)
    for index in whole.indices {
      #expect(throws: WireError.self) { try restored(Array(whole[..<index])) }
    }
    for time in 5...7 as ClosedRange<UInt64> {
      sessions.advance(to: SessionStamp(time: time, expiry: 3))
      copy.advance(to: SessionStamp(time: time, expiry: 3))
      record(time, 2, in: &sessions)
      record(time, 2, in: &copy)
      #expect(bytes(copy) == bytes(sessions))
    }
    // A session of a period that is not there would be a trap later.
    var wrong = whole
    wrong[4 + 24 + 3 * 8 + 16] = 99
    #expect(throws: WireError.self) { try restored(wrong) }
  }

  @Test(
    "A flood of new clients costs bounded memory, and clients that are active keep their session")
  func bound() {
    var sessions = Sessions<UInt64>(limit: 800)
    func record(_ client: UInt64, _ sequence: UInt64) {
      sessions.record(id(client, sequence), response: 0, at: sessions.place(of: ClientID(client)))
    }
    record(1, 1)
    record(2, 1)
    var most = 0
    for client in 100..<20_000 as Range<UInt64> {
      record(client, 1)
      if client.isMultiple(of: 50) { record(1, client) }
      most = max(most, sessions.count)
    }
    #expect(most == 800 && sessions.periods.current > 100)
    #expect(sessions.standing(of: id(1, 19_950)) == .answered(0))
    let forgotten = id(2, 2)
    #expect(
      sessions.standing(of: forgotten, at: sessions.place(of: ClientID(2)), continues: true)
        == .expired)
    var writer = WireWriter()
    sessions.encode(into: &writer)
    // 28 bytes of periods and at most a few of them, and 32 for each session.
    #expect(writer.count < 4 + 28 + 16 * 8 + 800 * 32)
  }

  @Test("Requests that have taken effect are not noted as pending for ever")
  func pending() {
    var pending = PendingRequests()
    pending.begin(
      ReplicaStatus(
        role: "leader", isInCharge: true, epoch: 1, commitIndex: .zero, lastIndex: .zero))
    for client in 0..<UInt64(PendingRequests.smallLimit) { pending.insert(id(client, 2)) }
    #expect(pending.isLarge)
    pending.removeAll { client, sequence in client.rawValue >= 10 && sequence == 2 }
    let place = pending.place(of: ClientID(3))
    #expect(!pending.isLarge && pending.sequences.count == 10)
    #expect(pending.contains(id(3, 2), at: place) && !pending.contains(id(3, 3), at: place))
    // A later request takes the place of the one that is pending.
    let isReplaced = pending.replace(by: id(3, 3), at: place)
    #expect(isReplaced && pending.contains(id(3, 3), at: place))
    let isNew = !pending.replace(by: id(20, 1), at: pending.place(of: ClientID(20)))
    #expect(isNew && pending.sequences.count == 10)
  }
}
