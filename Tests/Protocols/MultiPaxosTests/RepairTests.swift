import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

/// Acceptors are sent missing slots once, as soon as the leader can know of the gap.
@Suite("Multi-Paxos: lost messages and absent replicas")
struct RepairTests {
  /// How many values, and how many bytes of them, each Accept to `replica` carries until all is
  /// quiet.
  private func accepts(
    to replica: ReplicaID, in cluster: inout Cluster
  ) -> [(first: LogIndex, count: Int, byteCount: Int)] {
    var seen: [(first: LogIndex, count: Int, byteCount: Int)] = []
    while !cluster.inFlight.isEmpty {
      let envelope = cluster.inFlight[0]
      if case .accept(_, let first, let values, _, _) = envelope.message, envelope.to == replica,
        !values.isEmpty
      {
        seen.append((first, values.count, values.reduce(0) { $0 + $1.encodedByteCount }))
      }
      cluster.run(limit: 1)
    }
    return seen
  }

  /// Loses the Accepts for these slots to c, each once.
  private func lose(_ slots: [Int], in cluster: inout Cluster) {
    cluster.inFlight.removeAll {
      if case .accept(_, let first, _, _, _) = $0.message, $0.to == c {
        return slots.contains(first.rawValue)
      }
      return false
    }
  }

  @Test("A lost Accept is offered again once, when the next one is answered; no timer fires")
  func nextAcceptShowsTheGap() {
    var cluster = Cluster()
    cluster.elect(a)
    for number in 1...UInt64(6) { cluster.propose(number, at: a) }
    lose([2, 3, 5], in: &cluster)
    let sent = accepts(to: c, in: &cluster)
    #expect(sent.map(\.first.rawValue) == [1, 4, 6, 2, 5])
    #expect(sent.map(\.count) == [1, 1, 1, 2, 1])
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    #expect(cluster.committed(c) == (1...6).map(batch))
  }

