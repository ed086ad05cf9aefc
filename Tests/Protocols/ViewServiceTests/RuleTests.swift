import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import WireFormat

@testable import ViewService

private typealias Stub = WithAuthority<StubReplica, SoloConsensus>

/// Rules of the failure detector that no other scene needs.
@Suite("The failure detector's rules, one by one") struct DetectorRuleTests {
  private let limit = Scene.limit

  /// The joiner that the next command names; `nil` if the command is another one.
  private func joiner(_ scene: Scene) -> ReplicaID?? {
    var scene = scene
    if case .changeJoiner(let view)? = scene.next { return .some(view.joiner) }
    return .none
  }

  @Test("A cut between two members is forgotten in time, so that they may be neighbours again")
  func forgottenCut() {
    var scene = scene([0, 1, 2], links: .alongChain)
    scene.unreachable = [0: [1]]
    scene.live(2, hearing: [0, 1, 2])
    #expect(scene.machine.view.members == [ReplicaID(0), ReplicaID(2), ReplicaID(1)])
    scene.unreachable = [:]
    scene.live(33 * limit, hearing: [0, 1, 2])
    scene.unreachable = [2: [1]]
    scene.live(2 * limit, hearing: [0, 1, 2])
    #expect(scene.machine.view.members.count == 3)
    #expect(scene.machine.view.number == 3)
  }

  @Test("A node that is told of a coming silence tells its detector or its data protocol")
  func expectedSilence() {
    let membership = Membership(replicas: [0, 1], authority: [2])
    let options = Stub.Options(OptionValues(Stub.Options.declared))
    var replica = Stub(id: 0, membership: membership, options: options)
    replica.expectSilence(of: 1, for: .seconds(1), at: .zero)
    #expect(replica.replica?.expectedSilences == [ReplicaID(1)])
    var authority = Stub(id: 2, membership: membership, options: options)
    authority.expectSilence(of: 1, for: .seconds(1), at: .zero)
    #expect(authority.authority.detector.replica(1)?.silentUntilTick == 25)
  }

  @Test("Only a live joiner of an established view becomes a member, by a report on this view")
  func readyJoiner() {
    let ready = Report(view: 1, joining: 1, joinerHasCaughtUp: true)
    var unestablished = scene([0, 1], joiner: 2, established: false)
    unestablished.tick(1, hearing: [0, 1, 2])
    unestablished.hear(0, ready)
    #expect(unestablished.next == nil)
    var silent = scene([0, 1], joiner: 2)
    silent.tick(limit, hearing: [0, 1])
    silent.hear(0, ready)
    #expect(silent.nextView == nil)
    var early = scene([0, 1], joiner: 2)
    early.tick(1, hearing: [0, 1, 2])
    early.hear(0, Report(view: 0, joining: 1, joinerHasCaughtUp: true))
    #expect(early.nextView == nil)
    early.hear(0, ready)
    #expect(early.nextView?.members.count == 3)
  }

  @Test("A joiner that never catches up gives way in the end, although it makes progress")
  func endlessJoiner() {
    var scene = scene([0, 1], joiner: 2, replicas: 4)
    for _ in 0..<64 * limit - 2 {
      scene.progress += 1
      scene.live(1, hearing: [0, 1, 2, 3])
    }
    #expect(scene.machine.view.joiner == ReplicaID(2))
    for _ in 0..<4 {
      scene.progress += 1
      scene.live(1, hearing: [0, 1, 2, 3])
    }
    #expect(scene.machine.view.joiner == ReplicaID(3))
  }

  @Test("A spare that may hear nothing is no candidate; of two, the one that failed less is")
  func candidates() {
    var deaf = scene([0, 1])
    deaf.deaf = [2]
    deaf.tick(2, hearing: [0, 1, 2])
    #expect(deaf.next == nil)
    deaf.deaf = []
    deaf.tick(2, hearing: [0, 1, 2])
    #expect(joiner(deaf) == .some(ReplicaID(2)))
    var two = scene([0, 1], replicas: 4)
    two.detector.replicas[2].failures = 1
    two.tick(2, hearing: [0, 1, 2, 3])
    #expect(joiner(two) == .some(ReplicaID(3)))
  }

