import ProtocolTesting
import Replication
import Testing

@testable import ViewService

@Suite struct FailureDetectorTests {
  private let ids = [ReplicaID(0), ReplicaID(1), ReplicaID(2)]
  private let limit = Scene.limit

  @Test("The first view waits for all replicas")
  func firstViewOfAll() {
    var scene = scene()
    scene.hear(0, Report(view: 0))
    scene.hear(1, Report(view: 0))
    #expect(scene.next == nil)
    scene.hear(2, Report(view: 0))
    #expect(scene.nextView == View(number: 1, members: ids))
  }

  @Test("After the failure timeout the first view consists of those that answer")
  func firstViewOfSome() {
    var scene = scene()
    scene.tick(limit - 1, hearing: [0, 2])
    #expect(scene.next == nil)
    scene.tick(1, hearing: [0, 2])
    #expect(scene.nextView?.members == [ReplicaID(0), ReplicaID(2)])
  }

  @Test("A member is removed when it has been silent for the failure timeout, and not before")
  func removal() {
    var scene = scene([0, 1, 2])
    scene.tick(limit - 1, hearing: [1, 2])
    #expect(scene.next == nil)
    scene.tick(1, hearing: [1, 2])
    #expect(scene.nextView == View(number: 2, members: [ReplicaID(1), ReplicaID(2)]))
  }

  @Test("A member that may be silent is removed when that time is over; its lease is no longer")
  func expectedSilence() {
    var scene = scene([0, 1, 2])
    scene.live(3, hearing: [0, 1, 2])
    let lease = scene.lease[0]
    scene.detector.expectSilence(of: 0, for: .milliseconds(600))
    scene.detector.expectSilence(of: 0, for: .milliseconds(40))
    scene.tick(14, hearing: [1, 2])
    #expect(scene.next == nil)
    #expect(scene.lease[0] == lease && lease == .milliseconds(200))
    scene.tick(1, hearing: [1, 2])
    #expect(scene.nextView == View(number: 2, members: [ReplicaID(1), ReplicaID(2)]))
    // One that is not a replica is ignored.
    scene.detector.expectSilence(of: 7, for: .seconds(1))
  }

  @Test("The last member that holds the data is never removed: unavailable, not empty")
  func lastEligible() {
    var scene = scene([0, 1, 2])
    scene.tick(3 * limit, hearing: [])
    #expect(scene.next == nil)
  }

  @Test("The new first member is one that holds the data, in any order of the members")
  func eligibleFirst() {
    var scene = scene([0, 1], joiner: 2)
    _ = scene.machine.apply(.propose(View(number: 2, members: [0, 1, 2].map { ReplicaID($0) })))
    // View 2 is not established, so 2 is not eligible; 0 is silent and 1 has restarted.
    for _ in 0..<limit {
      scene.detector.tick()
      scene.hear(1, Report(view: 0), incarnation: 2)
      scene.hear(2, Report(view: 2))
    }
    #expect(scene.nextView?.members == [ReplicaID(1), ReplicaID(2)])
  }

  @Test("A member that lost its disk is removed when its lease is over, and returns as a joiner")
  func lostDisk() {
    var scene = scene([0, 1, 2])
    scene.live(1, hearing: [0, 1, 2])
    for tick in 0..<3 * limit {
      scene.detector.tick()
      scene.hear(0, Report(view: 0), incarnation: 1 << 40, isBlank: true)
      #expect(scene.lease[0] == .zero)
      for id in [1, 2] { scene.hear(id, Report(view: scene.machine.view.number)) }
      guard let view = scene.nextView else { continue }
      #expect(tick >= limit - 2 && view.members == [ReplicaID(1), ReplicaID(2)])
      scene.apply(.propose(view))
      scene.apply(.markEstablished(view.number))
      break
    }
    #expect(scene.machine.view.number == 2)
    for _ in 0..<3 * limit where scene.machine.view.joiner == nil {
      scene.detector.tick()
      scene.hear(0, Report(view: 0), incarnation: 1 << 40, isBlank: true)
      for id in [1, 2] { scene.hear(id, Report(view: 2)) }
      if let command = scene.next { scene.apply(command) }
    }
    #expect(scene.machine.view.joiner == ReplicaID(0))
    #expect(scene.machine.view.incarnation(of: ReplicaID(0)) == 1 << 40)
  }

