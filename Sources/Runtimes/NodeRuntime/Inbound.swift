import ClusterMessages
import Primitives
import Replication
import Sockets

/// A connection that another process opened to this node.
public struct Inbound: Sendable {
  /// -1: the slot is free.
  public var descriptor: Int32 = -1
  /// Tells apart the connections that have used this slot.
  public var generation: UInt32 = 0
  /// `nil` until it has said hello.
  public var role: ConnectionRole?
  /// The peer and its incarnation, if the connection is a peer's.
  public var sender = ReplicaID(0)
  public var incarnation: UInt32 = 0
  /// The clients whose replies it carries.
  public var clients = CarriedClients.none
  /// Counts accepted connections, in order.
  public var number: UInt64 = 0
  /// Whether faults were ordered over this connection; they end when the last such connection
  /// closes.
  public var ordersFaults = false
  public var openedAt = Instant.zero
  /// When bytes came last.
  public var heardAt = Instant.zero
  /// The bytes of the buffers that the node's sum contains.
  public var notedByteCount = 0
  public var input = InputBuffer()
  public var output = OutputBuffer()
  /// Whether it is on the list of connections with bytes to send.
  public var isDirty = false
  public var watchesWriting = false
  public var isHeldBack = false
  /// Whether it was refused: the refusal is being sent, and no more frames are taken from it.
  public var isClosing = false

  public init() {}

  public var isOpen: Bool { descriptor >= 0 }

  /// Whether it is a client's connection, and the client has sent nothing for so long and has no
  /// bytes to take.
  public func isSilent(at now: Instant, for time: Interval) -> Bool {
    isOpen && role == .client && !isClosing && !isHeldBack && output.isEmpty
      && now - heardAt >= time
  }
}

/// The latest incarnation of a peer that has said hello, and the last connection on which it did.
public struct KnownPeer: Sendable, Equatable {
  public var incarnation: UInt32
  public var connection: UInt64
}

/// The connection over which this node sends messages to one peer.
public struct PeerLink: Sendable {
  public enum State: Sendable, Equatable {
    /// Not connected; dialled again at `actAt`.
    case idle
    /// Being opened; given up at `actAt`.
    case connecting
    case open
  }

  public var endpoint: Endpoint
  public var state = State.idle
  public var descriptor: Int32 = -1
  public var actAt = Instant.zero
  public var input = InputBuffer()
  public var output = OutputBuffer()
  public var watchesWriting = false
  public var isDirty = false
  /// Why the peer refuses this node; kept so that each reason is logged once.
  public var refusal: String?
  /// Under the link's faults: when the last delayed message leaves, and when the link is free.
  public var lastDeparture = Instant.zero
  public var freeAt = Instant.zero

  public init(endpoint: Endpoint) { self.endpoint = endpoint }
}

/// A frame that a link fault delays.
public struct HeldFrame: Sendable {
  public enum Destination: Sendable {
    case peer(Int)
    case connection(slot: Int, generation: UInt32)
  }

  public var to: Destination
  public var bytes: [UInt8]

  public init(to: Destination, bytes: [UInt8]) {
    self.to = to
    self.bytes = bytes
  }
}
