import Faults
import Replication
import Trials

// The messages on a cluster's connections besides the protocol's own messages. The dialling side
// begins a connection with one `Hello`; the node answers with a welcome, or with a refusal and then
// closes the connection.

/// The role of the side that dials.
public enum ConnectionRole: UInt8, Sendable {
  /// Another node. It only sends on this connection; messages to it go to its own listener.
  case peer = 1
  /// A connection that any number of clients share.
  case client = 2
  /// The process that measures and injects faults.
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
  /// The clients whose replies the connection carries, if it is a connection of clients.
  public var clients: CarriedClients
  /// The number and the generation of the dialler's log, if it is a peer.
  public var logNumber: UInt64
  public var logGeneration: UInt64
  /// Shows that the dialler belongs to the cluster; empty for clusters without a secret.
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
  /// Whether the secret equals `expected`. The comparison takes the same time wherever they differ,
  /// so that the secret cannot be guessed byte by byte.
  public func shows(_ expected: [UInt8]) -> Bool {
    guard secret.count == expected.count else { return false }
    var difference: UInt8 = 0
    for (a, b) in zip(secret, expected) { difference |= a ^ b }
    return difference == 0
  }
}

/// The clients that share one connection: those from `first` on whose identity divided by `stride`
/// leaves `remainder`. A node uses this to reply to a client that has sent it no request: the tail
/// of a chain answers requests that the head received.
public struct CarriedClients: Equatable, Sendable {
  public var first: UInt64
  public var remainder: UInt32
  /// 0 if the connection carries no clients.
  public var stride: UInt32

  public init(first: UInt64, remainder: UInt32, stride: UInt32) {
    self.first = first
    self.remainder = remainder
    self.stride = stride
  }

  /// Draws a number from which, almost certainly, no other process counts its clients. Clients of
  /// servers that outlive them need it, because sessions know clients by their number.
  public static func drawFirst() -> UInt64 {
    UInt64.random(in: 1 << 32..<1 << 62) & ~0xFFFF_FFFF
  }

  public static var none: CarriedClients { CarriedClients(first: 0, remainder: 0, stride: 0) }

  public func contains(_ client: ClientID) -> Bool {
    stride > 0 && client.rawValue >= first
      && client.rawValue % UInt64(stride) == UInt64(remainder)
  }
}

/// The reason for a refusal; empty in a welcome.
public struct RefusalReason: Equatable, Sendable {
  public var text: String

  public init(_ text: String) { self.text = text }
}

/// A node's notice that it may send nothing for a while, because it has begun to receive a large
/// message, which it has to copy, write and send on.
public struct SilenceNotice: Equatable, Sendable {
  public var pause: Interval
  /// The epoch in which the node is in charge, if it is.
  public var epochInCharge: UInt64?

  public init(pause: Interval, epochInCharge: UInt64?) {
    self.pause = pause
    self.epochInCharge = epochInCharge
  }
}

/// A runner's order to a node.
public enum Order: Equatable, Sendable {
  /// Replaces all the faults that hold.
  case faults(NodeFaults)
  case stepClock(Interval)
  case disk(DiskOrder)
  /// Asks for a report. With `digest` the report contains the digest of the node's state, which
  /// takes the node a while to compute.
  case report(digest: Bool)
  /// Asks for stamps of one in `every` operations. The reports that follow contain them.
  case trace(every: UInt32)
}

/// A disk fault that happens once.
public enum DiskOrder: UInt8, Sendable {
  case syncError = 1
  case full = 2
  case bitFlip = 3
}

/// A node's status and usage.
public struct NodeReport: Equatable, Sendable {
  public var status: ReplicaStatus
  public var appliedIndex: LogIndex
  public var counters: NodeUsage
  /// Number of items in the application, and bytes of memory that the node has allocated.
  public var itemCount: UInt64 = 0
  public var allocatedByteCount: UInt64 = 0
  public var digest: StateDigest?
  /// A broken invariant of the core, if there is one.
  public var violation: String?
  /// The stamps of traced requests since the report before.
  public var stamps: [RequestStamp] = []

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

/// Digests of a node's state: equal on nodes that have applied the same entries.
public struct StateDigest: Equatable, Sendable {
  /// Digest of application and sessions.
  public var state: UInt32
  /// Digest of the applied entries and their order (`CommitDigest`).
  public var commits: UInt32

  public init(state: UInt32, commits: UInt32) {
    self.state = state
    self.commits = commits
  }
}
