import Primitives
import Replication
import Sockets
import WriteAheadLog

/// What one node of a real cluster is told at its start.
public struct NodeSettings: Sendable {
  /// The cluster's name. Nodes and clients of another one are refused.
  public var cluster: String
  public var protocolName: String
  public var node: ReplicaID
  public var membership: Membership
  /// Where every node listens, by node number.
  public var endpoints: [Endpoint]
  /// The directory of this node's log; made if it is not there.
  public var directory: String
  /// What those who speak to the node have to show; empty for nothing.
  public var secret: [UInt8] = []
  /// Whether the node has run before, or takes the place of one that lost its log.
  public var opening = LogOpening.any
  /// Without syncs nothing survives a loss of power.
  public var syncs = true
  /// For the jitter of timers and the draws of link faults.
  public var seed: UInt64 = 1
  /// Where keys and clients fall in hash tables. A process that strangers may ask draws one.
  public var hashSecret = FlatHashSecret.known
  /// Whether whoever connects as a runner may inject faults.
  public var allowsFaults = false
  /// Bytes of one request: what is made of it must fit into a frame between nodes, too.
  public var largestRequest = 34 << 20
  /// Bytes that may wait to be sent over a connection that others opened before what they ask waits, too.
  public var largestOutput = 8 << 20
  /// How far the node's clock is off, and by which share it runs fast.
  public var clockSkew = Interval.zero
  public var clockDrift = 0.0

  public init(
    cluster: String, protocolName: String, node: ReplicaID, membership: Membership,
    endpoints: [Endpoint], directory: String
  ) {
    self.cluster = cluster
    self.protocolName = protocolName
    self.node = node
    self.membership = membership
    self.endpoints = endpoints
    self.directory = directory
  }
}

/// What a node allows itself and others.
public enum NodeLimits {
  /// Bytes of a snapshot that wait to be written; and the pause between two parts of the state,
  /// which makes 64 MB/s of 128 KiB parts.
  public static let snapshotQueue = 4 << 20
  public static let snapshotPause: Int64 = 2_000_000
  /// How often a turn that has read something looks for more before it acts on it.
  public static let looksPerTurn = 4
  /// A node that has nothing else to do writes and syncs a block of up to so many bytes itself: waking the
  /// log's thread for that would take longer.
  public static let inlineSync = 4096
  /// Bytes that wait for one peer; what comes on top is given up, as a network would.
  public static let peerOutput = 64 << 20
  /// Entries that are proposed and not committed before clients' requests wait.
  public static let uncommitted = 1024
  /// Gathered reads that the core has not answered before clients' requests wait.
  public static let waitingReads = 4096
  /// Connections from others, if there are descriptors for so many.
  public static let connections = 10_000
  /// Of these connections, those that clients never get: peers and runners find a place there.
  public static func reserved(ofPeers count: Int) -> Int { 2 * count + 16 }
  /// Descriptors that are left to the log, the peers and the standard streams.
  public static let reservedDescriptors = 128
  /// Bytes that a connection may have sent before it has said hello.
  public static let helloByteCount = 4096
  /// Bytes of messages that faults of links hold up; what comes on top is given up.
  public static let held = 64 << 20
  /// Until then a connection must have said who it is.
  public static let helloDeadline: Int64 = 5_000_000_000
  /// Pause before one that has refused this node is dialled again.
  public static let refusedPause: Int64 = 1_000_000_000
}
