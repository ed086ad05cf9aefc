import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import WireFormat

@testable import Raft

/// Which entries a leader sends again, and after which answers.
@Suite("Repair of lost, late and rejected entries")
struct RepairTests {
  typealias Message = RaftReplica.Message

  /// A leader and two followers. The test delivers all messages to the second one. A round trip
  /// takes 2 ms, and the leader has measured that.
  private func measured(_ options: RaftReplica.Options = raftOptions()) -> Cluster {
    var cluster = Cluster(3, options)
    cluster.elect(0)
    for number in 101...110 as ClosedRange<UInt64> {
      cluster.propose(number, at: 0)
      cluster.now = cluster.now + .milliseconds(2)
      cluster.run()
    }
    cluster.heartbeat(from: 0)
    return cluster
  }

  /// Takes the messages to one replica out of the network.
  private func take(from cluster: inout Cluster, to replica: Int) -> [Message] {
    let taken = cluster.inFlight.filter { $0.to == ReplicaID(replica) }.map(\.message)
    cluster.inFlight.removeAll { $0.to == ReplicaID(replica) }
    return taken
  }

  private func entryCount(_ messages: [Message]) -> Int {
    messages.reduce(0) { sum, message in
      guard case .appendEntries(let request) = message else { return sum }
      return sum + request.entries.count
    }
  }

  /// Delivers messages to follower 2 and its answers to the leader; returns the leader's replies.
  private func exchange(_ messages: [Message], in cluster: inout Cluster) -> [Message] {
    for message in messages {
      cluster.handle(.received(message, from: ReplicaID(0)), at: ReplicaID(2))
    }
    for answer in cluster.inFlight where answer.from == ReplicaID(2) {
      cluster.handle(.received(answer.message, from: answer.from), at: ReplicaID(0))
    }
    cluster.inFlight.removeAll { $0.from == ReplicaID(2) }
    return take(from: &cluster, to: 2)
  }

  @Test("An acknowledgement does not make the leader repeat entries that are on their way")
  func pipelineSendsOnce() {
    var cluster = Cluster(3)
    cluster.elect(0)
    for number in 1...20 { cluster.propose(UInt64(number), at: 0) }
    var sent: [Message] = []
    while !cluster.inFlight.isEmpty {
      if cluster.inFlight[0].to == ReplicaID(1) { sent.append(cluster.inFlight[0].message) }
      cluster.run(limit: 1)
    }
    #expect(entryCount(sent) == 20)
  }

  @Test(
    "Entries that overtake others are held back; a message that three others overtook is sent again",
    arguments: 1...3)
  func reordering(overtaking count: Int) {
    var cluster = measured()
    for number in 1...6 { cluster.propose(UInt64(number), at: 0) }
    var messages = take(from: &cluster, to: 2)
    messages.insert(messages.remove(at: 1), at: 1 + count)
    // Half a round trip has passed: the gap may still be on its way.
    cluster.now = cluster.now + .milliseconds(1)
    let repeated = messages.reduce(0) { $0 + entryCount(exchange([$1], in: &cluster)) }
    #expect(repeated == (count < 3 ? 0 : 1))
    #expect(cluster.core(2).log.lastIndex == cluster.core(0).log.lastIndex)
    #expect(cluster.core(0).progress[2].matchIndex == cluster.core(0).log.lastIndex)
  }

  @Test("A heartbeat that overtakes entries is rejected, and no entry is sent again")
  func overtakingHeartbeat() {
    var cluster = measured()
    for number in 1...6 { cluster.propose(UInt64(number), at: 0) }
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    let messages = take(from: &cluster, to: 2)
    cluster.now = cluster.now + .milliseconds(1)
    #expect(exchange([messages[6]], in: &cluster).isEmpty)
    #expect(exchange(Array(messages[..<6]), in: &cluster).isEmpty)
    #expect(cluster.core(0).progress[2].matchIndex == cluster.core(0).log.lastIndex)
  }

