import Replication
import Testing

@testable import ViewService

@Suite struct SupervisionTests {
  private let ids = [ReplicaID(0), ReplicaID(1), ReplicaID(2)]
  private let limit = 6

  /// A leader's knowledge with everybody heard just now in `view`.
  private struct Scene {
    var supervision: Supervision
    var machine = ViewServiceStateMachine()
    var sequence: UInt64 = 0

    mutating func hear(_ id: Int, _ report: Report, incarnation: UInt64 = 1) {
      sequence += 1
      supervision.heard(
        Ping(report: report, sequence: sequence, incarnation: incarnation),
        from: ReplicaID(id))
    }

    mutating func tick(_ count: Int, hearing present: [Int]) {
      for _ in 0..<count {
        supervision.tick()
        for id in present { hear(id, Report(view: machine.view.number)) }
      }
    }

    var next: ViewServiceStateMachine.Command? { supervision.nextCommand(after: machine) }

    var nextView: View? {
      if case .propose(let view)? = next { return view }
      return nil
    }
  }

  private func scene(_ members: [Int]? = nil, joiner: Int? = nil, established: Bool = true) -> Scene
  {
    var scene = Scene(supervision: Supervision(replicas: ids, silenceLimit: limit))
    guard let members else { return scene }
    let view = View(number: 1, members: members.map { ReplicaID($0) })
    _ = scene.machine.apply(.propose(view))
    if let joiner {
      _ = scene.machine.apply(.markEstablished(1))
      _ = scene.machine.apply(
        .propose(View(number: 2, members: view.members, joiner: ReplicaID(joiner))))
    }
    if established { _ = scene.machine.apply(.markEstablished(scene.machine.view.number)) }
    return scene
  }

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

  @Test("The last member that holds the data is never removed: unavailable, not empty")
  func lastEligible() {
    var scene = scene([0, 1, 2])
    scene.tick(3 * limit, hearing: [])
    #expect(scene.next == nil)
  }

  @Test("A successor in charge is one that holds the data, whatever the order")
  func eligibleFirst() {
    var scene = scene([0, 1], joiner: 2)
    _ = scene.machine.apply(.propose(View(number: 3, members: [0, 1, 2].map { ReplicaID($0) })))
    // View 3 is not established, so 2 is not eligible; 0 is silent and 1 has restarted.
    for _ in 0..<limit {
      scene.supervision.tick()
      scene.hear(1, Report(view: 0), incarnation: 2)
      scene.hear(2, Report(view: 3))
    }
    #expect(scene.nextView?.members == [ReplicaID(1), ReplicaID(2)])
  }

  @Test("A member that restarted goes to the end of the order")
  func restart() {
    var scene = scene([0, 1, 2])
    scene.tick(1, hearing: [0, 1, 2])
    scene.hear(0, Report(view: 0), incarnation: 2)
    #expect(scene.nextView?.members == [ReplicaID(1), ReplicaID(2), ReplicaID(0)])
  }

  @Test("A sole member that restarted gets a new view, in charge again")
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

  @Test("A view names the incarnation in which each member and the joiner last pinged")
  func incarnations() {
    var first = scene()
    for id in 0..<3 { first.hear(id, Report(view: 0), incarnation: UInt64(5 + id)) }
    #expect(first.nextView == View(number: 1, members: ids, incarnations: [5, 6, 7]))
    var joined = scene([0, 1])
    joined.hear(2, Report(view: 1), incarnation: 4)
    joined.hear(1, Report(view: 1), incarnation: 3)
    #expect(
      joined.nextView
        == View(
          number: 2, members: [ReplicaID(0), ReplicaID(1)], joiner: ReplicaID(2),
          incarnations: [1, 3, 4]))
  }

  @Test("A leader that has not heard a member yet keeps the incarnation that the view names")
  func unheardIncarnations() {
    var scene = scene()
    _ = scene.machine.apply(
      .propose(View(number: 1, members: ids, incarnations: [4, 5, 6])))
    scene.tick(limit - 1, hearing: [])
    scene.hear(0, Report(view: 1), incarnation: 4)
    scene.supervision.tick()
    scene.hear(2, Report(view: 1), incarnation: 8)
    #expect(
      scene.nextView
        == View(number: 2, members: [ReplicaID(0), ReplicaID(2)], incarnations: [4, 8]))
  }

  @Test("A replica that restarted before it heard of a view gets another view, too")
  func restartBeforeView() {
    var scene = scene([0, 1, 2])
    scene.hear(1, Report(view: 0), incarnation: 2)
    #expect(
      scene.nextView
        == View(
          number: 2, members: [ReplicaID(0), ReplicaID(2), ReplicaID(1)], incarnations: [1, 1, 2]))
  }

  @Test("A ping of an earlier life, or an overtaken one, says nothing")
  func stalePings() {
    var scene = scene()
    _ = scene.machine.apply(.propose(View(number: 1, members: ids, incarnations: [2, 1, 1])))
    scene.hear(0, Report(view: 1), incarnation: 2)
    scene.hear(0, Report(view: 0), incarnation: 1)
    #expect(scene.next == nil)
    scene.hear(0, Report(view: 0), incarnation: 3)
    #expect(scene.nextView?.number == 2)
  }

  @Test("A live replica that is no member becomes joiner of an established view")
  func joiner() {
    var established = scene([0, 1])
    established.hear(2, Report(view: 1))
    #expect(
      established.nextView
        == View(number: 2, members: [ReplicaID(0), ReplicaID(1)], joiner: ReplicaID(2)))
    var unestablished = scene([0, 1], established: false)
    unestablished.hear(2, Report(view: 1))
    #expect(unestablished.next == nil)
  }

  @Test("A joiner that has caught up becomes the last member; a silent one is dropped")
  func joinerEnds() {
    var fed = scene([0, 1], joiner: 2)
    fed.hear(0, Report(view: 2, joinerHasCaughtUp: true))
    #expect(fed.nextView == View(number: 3, members: ids))
    var silent = scene([0, 1], joiner: 2)
    silent.tick(limit, hearing: [0, 1])
    #expect(silent.nextView == View(number: 3, members: [ReplicaID(0), ReplicaID(1)]))
  }

  @Test("A view is marked established when its first member says so, and nobody else")
  func establishing() {
    var scene = scene([0, 1, 2], established: false)
    scene.hear(1, Report(view: 1, isEstablished: true))
    #expect(scene.next == nil)
    scene.hear(0, Report(view: 1, isEstablished: true))
    #expect(scene.next == .markEstablished(1))
  }
}
