import Primitives
import WireFormat

/// A deterministic application that a protocol replicates: the same commands in the same order give
/// the same responses and the same state on every replica.
public protocol StateMachine: Sendable {
  associatedtype Command: WireCodable & Equatable & Sendable
  associatedtype Response: WireCodable & Equatable & Sendable

  init()

  /// Whether the command leaves the state alone, so that it can be answered without a log entry.
  static func isReadOnly(_ command: Command) -> Bool

  /// Whether the command that the rest of the reader encodes leaves the state alone.
  /// - Throws: if the bytes are malformed.
  static func isReadOnly(reading reader: inout WireReader) throws(WireError) -> Bool

  mutating func apply(_ command: Command) -> Response

  /// What is kept of a response for a request that comes again: the response itself, or one that
  /// says that it was too long.
  static func kept(_ response: Response) -> Response

  /// Answers a read-only command. For any other command the answer is unspecified.
  func query(_ command: Command) -> Response

  /// Applies the command that the rest of the reader encodes. The default decodes the command and
  /// applies it; an application with a faster way to the same result may use that.
  /// - Throws: if the bytes are malformed. The state is then unchanged.
  mutating func apply(reading reader: inout WireReader) throws(WireError) -> Response

  /// Announces the commands that will be applied next, by the offsets in `bytes` at which they
  /// begin, in order. A state machine whose state exceeds the processor's caches can prefetch what
  /// they touch; most do nothing. Malformed bytes are ignored.
  func expect(_ commands: [Int], in bytes: [UInt8])

  /// Whether announcing commands is worth its time now. It is not while the processor's caches hold
  /// the state.
  var gainsByExpecting: Bool { get }

  /// How many items, such as keys, the state holds. Only people read it.
  var itemCount: Int { get }

  /// How many bytes of memory the state takes. Asked some times a second, so it must be at hand.
  var allocatedByteCount: Int { get }

  /// Makes the state's hash tables, if there are any, use this secret. No response changes.
  mutating func useHashSecret(_ secret: FlatHashSecret)

  // Writing the state out in parts, between which commands are applied, because a snapshot of a
  // large state must not stop the service. A state machine that is always small keeps the defaults.

  static var readsOutInParts: Bool { get }
  /// Begins to write the state out as it is now.
  mutating func beginReadout()
  /// The next part, of about `byteCount` bytes; `nil` when the whole state has been written.
  mutating func readOut(atMost byteCount: Int) -> [UInt8]?
  /// Restores a written-out state, which is the rest of the reader, into a new state machine.
  mutating func restore(readingOut reader: inout WireReader) throws(WireError)

  /// The whole state as bytes. Equal states give equal bytes.
  func snapshot() -> [UInt8]
  init(restoring snapshot: [UInt8]) throws(WireError)
}

extension StateMachine {
  /// How many commands are announced at a time. They should touch no more than the some dozens of
  /// cache lines that a processor fetches side by side: with 32 commands most lines came too late.
  public static var lookAheadCount: Int { 8 }

  public static func kept(_ response: Response) -> Response { response }

  public func expect(_ commands: [Int], in bytes: [UInt8]) {}

  public var gainsByExpecting: Bool { false }

  public var itemCount: Int { 0 }

  public var allocatedByteCount: Int { 0 }

  public mutating func useHashSecret(_ secret: FlatHashSecret) {}

  public static var readsOutInParts: Bool { false }
  public mutating func beginReadout() {}
  public mutating func readOut(atMost byteCount: Int) -> [UInt8]? { nil }

  public mutating func restore(readingOut reader: inout WireReader) throws(WireError) {
    self = try Self(restoring: reader.readBytes(reader.remaining))
  }

  public mutating func apply(reading reader: inout WireReader) throws(WireError) -> Response {
    apply(try reader.readLast(Command.self))
  }

  public static func isReadOnly(reading reader: inout WireReader) throws(WireError) -> Bool {
    isReadOnly(try reader.readLast(Command.self))
  }
}