  @Test("A lost message is sent again, alone and once, when a later one has arrived without it")
  func lostMessage() {
    var cluster = measured()
    for number in 1...6 { cluster.propose(UInt64(number), at: 0) }
    var messages = take(from: &cluster, to: 2)
    cluster.now = cluster.now + .milliseconds(2)
    #expect(exchange([messages.removeFirst()], in: &cluster).isEmpty)
    messages.removeFirst()
    cluster.now = cluster.now + .milliseconds(8)
    let repair = exchange(messages, in: &cluster)
    #expect(entryCount(repair) == 1)
    #expect(exchange(repair, in: &cluster).isEmpty)
    #expect(cluster.core(0).progress[2].matchIndex == cluster.core(0).log.lastIndex)
  }

  @Test("A repair that is lost as well is repeated after the next rejection")
  func lostRepair() {
    var cluster = measured()
    for number in 1...3 { cluster.propose(UInt64(number), at: 0) }
    var messages = take(from: &cluster, to: 2)
    messages.removeFirst()
    cluster.now = cluster.now + .milliseconds(20)
    #expect(entryCount(exchange(messages, in: &cluster)) == 1)
    // A heartbeat at once is no evidence, because the repair may be on its way.
    cluster.perform(at: ReplicaID(0)) { core, _, effects in core.sendHeartbeats(into: &effects) }
    #expect(exchange(take(from: &cluster, to: 2), in: &cluster).isEmpty)
    cluster.fire(.heartbeat, at: ReplicaID(0))
    let repair = exchange(take(from: &cluster, to: 2), in: &cluster)
    #expect(entryCount(repair) == 1)
    _ = exchange(repair, in: &cluster)
    #expect(cluster.core(2).log.lastIndex == cluster.core(0).log.lastIndex)
  }

  @Test("A repair that is lost as well is repeated after three messages that left behind it")
  func lostRepairAndLaterEntries() {
    var cluster = measured()
    for number in 1...4 { cluster.propose(UInt64(number), at: 0) }
    let messages = take(from: &cluster, to: 2).dropFirst()
    #expect(entryCount(exchange(Array(messages), in: &cluster)) == 1)
    // The first of these begins where the repair ended, as a heartbeat before the repair would.
    for number in 5...7 {
      cluster.propose(UInt64(number), at: 0)
      #expect(entryCount(exchange(take(from: &cluster, to: 2), in: &cluster)) == 0)
    }
    cluster.propose(8, at: 0)
    let repair = exchange(take(from: &cluster, to: 2), in: &cluster)
    #expect(entryCount(repair) == 1)
    #expect(exchange(repair, in: &cluster).isEmpty)
    #expect(cluster.core(0).progress[2].matchIndex == cluster.core(0).log.lastIndex)
  }

  @Test("Late and repeated rejections cause no second repair")
  func lateRejections() {
    var cluster = measured()
    let end = cluster.core(2).log.lastIndex
    for number in 1...6 { cluster.propose(UInt64(number), at: 0) }
    _ = take(from: &cluster, to: 2)
    cluster.now = cluster.now + .milliseconds(20)
    var sent: [Message] = []
    for gap in [1, 6, 3, 6, 5, 6] {
      let rejection = RaftReplica.AppendRejected(
        term: 1, prevLogIndex: end + gap, conflictTerm: 0, conflictIndex: .zero,
        lastLogIndex: end, gapEnd: .zero, readRound: 0)
      cluster.handle(.received(.appendRejected(rejection), from: ReplicaID(2)), at: ReplicaID(0))
      sent += take(from: &cluster, to: 2)
    }
    #expect(entryCount(sent) == 6)
    _ = exchange(sent, in: &cluster)
    #expect(cluster.core(0).progress[2].matchIndex == cluster.core(0).log.lastIndex)
    // A rejection that comes late does not make the leader forget later acknowledgements.
    let late = RaftReplica.AppendRejected(
      term: 1, prevLogIndex: end + 3, conflictTerm: 0, conflictIndex: .zero, lastLogIndex: end,
      gapEnd: .zero, readRound: 0)
    cluster.handle(.received(.appendRejected(late), from: ReplicaID(2)), at: ReplicaID(0))
    #expect(cluster.core(0).progress[2].matchIndex == cluster.core(0).log.lastIndex)
    #expect(entryCount(exchange(take(from: &cluster, to: 2), in: &cluster)) == 0)
    // An answer to a round that began before the entries were acknowledged is late as well.
    cluster.perform(at: ReplicaID(0)) { core, _, _ in core.beginRound() }
    cluster.propose(7, at: 0)
    _ = exchange(take(from: &cluster, to: 2), in: &cluster)
    var old = late
    old.readRound = cluster.core(0).leading.readRound
    cluster.handle(.received(.appendRejected(old), from: ReplicaID(2)), at: ReplicaID(0))
    #expect(entryCount(take(from: &cluster, to: 2)) == 0)
    #expect(cluster.core(0).progress[2].matchIndex == cluster.core(0).log.lastIndex)
  }

