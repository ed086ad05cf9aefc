import Primitives
import Replication
import Sockets
import WriteAheadLog

/// The settings with which a node of a real cluster starts.
public struct NodeSettings: Sendable {
  /// The cluster's name. Nodes and clients of another one are refused.
  public var cluster: String
  public var protocolName: String
  public var node: ReplicaID
  public var membership: Membership
  /// Where every node listens, by node number.
  public var endpoints: [Endpoint]
  /// The directory of this node's log; created if it does not exist.
  public var directory: String
  /// The secret that every process connecting to the node must show; empty for none.
  public var secret: [UInt8] = []
  /// Whether the node has run before, or replaces one that lost its log.
  public var opening = LogOpening.any
  /// Whether records are synced. Without syncs, no record is certain to survive a loss of power.
  public var syncs = true
  /// For the jitter of timers and the random choices of link faults.
  public var seed: UInt64 = 1
  /// The key of the hash tables of keys and clients. A process that strangers may connect to draws
  /// one.
  public var hashSecret = FlatHashSecret.known
  /// Whether a process that connects as a runner may inject faults.
  public var allowsFaults = false
  /// The largest request in bytes. The message made from it must also fit into a frame between
  /// nodes.
  public var largestRequest = 34 << 20
  /// Bytes that may wait to be sent over an inbound connection before its requests wait, too.
  public var largestOutput = 8 << 20
  /// Bytes that the buffers of all clients' connections may take together.
  public var clientMemory = NodeLimits.clientMemory
  /// Which requests the node refuses.
  public var limits = RequestLimits()
  /// The clock's offset, and the share by which it runs fast.
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

/// Limits of a node's queues, connections and pauses.
public enum NodeLimits {
  /// Bytes of a snapshot that may wait to be written; and the pause between two parts of the state:
  /// one 128 KiB part per 2 ms is 64 MB/s.
  public static let snapshotQueue = 4 << 20
  public static let snapshotPause = Interval.milliseconds(2)
  /// How often a turn that has read something looks for more before it ends.
  public static let looksPerTurn = 4
  /// A turn that has handled this many bytes of input reads no more, so that timers fire and small
  /// messages leave before the next large one is handled.
  public static let turnInput = 1 << 20
  /// A node with nothing else to do writes and syncs a block of up to this many bytes itself,
  /// because waking the log's thread would take longer.
  public static let inlineSync = 4096
  /// Bytes that may wait for one peer; further messages are dropped, as in a network.
  public static let peerOutput = 64 << 20
  /// Entries that may be proposed and not yet committed before clients' requests wait.
  public static let uncommitted = 1024
  /// Reads that may wait for the core's answer before clients' requests wait.
  public static let waitingReads = 4096
  /// The most clients whose last connection a node remembers. When there are more, it forgets
  /// all of them.
  public static let notedClients = 1 << 18
  /// The most inbound connections, if there are enough descriptors.
  public static let connections = 10_000
  /// A client that has said nothing for this long loses its connection, which it may open again.
  public static let clientSilence = Interval.seconds(600)
  /// The same, when the places of all clients are taken and another one comes.
  public static let crowdedSilence = Interval.seconds(10)
  /// Connections of runners, and of one peer: its latest, and one that has not noticed its end yet.
  public static let runners = 16
  public static let connectionsPerPeer = 2
  /// Bytes of the buffers of all clients' connections.
  public static let clientMemory = 1 << 30
  /// A node with this many bytes to receive, to write and to send announces to the other nodes that
  /// it may be silent; and the pause between two such notices.
  public static let announcedWork = 1 << 20
  public static let noticePause = Interval.milliseconds(20)
  /// How many of these connections are reserved for peers and runners.
  public static func reserved(ofPeers count: Int) -> Int { 2 * count + 16 }
  /// Descriptors that are left to the log, the peers and the standard streams.
  public static let reservedDescriptors = 128
  /// Bytes that a connection may have sent before it has said hello.
  public static let helloByteCount = 4096
  /// Bytes of messages that link faults may delay; further messages are dropped.
  public static let held = 64 << 20
  /// Time within which a connection must have said hello.
  public static let helloDeadline = Interval.seconds(5)
  /// Pause before a peer that has refused this node is dialled again.
  public static let refusedPause = Interval.seconds(1)
}
