/// The number of a node in a cluster: replicas first, from 0, then the nodes of the authority.
public struct ReplicaID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let rawValue: UInt16

  public init(_ rawValue: Int) { self.rawValue = UInt16(rawValue) }

  /// The number as an index into arrays with one element per node.
  public var index: Int { Int(rawValue) }
  public var description: String { "\(rawValue)" }
  public static func < (a: ReplicaID, b: ReplicaID) -> Bool { a.rawValue < b.rawValue }
}

/// A client session. A client that gives up on an operation keeps its session: its next sequence
/// number tells every replica that the abandoned operation may no longer take effect.
public struct ClientID: Hashable, Comparable, Sendable {
  public let rawValue: UInt64

  public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  public static func < (a: ClientID, b: ClientID) -> Bool { a.rawValue < b.rawValue }
}

/// One operation of one client. `sequence` counts from 1 and never repeats, so that a retry can be
/// recognised (exactly-once semantics, Ongaro 2014 §6.3).
public struct RequestID: Hashable, Comparable, Sendable {
  public let client: ClientID
  public let sequence: UInt64

  public init(client: ClientID, sequence: UInt64) {
    self.client = client
    self.sequence = sequence
  }

  public static func < (a: RequestID, b: RequestID) -> Bool {
    (a.client, a.sequence) < (b.client, b.sequence)
  }
}

/// A position in the replicated log, counted from 1. Zero stands before the first entry.
public struct LogIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let rawValue: Int

  public init(_ rawValue: Int) { self.rawValue = rawValue }

  public static let zero = LogIndex(0)
  public var next: LogIndex { LogIndex(rawValue + 1) }
  public var previous: LogIndex { LogIndex(rawValue - 1) }
  public var description: String { "\(rawValue)" }

  public static func < (a: LogIndex, b: LogIndex) -> Bool { a.rawValue < b.rawValue }
  public static func + (index: LogIndex, count: Int) -> LogIndex {
    LogIndex(index.rawValue + count)
  }
  public static func - (index: LogIndex, count: Int) -> LogIndex {
    LogIndex(index.rawValue - count)
  }
  /// How many positions `b` lies before `a`.
  public static func - (a: LogIndex, b: LogIndex) -> Int { a.rawValue - b.rawValue }
}

/// The host's name for the linearizable reads it gathered in one turn. The core answers each ticket
/// exactly once, with `Effects.read` or `Effects.refuseRead`, unless the replica crashes first.
public struct ReadTicket: Hashable, Comparable, Sendable {
  public let rawValue: UInt64

  public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  public static func < (a: ReadTicket, b: ReadTicket) -> Bool { a.rawValue < b.rawValue }
}

/// The nodes of a cluster, as every node was told at its start.
public struct Membership: Hashable, Sendable {
  /// The replicas of the state machine, in ascending order.
  public let replicas: [ReplicaID]
  /// The nodes of the outside authority, for protocols that need one; otherwise empty.
  public let authority: [ReplicaID]

  public init(replicas: [ReplicaID], authority: [ReplicaID] = []) {
    self.replicas = replicas
    self.authority = authority
  }

  /// `replicas` nodes numbered from 0, followed by `authority` nodes.
  public init(replicas: Int, authority: Int = 0) {
    self.init(
      replicas: (0..<replicas).map { ReplicaID($0) },
      authority: (replicas..<replicas + authority).map { ReplicaID($0) })
  }

  /// The smallest number of replicas of which any two sets share a member.
  public var majority: Int { replicas.count / 2 + 1 }
  public var nodeCount: Int { replicas.count + authority.count }
}
