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
  public let openedAt: Int64
  public var readAt: Int64
  /// Of its waiting bytes, those that the gateway's sum has.
  public var notedByteCount = 0
  /// Of its commands, those that the gateway has counted.
  public var notedCommandCount = 0
  /// It is looked at again soon, because it is not read or not served.
  public var isPaused = false
  /// Since when it is not read although it has taken none of its replies meanwhile.
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

  /// There is nothing left to say.
  public var isOver: Bool {
    output.isEmpty && (session.shouldClose || hasEnded && session.isIdle && !isHeldBack)
  }

  // The session's steps, with the replies that they give into this connection's output.

  public mutating func next() -> RespRequest? { session.next(into: &output.writer) }

  public mutating func complete(_ response: KeyValueResponse) {
    session.complete(response, into: &output.writer)
  }

  public mutating func inform(_ fact: RespFact) { session.inform(fact, into: &output.writer) }
  public mutating func fail(_ text: String) { session.fail(text, into: &output.writer) }
  public mutating func end(_ text: String) { session.close(text, into: &output.writer) }

  /// Bytes that wait to be understood or taken.
  public var waitingByteCount: Int { session.input.count + output.count }
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
  /// Bytes of all clients that may wait. Beyond, those that have more than `smallShare` are not
  /// read.
  public static let memory = 512 << 20
  public static let smallShare = 64 << 10
  /// How long a client that is not read may take no replies before the connection ends, in
  /// nanoseconds.
  public static let patience: Int64 = 5_000_000_000
  public static let discarded = 1 << 30
}