  @Test(
    "After a tick, a ping or a view the leader proposes a command, until the command is agreed on",
    arguments: 0..<3)
  func news(_ event: Int) {
    var scene = scene([0, 1, 2])
    scene.tick(1, hearing: [0, 1, 2])
    #expect(scene.detector.newCommand(after: scene.machine) == nil)
    // Not an event: a removal becomes due, and the leader does not look.
    scene.detector.replicas[2].heardTick = -100
    scene.detector.replicas[2].grantedTick = -100
    #expect(scene.detector.newCommand(after: scene.machine) == nil)
    switch event {
    case 0: scene.detector.tick()
    case 1: scene.hear(0, Report(view: 1))
    default: scene.detector.observe(scene.machine, after: scene.machine.view)
    }
    for _ in 0..<2 { #expect(scene.detector.newCommand(after: scene.machine) != nil) }
  }

  @Test("In a view that is not established a silent joiner gets no successor")
  func noSuccessor() {
    var scene = scene([0, 1], joiner: 2, established: false, replicas: 4)
    scene.tick(limit + 4, hearing: [0, 1, 3])
    #expect(joiner(scene) == .some(nil))
  }

  @Test("A member that is removed soon after it joined waits before it may join again")
  func shortMembership() {
    var scene = scene([0, 1, 2])
    scene.detector.replicas[2].memberSince = 0
    scene.tick(limit, hearing: [0, 1])
    scene.apply(.propose(View(number: 2, members: [ReplicaID(0), ReplicaID(1)])))
    #expect(scene.detector.replicas[2].failures == 1)
    #expect(scene.detector.replicas[2].blockedUntil > scene.detector.ticks)
  }

  @Test("The authority waits for longer leases until they are over, and no shorter meanwhile")
  func patience() {
    let (short, long) = (Interval.milliseconds(200), Interval.milliseconds(400))
    var scene = scene([0, 1, 2])
    scene.apply(.setLease(granted: long, patience: long))
    scene.apply(.setLease(granted: short, patience: long))
    // Ticks of 40 ms within 400 ms, and one more.
    for _ in 0..<11 {
      #expect(scene.next == nil)
      scene.tick(1, hearing: [0, 1, 2])
    }
    #expect(scene.next == .setLease(granted: short, patience: short))
    var slow = ViewServiceTests.scene([0, 1, 2])
    slow.apply(.setLease(granted: .milliseconds(800), patience: .milliseconds(800)))
    slow.apply(.setLease(granted: short, patience: .milliseconds(800)))
    slow.detector.replicas[0].answerTime = .milliseconds(200)
    #expect(
      slow.next == .setLease(granted: .milliseconds(600), patience: .milliseconds(800)))
  }
}

@Suite("The authority's patience") struct PatienceOfAuthorityTests {
  private let short = Interval.milliseconds(200)
  private let long = Interval.milliseconds(400)

  /// Ticks until the authority waits for no longer than its shorter leases last.
  private func ticksUntilShort(_ scene: inout Scene) -> Int {
    for count in 0..<100 {
      if scene.next == .setLease(granted: short, patience: short) { return count }
      scene.tick(1, hearing: [0, 1, 2])
    }
    return 100
  }

  @Test("Leases that became longer and shorter again are waited for like the first ones")
  func secondShortening() {
    var scene = scene([0, 1, 2])
    for _ in 0..<3 {
      scene.apply(.setLease(granted: long, patience: long))
      #expect(scene.next == .setLease(granted: short, patience: long))
      scene.apply(.setLease(granted: short, patience: long))
      // Ticks of 40 ms within 400 ms, and one more.
      #expect(ticksUntilShort(&scene) == 11)
      scene.apply(.setLease(granted: short, patience: short))
    }
  }

  @Test("Leases that became longer while the authority waited for the first ones are waited for")
  func interruptedShortening() {
    var scene = scene([0, 1, 2])
    scene.apply(.setLease(granted: long, patience: long))
    scene.apply(.setLease(granted: short, patience: long))
    #expect(scene.next == nil)
    scene.tick(9, hearing: [0, 1, 2])
    #expect(scene.next == nil)
    scene.apply(.setLease(granted: long, patience: long))
    #expect(scene.next == .setLease(granted: short, patience: long))
    scene.apply(.setLease(granted: short, patience: long))
    #expect(ticksUntilShort(&scene) == 11)
  }
}

