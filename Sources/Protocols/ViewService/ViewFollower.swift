import Replication

/// Who does what, as the authority decided it. Views are numbered from 1 without gaps; a replica
/// that knows no view yet is in view 0.
public struct View: Equatable, Sendable {
  public var number: UInt64
  /// Those who must hold every update before it is acknowledged. The first one is in charge
  /// (primary, head); in a chain the order is the order of the chain and the last one is the tail.
  public var members: [ReplicaID]
  /// A replica that catches up so that it can become the last member of a later view. It is no
  /// member: nothing waits for it and it answers nobody.
  public var joiner: ReplicaID?
  /// Counts the changes of the joiner in this view. They are numbered apart from views, because a
  /// view costs the members work and a joiner's coming and going concerns only the one that feeds
  /// it.
  public var joining: UInt64
  /// The incarnations of the members, in their order, and then of the joiner, as the authority knew
  /// them when it issued the view. A replica takes over only a view that names its own incarnation.
  /// So a member that finds another one under the same incarnation as in the view before knows that
  /// it still has in memory all that it ever said, be that durable or not.
  public var incarnations: [UInt64]

  /// - Parameter incarnations: `nil` if all are in their first.
  public init(
    number: UInt64, members: [ReplicaID], joiner: ReplicaID? = nil, joining: UInt64 = 0,
    incarnations: [UInt64]? = nil
  ) {
    self.number = number
    self.members = members
    self.joiner = joiner
    self.joining = joining
    self.incarnations =
      incarnations ?? Array(repeating: 1, count: members.count + (joiner == nil ? 0 : 1))
  }

  /// The incarnation in which a member or the joiner takes part; `nil` for any other replica.
  public func incarnation(of id: ReplicaID) -> UInt64? {
    let place = members.firstIndex(of: id) ?? (joiner == id ? members.count : incarnations.count)
    return place < incarnations.count ? incarnations[place] : nil
  }

  /// Whether it names one incarnation for every member and for the joiner.
  var isWellFormed: Bool { incarnations.count == members.count + (joiner == nil ? 0 : 1) }

  /// The same view after its next change of the joiner.
  func changingJoiner(to joiner: ReplicaID?, incarnation: UInt64) -> View {
    View(
      number: number, members: members, joiner: joiner, joining: joining + 1,
      incarnations: incarnations[..<members.count] + (joiner == nil ? [] : [incarnation]))
  }

  /// Whether `self` was agreed on before `other`.
  public func precedes(_ other: View) -> Bool {
    (number, joining) < (other.number, other.joining)
  }

  public static let none = View(number: 0, members: [])
}

/// What a replica tells the authority with every ping.
public struct Report: Equatable, Sendable {
  /// The view the replica works in; 0 after a restart, until it has learnt the current one.
  public var view: UInt64
  /// Says the replica that is in charge: every member of `view` holds everything that was or may
  /// have been acknowledged, so any of them may be promoted.
  public var isEstablished: Bool
  /// Which change of the joiner in `view` the two following are about.
  public var joining: UInt64
  /// Says the replica that feeds the joiner: it has caught up and may become a member.
  public var joinerHasCaughtUp: Bool
  /// Says the replica that feeds the joiner: how far that one's log has come. Only whether it grows
  /// counts.
  public var joinerProgress: UInt64
  /// Neighbours that this replica has asked several times in vain, while they may be well.
  public var unreachable: [ReplicaID]

  public init(
    view: UInt64, isEstablished: Bool = false, joining: UInt64 = 0,
    joinerHasCaughtUp: Bool = false, joinerProgress: UInt64 = 0, unreachable: [ReplicaID] = []
  ) {
    self.view = view
    self.isEstablished = isEstablished
    self.joining = joining
    self.joinerHasCaughtUp = joinerHasCaughtUp
    self.joinerProgress = joinerProgress
    self.unreachable = unreachable
  }

  /// Whether the authority should learn of this before the next ping is due, having been told
  /// `earlier`. Progress alone can wait.
  func isNews(after earlier: Report) -> Bool {
    guard self != earlier else { return false }
    var same = earlier
    same.joinerProgress = joinerProgress
    return self != same
  }
}

/// Who has to reach whom among the members of a view.
public enum MemberLinks: Sendable {
  /// The one in charge and all others; its word on who is unreachable counts.
  case withFirst
  /// Each member and the next.
  case alongChain
}

/// A protocol whose replicas never decide who is in charge: an outside authority does.
///
/// `WithAuthority` joins such a core to the authority. It pings, delivers views, and holds the
/// lease: an effect `read` of the core reaches the host only while this replica's lease is valid,
/// so the core itself need not think about deposed replicas that do not know it yet. A replica that
/// was replaced without its knowledge can therefore not answer reads; that it cannot commit updates
/// is the core's own duty (every member of a later view refuses messages of an earlier one).
public protocol ViewFollower: ReplicaCore {
  static var memberLinks: MemberLinks { get }

  /// What to tell the authority now. It changes nothing: it is mutating so that a core is asked in
  /// place, because reading one through an optional copies the whole core.
  mutating func makeReport() -> Report

  /// Takes over a view newer than any before. The core is told every view at most once, in
  /// ascending order, but may miss some.
  mutating func adopt(_ view: View, at now: Instant, into effects: inout Effects<Self>)

  /// Takes back a checkpoint's word that the log begins behind this entry, or did so before.
  mutating func recover(_ reference: SnapshotReference)

  /// The view it works in has another joiner, or none, and nothing else has changed. The core may
  /// be the one that feeds it, the old joiner, the new one, or none of them.
  mutating func changeJoiner(to view: View, at now: Instant, into effects: inout Effects<Self>)
}

extension ViewFollower {
  /// A core that takes no snapshots has none to take back.
  public mutating func recover(_ reference: SnapshotReference) {}

  /// What a core would tell the authority now.
  public var report: Report {
    var core = self
    return core.makeReport()
  }
}
