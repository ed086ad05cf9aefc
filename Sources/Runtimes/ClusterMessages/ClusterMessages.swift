import Faults
import Replication
import Trials

// What is said on the connections of a cluster besides the protocol's own messages. A connection
// begins with one `Hello` by whoever dialled; the node answers with `Welcome`, or with a `Refusal`
// and hangs up.

/// Who dials.
public enum ConnectionRole: UInt8, Sendable {
  /// Another node; it only speaks, its own listener is where it is spoken to.
  case peer = 1
  /// Clients, any number of them.
  case client = 2
  /// The one who measures and injects faults.
  case runner = 3
}

public struct Hello: Equatable, Sendable {
  public var cluster: String
  public var protocolName: String
  public var role: ConnectionRole
  /// The node that the dialler believes it has reached.
  public var addressee: ReplicaID
  /// How many nodes the dialler believes the cluster has.
  public var nodeCount: UInt16
  /// Whose answers the connection takes, if it is one of clients.
  public var clients: CarriedClients
  /// Of a peer: the number and the generation of its log.
  public var logNumber: UInt64
  public var logGeneration: UInt64
  /// What shows that the dialler belongs to the cluster; empty for clusters without.
  public var secret: [UInt8]

  public init(
    cluster: String, protocolName: String, role: ConnectionRole, addressee: ReplicaID,
    nodeCount: Int, clients: CarriedClients = .none, secret: [UInt8] = [],
    logNumber: UInt64 = 0,
    logGeneration: UInt64 = 0
  ) {
    self.secret = secret
    self.logNumber = logNumber
    self.logGeneration = logGeneration
    self.cluster = cluster
    self.protocolName = protocolName
    self.role = role
    self.addressee = addressee
    self.nodeCount = UInt16(clamping: nodeCount)
    self.clients = clients
  }
}

extension Hello {
  /// Whether the secret is this one. Takes as long wherever they differ, so that nobody finds it
  /// byte by byte.
  public func shows(_ expected: [UInt8]) -> Bool {
    guard secret.count == expected.count else { return false }
    var difference: UInt8 = 0
    for (a, b) in zip(secret, expected) { difference |= a ^ b }
    return difference == 0
  }
}

/// The clients that share one connection: those from `first` on whose identity divided by `stride`
/// leaves `remainder`. A node that has never been asked by a client finds the way to it by this, as
/// the tail of a chain has to, which answers what the head was asked.
public struct CarriedClients: Equatable, Sendable {
  public var first: UInt64
  public var remainder: UInt32
  /// 0 for no client at all.
  public var stride: UInt32

  public init(first: UInt64, remainder: UInt32, stride: UInt32) {
    self.first = first
    self.remainder = remainder
    self.stride = stride
  }

  /// A number from which on no other process counts its clients, as good as certainly. The clients
  /// of servers that outlive them need it, because sessions know clients by their number.
  public static func drawFirst() -> UInt64 {
    UInt64.random(in: 1 << 32..<1 << 62) & ~0xFFFF_FFFF
  }

  public static var none: CarriedClients { CarriedClients(first: 0, remainder: 0, stride: 0) }

  public func contains(_ client: ClientID) -> Bool {
    stride > 0 && client.rawValue >= first
      && client.rawValue % UInt64(stride) == UInt64(remainder)
  }
}

/// A refusal, or nothing: a welcome says all it has to say in its header.
public struct Sentence: Equatable, Sendable {
  public var text: String

  public init(_ text: String) { self.text = text }
}

/// What a runner asks of a node.
public enum Order: Equatable, Sendable {
  /// The faults that hold from now on, all of them.
  case faults(NodeFaults)
  case stepClock(Interval)
  case disk(DiskOrder)
  /// Asks for a report; with `digest` it says what the node holds, which takes the node a while.
  case report(digest: Bool)
}

/// A fault of a disk that happens once.
public enum DiskOrder: UInt8, Sendable {
  case syncError = 1
  case full = 2
  case bitFlip = 3
}

/// What a node says of itself.
public struct NodeReport: Equatable, Sendable {
  public var status: ReplicaStatus
  public var appliedIndex: LogIndex
  public var counters: NodeUsage
  /// How many things the application holds, and how many bytes of memory the process has allocated.
  public var itemCount: UInt64 = 0
  public var allocatedByteCount: UInt64 = 0
  public var digest: StateDigest?
  /// A broken invariant of the core, if there is one.
  public var violation: String?

  public init(
    status: ReplicaStatus, appliedIndex: LogIndex, counters: NodeUsage,
    digest: StateDigest? = nil, violation: String? = nil
  ) {
    self.status = status
    self.appliedIndex = appliedIndex
    self.counters = counters
    self.digest = digest
    self.violation = violation
  }
}

/// Digests of what a node holds: equal on nodes that applied the same entries.
public struct StateDigest: Equatable, Sendable {
  /// Of application and sessions.
  public var state: UInt32
  /// Of what was applied in which order (`CommitDigest`).
  public var commits: UInt32

  public init(state: UInt32, commits: UInt32) {
    self.state = state
    self.commits = commits
  }
}