  @Test("If only a member that has lost its disk held the data, no new view follows")
  func lastDiskLost() {
    var scene = scene([0, 1])
    for _ in 0..<4 * limit {
      scene.detector.tick()
      scene.hear(0, Report(view: 0), incarnation: 1 << 40, isBlank: true)
      #expect(scene.nextView == nil)
    }
  }

  @Test("A member that restarted goes to the end of the order")
  func restart() {
    var scene = scene([0, 1, 2])
    scene.tick(1, hearing: [0, 1, 2])
    scene.hear(0, Report(view: 0), incarnation: 2)
    #expect(scene.nextView?.members == [ReplicaID(1), ReplicaID(2), ReplicaID(0)])
  }

  @Test("A sole member that restarted gets a new view, and is first again")
  func soleRestart() {
    var scene = scene([0], established: false)
    scene.hear(0, Report(view: 0), incarnation: 2)
    #expect(
      scene.nextView == View(number: 2, members: [ReplicaID(0)], incarnations: [2]))
  }

  @Test("A member that has not heard of the view yet has not restarted")
  func notYetHeard() {
    var scene = scene([0, 1, 2])
    scene.hear(0, Report(view: 0))
    #expect(scene.next == nil)
  }

  @Test("A ping of an earlier incarnation, or an overtaken one, is ignored")
  func stalePings() {
    var scene = scene()
    _ = scene.machine.apply(.propose(View(number: 1, members: ids, incarnations: [2, 1, 1])))
    scene.hear(0, Report(view: 1), incarnation: 2)
    scene.hear(0, Report(view: 0), incarnation: 1)
    #expect(scene.next == nil)
    #expect(scene.detector.replica(ReplicaID(0))?.report.view == 1)
    scene.sequence -= 2
    scene.hear(0, Report(view: 0, unreachable: [ReplicaID(1)]), incarnation: 2)
    #expect(scene.detector.replica(ReplicaID(0))?.report.unreachable == [])
    scene.sequence += 1
    scene.hear(0, Report(view: 0), incarnation: 3)
    #expect(scene.nextView?.number == 2)
  }

  @Test("A ping that would use up the incarnations or the numbers of pings is not believed")
  func pingsOutOfReach() {
    var scene = scene([0, 1, 2])
    scene.tick(1, hearing: [0, 1, 2])
    for incarnation in [1 << 44 + 1, 1 << 62, .max] as [UInt64] {
      scene.hear(1, Report(view: 0), incarnation: incarnation)
      #expect(scene.next == nil)
    }
    scene.sequence += longestEpochJump + 1
    scene.hear(1, Report(view: 1, unreachable: [ReplicaID(0)]))
    #expect(scene.detector.replica(ReplicaID(1))?.report.unreachable == [])
    scene.sequence -= longestEpochJump + 1
    // The replica's own pings still count, and a disk that is numbered by the time is believed.
    scene.hear(1, Report(view: 1, unreachable: [ReplicaID(0)]))
    #expect(scene.detector.replica(ReplicaID(1))?.report.unreachable == [ReplicaID(0)])
    scene.hear(1, Report(view: 0), incarnation: 1 << 43)
    #expect(scene.nextView?.incarnation(of: ReplicaID(1)) == 1 << 43)
  }

  @Test("A view is established when its first member says so of that view")
  func established() {
    var scene = scene([0, 1], established: false)
    scene.hear(0, Report(view: 0, isEstablished: true))
    #expect(scene.next == nil)
    scene.hear(1, Report(view: 1, isEstablished: true))
    #expect(scene.next == nil)
    scene.hear(0, Report(view: 1, isEstablished: true))
    #expect(scene.next == .markEstablished(1))
  }

  @Test("Of the answers that a replica never confirms, a bounded number is remembered")
  func rememberedAnswers() {
    var scene = scene([0, 1, 2])
    scene.deaf = [1]
    for _ in 0..<200 { scene.hear(1, Report(view: 1)) }
    #expect(scene.detector.replica(ReplicaID(1))?.answers.count == 64)
  }

  @Test("A view names the incarnation in which each member and the joiner last pinged")
  func incarnations() {
    var first = scene()
    for id in 0..<3 { first.hear(id, Report(view: 0), incarnation: UInt64(5 + id)) }
    #expect(first.nextView == View(number: 1, members: ids, incarnations: [5, 6, 7]))
    var joined = scene([0, 1])
    for _ in 0..<2 {
      joined.hear(0, Report(view: 1))
      joined.hear(2, Report(view: 1), incarnation: 4)
    }
    let view = View(
      number: 1, members: [ReplicaID(0), ReplicaID(1)], joiner: ReplicaID(2), joining: 1,
      incarnations: [1, 1, 4])
    #expect(joined.next == .changeJoiner(view))
    joined.apply(.changeJoiner(view))
    joined.hear(2, Report(view: 0), incarnation: 5)
    // A joiner that restarts begins again, and the members continue in their view.
    var again = view
    again.joining = 2
    again.incarnations = [1, 1, 5]
    #expect(joined.next == .changeJoiner(again))
    joined.hear(1, Report(view: 1), incarnation: 3)
    #expect(joined.nextView?.incarnations == [1, 3, 5])
  }

  @Test("A leader that has not heard a member yet keeps the incarnation that the view names")
  func unheardIncarnations() {
    var scene = scene()
    _ = scene.machine.apply(
      .propose(View(number: 1, members: ids, incarnations: [4, 5, 6])))
    scene.tick(limit - 1, hearing: [])
    scene.hear(0, Report(view: 1), incarnation: 4)
    scene.detector.tick()
    scene.hear(2, Report(view: 1), incarnation: 8)
    #expect(
      scene.nextView
        == View(number: 2, members: [ReplicaID(0), ReplicaID(2)], incarnations: [4, 8]))
  }

  @Test("A replica that restarted before it heard of a view gets another view as well")
  func restartBeforeView() {
    var scene = scene([0, 1, 2])
    scene.hear(1, Report(view: 0), incarnation: 2)
    #expect(
      scene.nextView
        == View(
          number: 2, members: [ReplicaID(0), ReplicaID(2), ReplicaID(1)], incarnations: [1, 1, 2]))
  }

  @Test("A live replica outside the view becomes joiner of an established view, which stays")
  func joiner() {
    var established = scene([0, 1])
    established.tick(2, hearing: [0, 1, 2])
    #expect(
      established.next
        == .changeJoiner(
          View(
            number: 1, members: [ReplicaID(0), ReplicaID(1)], joiner: ReplicaID(2), joining: 1)))
    var unestablished = scene([0, 1], established: false)
    unestablished.tick(2, hearing: [0, 1, 2])
    #expect(unestablished.next == nil)
  }

  @Test("A joiner that has caught up becomes the last member; a silent one is dropped")
  func joinerEnds() {
    var fed = scene([0, 1], joiner: 2)
    fed.tick(1, hearing: [0, 1, 2])
    fed.hear(0, Report(view: 1, joining: 0, joinerHasCaughtUp: true))
    #expect(fed.next == nil)
    fed.hear(0, Report(view: 1, joining: 1, joinerHasCaughtUp: true))
    #expect(fed.nextView == View(number: 2, members: ids))
    var silent = scene([0, 1], joiner: 2)
    silent.tick(limit, hearing: [0, 1])
    #expect(
      silent.next
        == .changeJoiner(View(number: 1, members: [ReplicaID(0), ReplicaID(1)], joining: 2)))
  }

  @Test("A view is marked established only when its first member reports it")
  func establishing() {
    var scene = scene([0, 1, 2], established: false)
    scene.hear(1, Report(view: 1, isEstablished: true))
    #expect(scene.next == nil)
    scene.hear(0, Report(view: 1, isEstablished: true))
    #expect(scene.next == .markEstablished(1))
  }
}
