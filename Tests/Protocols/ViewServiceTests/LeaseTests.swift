import SteppedCluster
import ProtocolTesting
import Replication
import Testing

@testable import ViewService

@Suite struct LeaseTests {
  private let first = a

  /// View 1 is agreed on and every replica has a fresh lease.
  private func settled(_ bug: ViewServiceBug? = nil) -> StubCluster {
    var cluster = StubCluster(replicas: 3, bug: bug)
    cluster.tick([.tick])
    #expect(cluster.view(at: a).number == 1)
    #expect(cluster.core(a).holdsLease(at: cluster.now))
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
    #expect(cluster.core(a).holdsLease(at: late) == (bug != nil))
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
    #expect(cluster.core(a).holdsLease(at: now))
    cluster.nodes[0].core.handle(.timerFired(.tick), at: now, into: &sink)
    #expect(!cluster.core(a).holdsLease(at: now))
  }

  private var sink: Effects<WithAuthority<StubReplica, SoloConsensus>> {
    get { Effects() }
    nonmutating set {}
  }

  @Test("A clock that goes back ends the lease")
  func clockStepsBack() {
    var cluster = settled()
    let now = cluster.now
    cluster.nodes[0].core.handle(
      .readRequested(ReadTicket(1)), at: now - .milliseconds(1), into: &sink)
    #expect(!cluster.core(a).holdsLease(at: now))
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

  @Test("A waiting read is refused when the view changes, and names the new first member")
  func heldReadOfDeposed() {
    var cluster = settled()
    let isolated = first
    cluster.delivers = { $0.from != isolated && $0.to != isolated }
    for _ in 0..<8 { cluster.tick([.tick]) }
    #expect(cluster.view(at: b).members == [b, c])
    cluster.handle(.readRequested(ReadTicket(7)), at: first)
    #expect(cluster.nodes[0].reads.isEmpty)
    cluster.delivers = { _ in true }
    cluster.tick([.tick])
    cluster.tick([.tick])
    #expect(cluster.nodes[0].reads.isEmpty)
    #expect(cluster.nodes[0].refusedReads.map(\.refused) == [ReadTicket(7)])
    #expect(cluster.nodes[0].refusedReads.first?.redirect == b)
  }

  @Test("A waiting read is refused when no lease comes for the failure timeout")
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
    #expect(cluster.core(a).holdsLease(at: cluster.now) == (bug != nil))
    cluster.tell(.holdReads(false))
    cluster.run()
    #expect(cluster.core(a).holdsLease(at: cluster.now))
  }

  @Test("While a view change is pending no ping renews the leases it ends")
  func proposalHoldsPings() {
    var cluster = settled()
    cluster.tell(.holdCommits(true))
    for _ in 0..<7 { cluster.tick([.tick], except: [first]) }
    #expect(!cluster.core(a).holdsLease(at: cluster.now))
    cluster.fire(.tick, at: first)
    cluster.run()
    #expect(!cluster.core(a).holdsLease(at: cluster.now))
    cluster.tell(.holdCommits(false))
    cluster.run()
    cluster.run()
    #expect(!cluster.view(at: a).members.contains(first))
  }
}

@Suite struct LeaseGrantTests {
  private let first = a

  @Test("An answer to a ping of an earlier incarnation gives no lease")
  func earlierLife() {
    var cluster = StubCluster(replicas: 3)
    cluster.tick([.tick])
    cluster.crash(first)
    cluster.restart(first)
    cluster.run()
    cluster.tick([.tick])
    let view = cluster.view(at: a)
    #expect(view.number == 2)
    cluster.now = cluster.now + .milliseconds(500)
    cluster.delivers = { _ in false }
    cluster.fire(.tick, at: first)
    cluster.run()
    #expect(!cluster.core(a).holdsLease(at: cluster.now))
    for sequence in 1...40 as ClosedRange<UInt64> {
      let pong = Pong(
        view: view, lease: .milliseconds(200), sequence: sequence, incarnation: 1)
      cluster.handle(.received(.authority(.pong(pong)), from: cluster.authority), at: first)
    }
    #expect(!cluster.core(a).holdsLease(at: cluster.now))
  }

