import Replication

/// Who does what, as the authority decided it. Views are numbered from 1 without gaps; a replica that
/// knows no view yet is in view 0.
public struct View: Equatable, Sendable {
  public var number: UInt64
  /// Those who must hold every update before it is acknowledged. The first one is in charge (primary,
  /// head); in a chain the order is the order of the chain and the last one is the tail.
  public var members: [ReplicaID]
  /// A replica that catches up so that it can become the last member of a later view. It is no member:
  /// nothing waits for it and it answers nobody.
  public var joiner: ReplicaID?
  /// The incarnations of the members, in their order, and then of the joiner, as the authority knew
  /// them when it issued the view. A replica takes over only a view that names its own incarnation.
  /// So a member that finds another one under the same incarnation as in the view before knows that
  /// it still has in memory all that it ever said, be that durable or not.
  public var incarnations: [UInt64]

  /// - Parameter incarnations: `nil` if all are in their first.
  public init(
    number: UInt64, members: [ReplicaID], joiner: ReplicaID? = nil, incarnations: [UInt64]? = nil
  ) {
    self.number = number
    self.members = members
    self.joiner = joiner
    self.incarnations =
      incarnations ?? Array(repeating: 1, count: members.count + (joiner == nil ? 0 : 1))
  }

  public static let none = View(number: 0, members: [])

  /// The incarnation in which a member or the joiner takes part; `nil` for any other replica.
  public func incarnation(of id: ReplicaID) -> UInt64? {
    let place = members.firstIndex(of: id) ?? (joiner == id ? members.count : incarnations.count)
    return place < incarnations.count ? incarnations[place] : nil
  }

  /// Whether it names one incarnation for every member and for the joiner.
  var isWellFormed: Bool { incarnations.count == members.count + (joiner == nil ? 0 : 1) }
}

/// What a replica tells the authority with every ping.
public struct Report: Equatable, Sendable {
  /// The view the replica works in; 0 after a restart, until it has learnt the current one.
  public var view: UInt64
  /// Says the replica that is in charge: every member of `view` holds everything that was or may have
  /// been acknowledged, so any of them may be promoted.
  public var isEstablished: Bool
  /// Says the replica that feeds the joiner of `view`: it has caught up and may become a member.
  public var joinerHasCaughtUp: Bool

  public init(view: UInt64, isEstablished: Bool = false, joinerHasCaughtUp: Bool = false) {
    self.view = view
    self.isEstablished = isEstablished
    self.joinerHasCaughtUp = joinerHasCaughtUp
  }
}

/// A protocol whose replicas never decide who is in charge: an outside authority does.
///
/// `Supervised` joins such a core to the authority. It pings, delivers views, and holds the lease: an
/// effect `read` of the core reaches the host only while this replica's lease is valid, so the core
/// itself need not think about deposed replicas that do not know it yet. A replica that was replaced
/// without its knowledge can therefore not answer reads; that it cannot commit updates is the core's
/// own duty (every member of a later view refuses messages of an earlier one).
public protocol SupervisedCore: ReplicaCore {
  /// What to tell the authority now.
  var report: Report { get }

  /// Takes over a view newer than any before. The core is told every view at most once, in ascending
  /// order, but may miss some.
  mutating func adopt(_ view: View, at now: Instant, into effects: inout Effects<Self>)
}