  @Test("A follower that lost its disk gets its log back after heartbeats, with reads and without")
  func lostDisk() {
    for reads in [true, false] {
      var cluster = Cluster(3)
      cluster.elect(0)
      for number in 1...20 { cluster.propose(UInt64(number), at: 0) }
      cluster.run()
      cluster.crash(ReplicaID(2))
      cluster.nodes[2].records = []
      cluster.restart(ReplicaID(2))
      for ticket in 1...3 {
        if reads { cluster.handle(.readRequested(ReadTicket(UInt64(ticket))), at: ReplicaID(0)) }
        cluster.heartbeat(from: 0)
      }
      #expect(cluster.terms(2) == cluster.terms(0))
      #expect(cluster.updates(2) == cluster.updates(0))
      #expect(cluster.core(0).progress[2].matchIndex == cluster.core(0).log.lastIndex)
    }
  }

  @Test("Entries held back end with the term, and have limits")
  func heldBack() {
    var cluster = Cluster(3, raftOptions(inFlightLimit: 2))
    func request(_ term: UInt64, after index: Int) -> Message {
      .appendEntries(
        .init(
          term: term, prevLogIndex: LogIndex(index), prevLogTerm: index == 0 ? 0 : 1,
          leaderCommit: .zero, readRound: 0, entries: [entry(1, UInt64(index + 1))]))
    }
    func gapEnd(_ effects: Effects<RaftReplica>) -> LogIndex? {
      guard case .appendRejected(let reply)? = effects.earlySends.first?.message else { return nil }
      return reply.gapEnd
    }
    #expect(gapEnd(cluster.deliver(request(1, after: 3), from: 1, to: 0)) == LogIndex(3))
    #expect(gapEnd(cluster.deliver(request(1, after: 2), from: 1, to: 0)) == LogIndex(2))
    // Held already, and more than the limit.
    #expect(gapEnd(cluster.deliver(request(1, after: 2), from: 1, to: 0)) == LogIndex(2))
    #expect(gapEnd(cluster.deliver(request(1, after: 1), from: 1, to: 0)) == LogIndex(2))
    _ = cluster.deliver(request(1, after: 0), from: 1, to: 0)
    #expect(cluster.core(0).log.lastIndex == LogIndex(1))
    let effects = cluster.deliver(request(1, after: 1), from: 1, to: 0)
    #expect(cluster.core(0).log.lastIndex == LogIndex(4))
    #expect(
      effects.sends.map(\.message) == [
        .appendAccepted(.init(term: 1, matchIndex: LogIndex(4), readRound: 0))
      ])
    _ = cluster.deliver(request(1, after: 5), from: 1, to: 0)
    #expect(gapEnd(cluster.deliver(request(2, after: 9), from: 2, to: 0)) == LogIndex(9))
  }

  @Test("Entries are held back once each, and no more bytes than the leader may have in flight")
  func heldBytes() {
    let size = [entry(1, 1)].encodedByteCount
    var held = RaftReplica.HeldBack(countLimit: 64, byteLimit: 3 * size)
    func request(_ index: Int) -> RaftReplica.AppendEntries {
      .init(
        term: 1, prevLogIndex: LogIndex(index), prevLogTerm: 1, leaderCommit: .zero, readRound: 0,
        entries: [entry(1, UInt64(index + 1))])
    }
    for index in [8, 9, 8, 9, 7, 6] { held.hold(request(index)) }
    #expect(held.next(after: LogIndex(6)) == nil)
    for index in 7...9 { #expect(held.next(after: LogIndex(9)) == request(index)) }
    #expect(held.next(after: LogIndex(9)) == nil && held.gapEnd == .zero)
    held = RaftReplica.HeldBack(countLimit: 64, byteLimit: 1)
    for index in [8, 9] { held.hold(request(index)) }
    #expect(held.next(after: LogIndex(9)) == request(8))
    #expect(held.next(after: LogIndex(9)) == nil)
  }

  @Test("Bytes in flight to one follower are limited; a larger entry travels alone")
  func bytesInFlight() {
    let size = entry(1, 1).encodedByteCount
    var cluster = measured(raftOptions(inFlightBytes: 3 * size + 1))
    for number in 1...9 { cluster.propose(UInt64(number), at: 0) }
    #expect(entryCount(take(from: &cluster, to: 2)) == 3)
    cluster = measured(raftOptions(inFlightBytes: size - 1))
    for number in 1...9 { cluster.propose(UInt64(number), at: 0) }
    var messages = take(from: &cluster, to: 2)
    for number in 1...9 {
      #expect(entryCount(messages) == 1, "entry \(number)")
      messages = exchange(messages, in: &cluster)
    }
    #expect(cluster.core(2).log.lastIndex == cluster.core(0).log.lastIndex)
  }

  @Test("The leader also sends a page after a heartbeat's answer, so an idle window fills")
  func pageByHeartbeat() {
    let size = entry(1, 1).encodedByteCount
    var cluster = measured(raftOptions(inFlightBytes: 12 * size, messageByteLimit: 3 * size))
    cluster.only(0, 1)
    for number in 1...60 { cluster.propose(UInt64(number), at: 0) }
    cluster.run()
    cluster.heal()
    cluster.fire(.heartbeat, at: ReplicaID(0))
    // Each page but the first is on its way for long.
    let probe = exchange(take(from: &cluster, to: 2), in: &cluster)
    var onTheWay = entryCount(exchange(probe, in: &cluster))
    #expect(onTheWay == 3)
    for _ in 1...9 {
      let answer = Message.roundConfirmed(
        .init(term: 1, readRound: cluster.core(0).leading.readRound))
      cluster.handle(.received(answer, from: ReplicaID(2)), at: ReplicaID(0))
      onTheWay += entryCount(take(from: &cluster, to: 2))
    }
    #expect(onTheWay == 12)
  }

  @Test("A follower that comes back is sent one page per answer, each once")
  func pages() {
    let size = entry(1, 1).encodedByteCount
    var cluster = measured(raftOptions(inFlightBytes: 12 * size, messageByteLimit: 3 * size))
    cluster.only(0, 1)
    for number in 1...60 { cluster.propose(UInt64(number), at: 0) }
    cluster.run()
    cluster.heal()
    cluster.fire(.heartbeat, at: ReplicaID(0))
    var messages = take(from: &cluster, to: 2)
    var sentCount = 0
    while !messages.isEmpty {
      messages = exchange(messages, in: &cluster)
      #expect(messages.count <= 1 && entryCount(messages) <= 3)
      sentCount += entryCount(messages)
    }
    #expect(sentCount == 60)
    #expect(cluster.core(2).log.lastIndex == cluster.core(0).log.lastIndex)
  }
}
