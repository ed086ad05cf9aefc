import Replication
import SteppedCluster
import ViewService

// The words of tests in which the authority is a script: the test says which view follows.

/// An authority that issues the views that a test asks for.
public struct ViewScript {
  public private(set) var view = View.none
  /// How often each replica has started.
  public var incarnations: [UInt64]

  public init(replicas: Int) { incarnations = Array(repeating: 1, count: replicas) }

  /// The view after the last one, or the one with this number.
  public mutating func next(
    _ members: [ReplicaID], joiner: ReplicaID? = nil, number: UInt64? = nil
  ) -> View {
    view = View(
      number: number ?? view.number + 1, members: members, joiner: joiner,
      incarnations: (members + (joiner.map { [$0] } ?? [])).map { incarnations[$0.index] })
    return view
  }
}

extension InProcessCluster where Core: ViewFollower {
  /// The authority tells a replica of a view.
  public mutating func adopt(_ view: View, at id: ReplicaID) {
    perform(at: id) { core, now, effects in core.adopt(view, at: now, into: &effects) }
  }
}

extension Story where Core: ViewFollower {
  /// The authority issues the next view and tells it to all its replicas, or to those named.
  public mutating func issue(
    _ members: ReplicaID..., joiner: ReplicaID? = nil, to told: [ReplicaID]? = nil
  ) {
    let view = script.next(members, joiner: joiner)
    let order = members.map(\.letter).joined(separator: ", ")
    event(
      "authority",
      "issues view \(view.number): \(order)\(joiner.map { ", with \($0.letter) as joiner" } ?? "")")
    for id in told ?? members + (joiner.map { [$0] } ?? []) { hear(of: view, id) }
  }

  /// What the story need not tell: a view of these members, and all that comes of it.
  public mutating func start(_ members: ReplicaID...) {
    let view = script.next(members)
    quietly {
      for id in members { $0.adopt(view, at: id) }
      $0.run()
    }
  }

  /// A replica that has not heard of the newest view yet does.
  public mutating func tell(_ id: ReplicaID) { hear(of: script.view, id) }

  private mutating func hear(of view: View, _ id: ReplicaID) {
    guard cluster.isUp(id) else { return }
    event(id.letter, "hears of view \(view.number)")
    turn(at: id) { $0.adopt(view, at: id) }
  }
}
