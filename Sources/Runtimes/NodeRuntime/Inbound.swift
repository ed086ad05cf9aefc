import ClusterMessages
import Primitives
import Replication
import Sockets

/// A connection that somebody else opened to this node.
public struct Inbound: Sendable {
  /// -1: the slot is free.
  public var descriptor: Int32 = -1
  /// Tells the connections that have had this slot apart.
  public var generation: UInt32 = 0
  /// `nil` until it has said hello.
  public var role: ConnectionRole?
  /// The peer, and its life, if it is one.
  public var sender = ReplicaID(0)
  public var epoch: UInt32 = 0
  /// Whose answers it takes.
  public var clients = CarriedClients.none
  /// Connections are numbered as they are taken.
  public var number: UInt64 = 0
  /// Faults have been ordered over this connection; they end with it.
  public var ordersFaults = false
  public var openedAt: Int64 = 0
  public var input = InputBuffer()
  public var output = OutputBuffer()
  /// It is on the list of those with something to send.
  public var isDirty = false
  public var watchesWriting = false
  public var isHeldBack = false
  /// It was refused and is being told so: nothing more is taken from it.
  public var isClosing = false

  public init() {}

  public var isOpen: Bool { descriptor >= 0 }
}

/// The latest life of a peer that has said hello, and the last connection on which it did.
public struct PeerLife: Sendable, Equatable {
  public var epoch: UInt32
  public var connection: UInt64
}

/// The connection over which this node speaks to one peer.
public struct PeerLink: Sendable {
  public enum State: Sendable, Equatable {
    /// Not connected; dialled again at `actAt`.
    case idle
    /// On its way; given up at `actAt`.
    case connecting
    case open
  }

  public var endpoint: Endpoint
  public var state = State.idle
  public var descriptor: Int32 = -1
  public var actAt: Int64 = 0
  public var input = InputBuffer()
  public var output = OutputBuffer()
  public var watchesWriting = false
  public var isDirty = false
  /// Why the peer will have none of this node, so that it is told once.
  public var refusal: String?
  /// By the link's faults: when the last message that was held up leaves, and when the link is
  /// free.
  public var lastDeparture: Int64 = 0
  public var freeAt: Int64 = 0

  public init(endpoint: Endpoint) { self.endpoint = endpoint }
}

/// A frame that a fault of the link holds up.
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