  @Test("An answer without a lease brings only the view")
  func noLease() {
    var cluster = StubCluster(replicas: 3)
    cluster.tick([.tick])
    let view = cluster.view(at: a)
    cluster.now = cluster.now + .milliseconds(500)
    cluster.delivers = { _ in false }
    cluster.fire(.tick, at: first)
    cluster.run()
    for sequence in 1...40 as ClosedRange<UInt64> {
      let pong = Pong(view: view, lease: .zero, sequence: sequence, incarnation: 1)
      cluster.handle(.received(.authority(.pong(pong)), from: cluster.authority), at: first)
    }
    #expect(!cluster.core(a).holdsLease(at: cluster.now))
  }

  @Test("Pings do not wait for the disk, except while the incarnation is not durable")
  func earlyPings() {
    var cluster = StubCluster(replicas: 3)
    cluster.tick([.tick])
    cluster.nodes[0].holdsDisk = true
    let view = View(
      number: 2, members: cluster.membership.replicas, joiner: nil)
    cluster.handle(.received(.authority(.view(view)), from: cluster.authority), at: first)
    for _ in 0..<20 { cluster.tick([.tick]) }
    #expect(cluster.core(a).holdsLease(at: cluster.now))
    #expect(cluster.view(at: b).number == 1)
    cluster.crash(first)
    cluster.restart(first)
    cluster.nodes[0].heldSends = cluster.inFlight.filter { $0.from == first }
    cluster.inFlight = []
    cluster.nodes[0].holdsDisk = true
    cluster.fire(.tick, at: first)
    #expect(!cluster.inFlight.contains { $0.to == cluster.authority })
    cluster.releaseDisk(first)
    cluster.run(limit: 1)
    #expect(cluster.inFlight.contains { $0.to == cluster.authority })
  }

  @Test("A ping that is not answered in time goes to all nodes of the authority")
  func pingsToAll() {
    var cluster = StubCluster(
      membership: Membership(replicas: 2, authority: 3), options: StubCluster(replicas: 1).options)
    cluster.run()
    cluster.fire(.tick, at: first)
    #expect(cluster.inFlight.filter { $0.from == first }.count == 1)
    cluster.inFlight = []
    cluster.fire(.tick, at: first)
    #expect(cluster.inFlight.filter { $0.from == first }.count == 3)
  }

  @Test("Several pings of one replica are under way to be confirmed at the same time")
  func severalRounds() {
    var cluster = StubCluster(replicas: 3)
    cluster.tick([.tick])
    cluster.tell(.holdReads(true))
    for _ in 0..<3 {
      cluster.fire(.tick, at: first)
      cluster.run()
    }
    #expect(cluster.nodes[3].core.consensus?.heldReads.count == 3)
    for _ in 0..<20 {
      cluster.fire(.tick, at: first)
      cluster.run()
    }
    #expect(cluster.nodes[3].core.consensus?.heldReads.count == 8)
    cluster.tell(.holdReads(false))
    cluster.run()
    #expect(cluster.core(a).holdsLease(at: cluster.now))
  }

  @Test(
    "If answers take long, leases become long enough to be valid, and then short again")
  func leaseFollowsAnswers() {
    var cluster = StubCluster(replicas: 3)
    cluster.tick([.tick])
    // Every answer takes 160 ms: the ping and the pong 40 ms each, the quorum 80 ms.
    func slowTick(_ cluster: inout StubCluster) {
      cluster.fire(.tick, at: cluster.authority)
      for id in [a, b, c] { cluster.fire(.tick, at: id) }
      cluster.now = cluster.now + .milliseconds(160)
      cluster.run()
    }
    for _ in 0..<20 { slowTick(&cluster) }
    #expect(cluster.nodes[3].core.authority.machine.granted > .milliseconds(300))
    #expect(cluster.core(a).holdsLease(at: cluster.now + .milliseconds(80)))
    for _ in 0..<80 { cluster.tick([.tick]) }
    #expect(cluster.nodes[3].core.authority.machine.granted == .milliseconds(200))
    #expect(cluster.nodes[3].core.authority.machine.patience == .milliseconds(200))
  }
}
