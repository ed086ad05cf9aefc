import Replication

/// The members and the joiner of a cluster, as the authority has decided them. Views are numbered
/// from 1 without gaps. A replica that knows no view yet is in view 0.
public struct View: Equatable, Sendable {
  public var number: UInt64
  /// The replicas that must hold every update before it is acknowledged. The first one is in charge
  /// (primary, head). In a chain the order is that of the chain, and the last member is the tail.
  public var members: [ReplicaID]
  /// A replica that catches up so that it can become the last member of a later view. Until then it
  /// is not a member: no update waits for it, and it answers no client.
  public var joiner: ReplicaID?
  /// How often the joiner has changed in this view. These changes have a number of their own,
  /// because a new view costs every member work, while a new joiner concerns only the member that
  /// feeds it.
  public var joining: UInt64
  /// The incarnations of the members, in their order, and then of the joiner, as the authority knew
  /// them when it issued the view. A replica adopts only a view that names its own incarnation. So
  /// if a member has the same incarnation as in the view before, the other members know that it
  /// still has in memory all that it ever said, durable or not.
  public var incarnations: [UInt64]

  /// - Parameter incarnations: `nil` if each of them is in its first incarnation.
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

  /// The incarnation of a member or of the joiner in this view; `nil` for any other replica.
  public func incarnation(of id: ReplicaID) -> UInt64? {
    let place = members.firstIndex(of: id) ?? (joiner == id ? members.count : incarnations.count)
    return place < incarnations.count ? incarnations[place] : nil
  }

  /// Whether the view names one incarnation for every member and for the joiner.
  var isWellFormed: Bool { incarnations.count == members.count + (joiner == nil ? 0 : 1) }

  /// The view that results from this one's next change of the joiner.
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

/// The report of a replica to the authority, part of every ping.
public struct Report: Equatable, Sendable {
  /// The view the replica works in; 0 after a restart, until it has learnt the current one.
  public var view: UInt64
  /// Set by the replica in charge when every member of `view` holds everything that was or may have
  /// been acknowledged, so that any of them may be promoted.
  public var isEstablished: Bool
  /// The number of the change of the joiner in `view` that the next two fields are about.
  public var joining: UInt64
  /// Set by the replica that feeds the joiner when the joiner may become a member.
  public var joinerHasCaughtUp: Bool
  /// Set by the replica that feeds the joiner: the last index known to be in the joiner's log. The
  /// authority only checks whether it grows.
  public var joinerProgress: UInt64
  /// Neighbours that have not answered this replica several times, although they may be alive.
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

  /// Whether the authority, which was told `earlier`, should get this report before the next ping
  /// is due. A change of the progress alone can wait.
  @inline(__always)
  func isNews(after earlier: Report) -> Bool {
    view != earlier.view || isEstablished != earlier.isEstablished || joining != earlier.joining
      || joinerHasCaughtUp != earlier.joinerHasCaughtUp || unreachable != earlier.unreachable
  }
}

/// The pairs of members that have to reach each other.
public enum MemberLinks: Sendable {
  /// The member in charge and each other member. It decides which of them count as unreachable.
  case withFirst
  /// Each member and the next one in the order.
  case alongChain
}

/// A protocol in which an outside authority, and not the replicas, decides which replica is in
/// charge.
///
/// `WithAuthority` joins such a core to the authority. It sends pings, delivers views and keeps the
/// lease. An effect `read` of the core reaches the host only while this replica's lease is valid,
/// so a replica that was replaced without its knowledge cannot answer reads. The core itself must
/// see to it that such a replica cannot commit updates: every member of a later view refuses
/// messages of an earlier one.
public protocol ViewFollower: ReplicaCore where Message: ViewFollowerMessage {
  static var memberLinks: MemberLinks { get }

  /// The report for the authority, as of now. The method is mutating, although it changes nothing,
  /// because a non-mutating call through an optional would copy the whole core.
  mutating func makeReport() -> Report

  /// Adopts a view that is newer than any before. The core is told each view at most once, in
  /// ascending order, but may miss some.
  mutating func adopt(_ view: View, at now: Instant, into effects: inout Effects<Self>)

  /// Recovers the first record of a checkpoint: the log begins after this entry, or did so before.
  mutating func recover(_ reference: SnapshotReference)

  /// Tells the core that its view has another joiner, or none, and is otherwise unchanged. This
  /// replica may be the feeder, the old joiner, the new joiner, or any other replica.
  mutating func changeJoiner(to view: View, at now: Instant, into effects: inout Effects<Self>)
}

extension ViewFollower {
  /// Does nothing, which suits a core that takes no snapshots.
  public mutating func recover(_ reference: SnapshotReference) {}

  /// The report for the authority, as of now, made by a copy of the core.
  public var report: Report {
    var core = self
    return core.makeReport()
  }
}
