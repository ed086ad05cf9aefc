import Resp
import Sockets
import StateMachines
import WireFormat

/// A connection of a Redis client.
public struct RespConnection: Sendable {
  /// -1: the slot is free.
  public var descriptor: Int32 = -1
  /// Tells apart the connections that have used this slot.
  public var generation: UInt32 = 0
  public var session: RespSession
  public var output = OutputBuffer()
  /// The position of the machine in the fleet that acts for it.
  public var machine: Int
  public var isDirty = false
  /// Whether the client has sent its last byte; it may still read.
  public var hasEnded = false
  /// Whether its commands wait until it has read replies.
  public var isHeldBack = false
  /// Set while the connection is closing: until then its input is discarded, because closing the
  /// connection at once could destroy the last reply.
  public var lingersUntil: Int64?
  /// How many bytes of its input were discarded.
  public var discarded = 0
  public var watchesReading = true
  public var watchesWriting = false
  public let openedAt: Int64
  public var readAt: Int64
  /// The part of `waitingByteCount` that is included in the gateway's sum.
  public var notedByteCount = 0
  /// The number of its commands that the gateway has counted.
  public var notedCommandCount = 0
  /// Whether it will be checked again soon, because it is not read or not served.
  public var isPaused = false
  /// Since when it has not been read and has taken none of its replies.
  public var stuckSince: Int64?

  public init(
    descriptor: Int32, generation: UInt32, session: RespSession, machine: Int, now: Int64
  ) {
    openedAt = now
    readAt = now
    self.descriptor = descriptor
    self.generation = generation
    self.session = session
    self.machine = machine
  }

  public var isOpen: Bool { descriptor >= 0 }

  /// Whether all replies were sent and no further ones will follow.
  public var isOver: Bool {
    output.isEmpty && (session.shouldClose || hasEnded && session.isIdle && !isHeldBack)
  }

  // The session's steps, with their replies written to this connection's output.

  public mutating func next() -> RespRequest? { session.next(into: &output.writer) }

  public mutating func complete(_ response: KeyValueResponse) {
    session.complete(response, into: &output.writer)
  }

  public mutating func inform(_ fact: RespFact) { session.inform(fact, into: &output.writer) }
  public mutating func fail(_ text: String) { session.fail(text, into: &output.writer) }
  public mutating func end(_ text: String) { session.close(text, into: &output.writer) }

  /// Bytes that wait to be parsed or sent.
  public var waitingByteCount: Int { session.input.count + output.count }
}

/// The limits of a gateway.
public enum GatewayLimits {
  public static let connections = 10_000
  /// Bytes of replies that a client may leave unread before its commands wait.
  public static let output = 1 << 20
  /// A larger buffer is freed when it becomes empty.
  public static let keptOutput = 64 << 10
  /// The pause after a connection could not be accepted for lack of descriptors, in nanoseconds.
  public static let acceptPause: Int64 = 100_000_000
  /// How long a client may be silent while its connection is closing, in nanoseconds. `discarded`
  /// is the number of bytes it may still send.
  public static let linger: Int64 = 5_000_000_000
  /// Bytes of all clients that may wait. Above this, clients with more than `smallShare` are not
  /// read.
  public static let memory = 512 << 20
  public static let smallShare = 64 << 10
  /// How long a client that is not read may take no replies before its connection ends, in
  /// nanoseconds.
  public static let patience: Int64 = 5_000_000_000
  public static let discarded = 1 << 30
}