  @Test("A heartbeat shows the gap where nothing follows")
  func heartbeatShowsTheGap() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.propose(1, at: a)
    lose([1], in: &cluster)
    cluster.run()
    cluster.handle(.readRequested(ReadTicket(1)), at: a)
    #expect(accepts(to: c, in: &cluster).map(\.first.rawValue) == [1])
  }

  @Test("A lost copy is offered again when a message sent after it is answered")
  func lostCopy() {
    var cluster = Cluster()
    cluster.elect(a)
    for number in 1...UInt64(2) { cluster.propose(number, at: a) }
    lose([1], in: &cluster)
    cluster.delivers = {
      if case .accept(_, LogIndex(1), _, _, _) = $0.message, $0.to == c { return false }
      return true
    }
    cluster.run()
    cluster.heal()
    cluster.propose(3, at: a)
    #expect(accepts(to: c, in: &cluster).map(\.first.rawValue) == [3, 1])
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    #expect(cluster.committed(c) == (1...3).map(batch))
  }

  @Test("A lost acknowledgement is made good by the next one, or asked for with a heartbeat")
  func lostAcknowledgement() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.run()
    cluster.delivers = { if case .accepted = $0.message { $0.from == $0.to } else { true } }
    for number in 1...UInt64(2) { cluster.propose(number, at: a) }
    cluster.run()
    #expect(cluster[a].commitIndex == .zero)
    cluster.heal()
    cluster.propose(3, at: a)
    #expect(accepts(to: c, in: &cluster).count == 1)
    #expect(cluster[a].commitIndex == slot(3))
    cluster.delivers = { if case .accepted = $0.message { $0.from == $0.to } else { true } }
    cluster.propose(4, at: a)
    cluster.run()
    cluster.heal()
    cluster.fire(.heartbeat, at: a)
    #expect(accepts(to: c, in: &cluster).isEmpty)
    #expect(cluster[a].commitIndex == slot(4))
  }

  @Test("A value that is received but not durable does not count")
  func receptionIsNoVote() {
    var cluster = Cluster()
    cluster.elect(a)
    for id in [b, c] { cluster.nodes[id.index].holdsDisk = true }
    cluster.propose(1, at: a)
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    // The leader's own acceptance makes it look for what is chosen.
    cluster.propose(2, at: a)
    cluster.run()
    #expect(cluster[a].commitIndex == .zero)
    cluster.releaseDisk(b)
    cluster.run()
    #expect(cluster[a].commitIndex == slot(2))
  }

  @Test(
    "A replica that does not answer is sent no more than the limit, and slots do not wait for it")
  func limit() {
    let size = batch(1).encodedByteCount
    var cluster = Cluster(inFlightBytes: 10 * size)
    cluster.elect(a)
    cluster.only(a, b)
    var sent = 0
    for number in 1...UInt64(50) {
      cluster.propose(number, at: a)
      sent += accepts(to: c, in: &cluster).reduce(0) { $0 + $1.count }
    }
    #expect(sent == 10)
    #expect(cluster[a].commitIndex == slot(50))
    cluster.heal()
    cluster.fire(.heartbeat, at: a)
    let pages = accepts(to: c, in: &cluster)
    #expect(pages.allSatisfy { $0.byteCount <= 10 * size })
    #expect(pages.reduce(0) { $0 + $1.count } == 50, "each value is offered once more")
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    #expect(cluster.committed(c) == (1...50).map(batch))
  }

  @Test("Who does not answer gets 64 messages, and then what has gathered in fewer ones")
  func messageLimit() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.run()
    for number in 1...UInt64(500) { cluster.propose(number, at: a) }
    #expect(cluster.inFlight.filter { $0.to == c }.count == 64)
    let sent = accepts(to: c, in: &cluster)
    #expect(sent.reduce(0) { $0 + $1.count } == 500)
    #expect(sent.count < 80)
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    #expect(cluster.committed(c) == (1...500).map(batch))
  }

  @Test("A value larger than the limit travels alone")
  func largeValues() {
    var cluster = Cluster(inFlightBytes: 1)
    cluster.elect(a)
    for number in 1...UInt64(20) { cluster.propose(number, at: a) }
    #expect(cluster.inFlight.filter { $0.to == c }.count == 1)
    #expect(accepts(to: c, in: &cluster).allSatisfy { $0.count == 1 })
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    #expect(cluster.committed(c) == (1...20).map(batch))
  }

  @Test("A replica that names its gap in two answers to one question is sent the slots once")
  func gapNamedTwice() {
    var cluster = Cluster()
    cluster.elect(a)
    cluster.only(a, b)
    for number in 1...UInt64(3) { cluster.propose(number, at: a) }
    cluster.run()
    cluster.heal()
    cluster.fire(.heartbeat, at: a)
    #expect(accepts(to: c, in: &cluster).map(\.count) == [3])
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    #expect(cluster.committed(c) == (1...3).map(batch))
  }

  @Test("Who was away is sent what it lacks once, however often the leader speaks meanwhile")
  func catchingUpOnce() {
    var cluster = Cluster(window: 65_536)
    cluster.elect(a)
    cluster.only(a, b)
    for number in 1...UInt64(5000) { cluster.propose(number, at: a) }
    cluster.run()
    cluster.heal()
    var pages: [Cluster.Envelope] = []
    var sent = 0
    for ticket in 1...200 where cluster[c].commitIndex < slot(5000) {
      // Many rounds of reads pass before a page arrives, and their heartbeats overtake it.
      for number in 1...20 {
        cluster.handle(.readRequested(ReadTicket(UInt64(ticket * 100 + number))), at: a)
        while !cluster.inFlight.isEmpty {
          let envelope = cluster.inFlight.removeFirst()
          if case .accept(_, _, let values, _, _) = envelope.message, !values.isEmpty {
            sent += values.count
            pages.append(envelope)
          } else {
            cluster.handle(.received(envelope.message, from: envelope.from), at: envelope.to)
          }
        }
      }
      guard !pages.isEmpty else { break }
      let page = pages.removeFirst()
      // A copy of it asks for nothing.
      for _ in 1...2 { cluster.handle(.received(page.message, from: page.from), at: page.to) }
    }
    #expect(sent == 5000)
    cluster.run()
    cluster.fire(.heartbeat, at: a)
    cluster.run()
    #expect(cluster.committed(c) == (1...5000).map(batch))
  }
}