@Suite("The rules of a lease, one by one") struct ViewLeaseRuleTests {
  private func lease(in number: UInt64) -> ViewLease {
    var lease = ViewLease(options: Stub.Options())
    lease.take(View(number: number, members: [ReplicaID(0)]))
    return lease
  }

  private func pong(_ number: UInt64, lease: Interval = .milliseconds(400)) -> Pong {
    Pong(
      view: View(number: number, members: [ReplicaID(0)]), lease: lease, sequence: 1,
      incarnation: 0)
  }

  @Test("A lease is for the view of the answer, and a new view ends it")
  func ofOneView() {
    let now = Instant.zero + .seconds(1)
    var other = lease(in: 1)
    _ = other.nextPing(Report(view: 1), at: now)
    other.answered(pong(2), at: now)
    #expect(!other.holdsLease(at: now))
    var own = lease(in: 1)
    _ = own.nextPing(Report(view: 1), at: now)
    own.answered(pong(1), at: now)
    #expect(own.holdsLease(at: now) && own.patience == .milliseconds(400))
    #expect(!own.holdsLease(at: now - .milliseconds(1)))
    own.take(View(number: 2, members: [ReplicaID(0)]))
    #expect(!own.holdsLease(at: now))
  }

  @Test("A report that changes all the time brings a bounded number of pings per tick")
  func boundedNews() {
    var lease = lease(in: 1)
    lease.mayPing = true
    var sent = 0
    for number in 0..<20 {
      let report = Report(view: 1, joinerHasCaughtUp: number % 2 == 0)
      guard lease.maySendNews(report) else { continue }
      _ = lease.nextPing(report, at: .zero)
      sent += 1
    }
    #expect(sent == ViewLease.newsLimit)
    lease.tick()
    let maySend = lease.maySendNews(Report(view: 1, isEstablished: true))
    #expect(maySend)
  }
}

@Suite("The rules of replicas and the authority, one by one") struct WithAuthorityRuleTests {
  @Test("A new leader of the authority proposes nothing before a quorum has answered it")
  func informedFirst() {
    var cluster = StubCluster(replicas: 3)
    cluster.tick([.tick])
    cluster.tell(.lead(false))
    cluster.tell(.holdReads(true))
    cluster.tell(.lead(true))
    for _ in 0..<20 { cluster.tick([.tick], except: [ReplicaID(0)]) }
    #expect(cluster.nodes[3].core.view.number == 1)
    cluster.tell(.holdReads(false))
    for _ in 0..<10 { cluster.tick([.tick], except: [ReplicaID(0)]) }
    #expect(cluster.nodes[3].core.view.number == 2)
  }

  @Test("A view is not adopted twice, and an earlier incarnation's number allows no ping")
  func ownMessages() {
    let cluster = StubCluster(replicas: 3)
    var core = cluster.nodes[1].core
    var effects = Effects<Stub>()
    core.handle(
      .received(.authority(.adopting(core.view)), from: ReplicaID(1)), at: .zero, into: &effects)
    #expect(core.view.number == 1 && effects.earlySends.isEmpty)
    core.viewLease.mayPing = false
    core.viewLease.incarnation = 3
    core.handle(
      .received(.authority(.alive(incarnation: 2)), from: ReplicaID(1)), at: .zero, into: &effects)
    #expect(!core.viewLease.mayPing)
  }

  @Test("A replica that has lost its disk is blank until it is a member; that is durable")
  func blank() {
    let cluster = StubCluster(replicas: 3)
    var core = cluster.nodes[2].core
    core.takePlace(generation: 1 << 41)
    var effects = Effects<Stub>()
    let members = [ReplicaID(0), ReplicaID(1)]
    let joining = View(
      number: 5, members: members, joiner: ReplicaID(2), incarnations: [1, 1, 1 << 41])
    core.handle(
      .received(.authority(.adopting(joining)), from: ReplicaID(2)), at: .zero, into: &effects)
    #expect(core.viewLease.isBlank && !effects.records.contains(.filled))
    let whole = View(
      number: 6, members: members + [ReplicaID(2)], incarnations: [1, 1, 1 << 41])
    core.handle(
      .received(.authority(.adopting(whole)), from: ReplicaID(2)), at: .zero, into: &effects)
    #expect(!core.viewLease.isBlank && effects.records.contains(.filled))
  }
}
