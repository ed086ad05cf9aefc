import SteppedCluster
import Replication
import Testing

@testable import ViewService

@Suite struct LeaseTests {
  private let first = ReplicaID(0)

  /// View 1 is agreed on and everybody has a fresh lease.
  private func settled(_ bug: ViewServiceBug? = nil) -> StubCluster {
    var cluster = StubCluster(replicas: 3, bug: bug)
    cluster.tickAll()
    #expect(cluster.view(at: 0).number == 1)
    #expect(cluster.nodes[0].core.holdsLease(at: cluster.now))
    return cluster
  }

  @Test(
    "A lease runs from the sending of the ping; counted from the receipt it outlives the timeout",
    arguments: [nil, ViewServiceBug.leaseFromReceipt])
  func leaseStart(bug: ViewServiceBug?) {
    var cluster = settled(bug)
    cluster.fire(.tick, at: first)
    let sent = cluster.now
    cluster.now = sent + .milliseconds(190)
    cluster.run()
    // The authority may declare the replica dead 200 ms after it was heard, which may be at `sent`.
    let late = sent + .milliseconds(205)
    #expect(cluster.nodes[0].core.holdsLease(at: late) == (bug != nil))
  }

  @Test("A lease ends by the clock after four fifths of the failure timeout")
  func duration() {
    let cluster = settled()
    let core = cluster.nodes[0].core
    #expect(core.holdsLease(at: cluster.now + .milliseconds(159)))
    #expect(!core.holdsLease(at: cluster.now + .milliseconds(161)))
  }

  @Test("A lease ends by timer ticks when the clock stands still")
  func ticks() {
    var cluster = settled()
    let now = cluster.now
    cluster.delivers = { _ in false }
    for _ in 0..<3 {
      cluster.now = now - .milliseconds(40)
      cluster.nodes[0].core.handle(.timerFired(.tick), at: now, into: &sink)
    }
    #expect(cluster.nodes[0].core.holdsLease(at: now))
    cluster.nodes[0].core.handle(.timerFired(.tick), at: now, into: &sink)
    #expect(!cluster.nodes[0].core.holdsLease(at: now))
  }

  private var sink: Effects<Supervised<StubReplica, SoloConsensus>> {
    get { Effects() }
    nonmutating set {}
  }

  @Test("A clock that goes back ends the lease")
  func clockStepsBack() {
    var cluster = settled()
    let now = cluster.now
    cluster.nodes[0].core.handle(
      .readRequested(ReadTicket(1)), at: now - .milliseconds(1), into: &sink)
    #expect(!cluster.nodes[0].core.holdsLease(at: now))
  }

  @Test("A read without a lease waits for the next answer, then is answered once")
  func heldRead() {
    var cluster = settled()
    cluster.now = cluster.now + .milliseconds(170)
    cluster.handle(.readRequested(ReadTicket(7)), at: first)
    #expect(cluster.nodes[0].reads.isEmpty)
    cluster.fire(.tick, at: first)
    cluster.run()
    #expect(cluster.nodes[0].reads == [ReadTicket(7)])
    #expect(cluster.nodes[0].refusedReads.isEmpty)
  }

  @Test("A held read is refused when the view changes away, with the one now in charge")
  func heldReadOfDeposed() {
    var cluster = settled()
    let isolated = first
    cluster.delivers = { $0.from != isolated && $0.to != isolated }
    for _ in 0..<8 { cluster.tickAll() }
    #expect(cluster.view(at: 1).members == [ReplicaID(1), ReplicaID(2)])
    cluster.handle(.readRequested(ReadTicket(7)), at: first)
    #expect(cluster.nodes[0].reads.isEmpty)
    cluster.delivers = { _ in true }
    cluster.tickAll()
    cluster.tickAll()
    #expect(cluster.nodes[0].reads.isEmpty)
    #expect(cluster.nodes[0].refusedReads.map(\.refused) == [ReadTicket(7)])
    #expect(cluster.nodes[0].refusedReads.first?.redirect == ReplicaID(1))
  }

  @Test("A held read is refused when no lease comes for the failure timeout")
  func heldReadGivenUp() {
    var cluster = settled()
    cluster.now = cluster.now + .milliseconds(170)
    cluster.delivers = { _ in false }
    cluster.handle(.readRequested(ReadTicket(7)), at: first)
    for _ in 0..<6 { cluster.fire(.tick, at: first) }
    cluster.run()
    #expect(cluster.nodes[0].refusedReads.map(\.refused) == [ReadTicket(7)])
  }

  @Test(
    "A ping is answered only when the authority's leader has made sure that it leads",
    arguments: [nil, ViewServiceBug.pingWithoutQuorum])
  func confirmedPings(bug: ViewServiceBug?) {
    var cluster = settled(bug)
    cluster.tell(.holdReads(true))
    cluster.now = cluster.now + .milliseconds(170)
    cluster.fire(.tick, at: first)
    cluster.run()
    #expect(cluster.nodes[0].core.holdsLease(at: cluster.now) == (bug != nil))
    cluster.tell(.holdReads(false))
    cluster.run()
    #expect(cluster.nodes[0].core.holdsLease(at: cluster.now))
  }

  @Test("While a view change is on its way no ping renews what it takes away")
  func proposalHoldsPings() {
    var cluster = settled()
    cluster.tell(.holdCommits(true))
    for _ in 0..<7 { cluster.tickAll(except: [first]) }
    #expect(!cluster.nodes[0].core.holdsLease(at: cluster.now))
    cluster.fire(.tick, at: first)
    cluster.run()
    #expect(!cluster.nodes[0].core.holdsLease(at: cluster.now))
    cluster.tell(.holdCommits(false))
    cluster.run()
    cluster.run()
    #expect(!cluster.view(at: 0).members.contains(first))
  }
}
