import Resp
import Sockets

/// A connection of a Redis client.
public struct RespConnection: Sendable {
  /// -1: the slot is free.
  public var descriptor: Int32 = -1
  /// Tells the connections that have had this slot apart.
  public var generation: UInt32 = 0
  public var session: RespSession
  public var input = InputBuffer()
  public var output = OutputBuffer()
  /// The position of the session of the cluster that acts for it.
  public var machine: Int
  public var isDirty = false
  public var watchesReading = true
  public var watchesWriting = false
  /// Nothing more will be read.
  public var isFinished = false

  public init(descriptor: Int32, generation: UInt32, session: RespSession, machine: Int) {
    self.descriptor = descriptor
    self.generation = generation
    self.session = session
    self.machine = machine
  }

  public var isOpen: Bool { descriptor >= 0 }
}

/// What a gateway allows.
public enum GatewayLimits {
  public static let connections = 10_000
  /// Bytes of replies that a client has not taken before nothing more is read from it.
  public static let output = 8 << 20
  /// Replies that are given up with their connection: a client that asks and never listens.
  public static let hopelessOutput = 512 << 20
}
