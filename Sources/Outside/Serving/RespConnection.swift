import Replication
import Resp
import Sockets
import StateMachines
import WireFormat

/// A connection of a Redis client.
package struct RespConnection: Sendable {
  /// -1: the slot is free.
  package var descriptor: Int32 = -1
  /// Tells apart the connections that have used this slot.
  package var generation: UInt32 = 0
  package var session: RespSession
  package var output = OutputBuffer()
  /// The position of the machine in the fleet that acts for it.
  package var machine: Int
  package var isDirty = false
  /// Whether the client has sent its last byte; it may still read.
  package var hasEnded = false
  /// Whether its commands wait until it has read replies.
  package var isHeldBack = false
  /// Set while the connection is closing: until then its input is discarded, because closing the
  /// connection at once could destroy the last reply.
  package var lingersUntil: Instant?
  /// How many bytes of its input were discarded.
  package var discarded = 0
  package var watchesReading = true
  package var watchesWriting = false
  package let openedAt: Instant
  package var readAt: Instant
  /// The part of `waitingByteCount` that is included in the gateway's sum.
  package var notedByteCount = 0
  /// The number of its commands that the gateway has counted.
  package var notedCommandCount = 0
  /// Whether it will be checked again soon, because it is not read or not served.
  package var isPaused = false
  /// Since when it has not been read and has taken none of its replies.
  package var stuckSince: Instant?

  package init(
    descriptor: Int32, generation: UInt32, session: RespSession, machine: Int, now: Instant
  ) {
    openedAt = now
    readAt = now
    self.descriptor = descriptor
    self.generation = generation
    self.session = session
    self.machine = machine
  }

  package var isOpen: Bool { descriptor >= 0 }

  /// Whether all replies were sent and no further ones will follow.
  package var isOver: Bool {
    output.isEmpty && (session.shouldClose || hasEnded && session.isIdle && !isHeldBack)
  }

  // The session's steps, with their replies written to this connection's output.

  package mutating func next() -> RespRequest? { session.next(into: &output.writer) }

  package mutating func complete(_ response: KeyValueResponse) {
    session.complete(response, into: &output.writer)
  }

  package mutating func inform(_ fact: RespFact) { session.inform(fact, into: &output.writer) }
  package mutating func fail(_ text: String) { session.fail(text, into: &output.writer) }
  package mutating func end(_ text: String) { session.close(text, into: &output.writer) }

  /// Bytes that wait to be parsed or sent.
  package var waitingByteCount: Int { session.input.count + output.count }
}

/// The limits of a gateway.
package enum GatewayLimits {
  package static let connections = 10_000
  /// Bytes of replies that a client may leave unread before its commands wait.
  package static let output = 1 << 20
  /// A larger buffer is freed when it becomes empty.
  package static let keptOutput = 64 << 10
  /// The pause after a connection could not be accepted for lack of descriptors.
  package static let acceptPause = Interval.milliseconds(100)
  /// How long a client may be silent while its connection is closing. `discarded`
  /// is the number of bytes it may still send.
  package static let linger = Interval.seconds(5)
  /// Bytes of all clients that may wait. Above this, clients with more than `smallShare` are not
  /// read.
  package static let memory = 512 << 20
  package static let smallShare = 64 << 10
  /// How long a client that is not read may take no replies before its connection ends.
  package static let patience = Interval.seconds(5)
  package static let discarded = 1 << 30
}
