import Resp
import Sockets
import StateMachines
import WireFormat

/// A connection of a Redis client.
public struct RespConnection: Sendable {
  /// -1: the slot is free.
  public var descriptor: Int32 = -1
  /// Tells the connections that have had this slot apart.
  public var generation: UInt32 = 0
  public var session: RespSession
  public var output = OutputBuffer()
  /// The position of the session of the cluster that acts for it.
  public var machine: Int
  public var isDirty = false
  /// It has sent its last byte, but may still listen.
  public var hasEnded = false
  /// Commands wait until replies have been taken.
  public var isHeldBack = false
  /// Nothing more is said or understood: what it still sends is thrown away until then, because closing
  /// at once could take the last reply from under it.
  public var lingersUntil: Int64?
  /// How many bytes of it have been thrown away.
  public var discarded = 0
  public var watchesReading = true
  public var watchesWriting = false

  public init(descriptor: Int32, generation: UInt32, session: RespSession, machine: Int) {
    self.descriptor = descriptor
    self.generation = generation
    self.session = session
    self.machine = machine
  }

  public var isOpen: Bool { descriptor >= 0 }

  /// There is nothing left to say.
  public var isOver: Bool {
    output.isEmpty && (session.shouldClose || hasEnded && session.isIdle && !isHeldBack)
  }

  // The session's steps, with the replies that they give into this connection's output.

  public mutating func next() -> RespRequest? { session.next(into: &output.writer) }

  public mutating func complete(_ response: KeyValueResponse) {
    session.complete(response, into: &output.writer)
  }

  public mutating func inform(_ text: String) { session.inform(text, into: &output.writer) }
  public mutating func fail(_ text: String) { session.fail(text, into: &output.writer) }
}

/// What a gateway allows.
public enum GatewayLimits {
  public static let connections = 10_000
  /// Bytes of replies that a client has not taken before nothing more is read or done for it.
  public static let output = 1 << 20
  /// A larger buffer is given back when it runs empty.
  public static let keptOutput = 64 << 10
  /// How long no connection is taken after there was nothing left to take one with, in nanoseconds.
  public static let acceptPause: Int64 = 100_000_000
  /// How long a client that was told goodbye may be silent before the connection ends, in nanoseconds,
  /// and how many bytes it may go on sending.
  public static let linger: Int64 = 5_000_000_000
  public static let discarded = 1 << 30
}
