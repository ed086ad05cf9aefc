import Primitives
import WireFormat

/// A deterministic application that a protocol replicates: the same commands in the same order give the
/// same responses and the same state everywhere.
public protocol StateMachine: Sendable {
  associatedtype Command: WireCodable & Equatable & Sendable
  associatedtype Response: WireCodable & Equatable & Sendable

  init()

  /// Whether the command leaves the state alone, so that it can be answered without a log entry.
  static func isReadOnly(_ command: Command) -> Bool

  /// The same of a command whose bytes are all that is left in the reader.
  /// - Throws: they are no command.
  static func isReadOnly(reading reader: inout WireReader) throws(WireError) -> Bool

  mutating func apply(_ command: Command) -> Response

  /// What is kept of a response for a request that comes again: the response itself, or one that
  /// says that it was too long.
  static func kept(_ response: Response) -> Response

  /// Answers a read-only command. For any other command the answer is unspecified.
  func query(_ command: Command) -> Response

  /// Applies the command whose bytes are all that is left in the reader. The same as decoding it and
  /// applying it, which is what happens unless an application knows a shorter way.
  /// - Throws: the bytes are no command; the state is as it was.
  mutating func apply(reading reader: inout WireReader) throws(WireError) -> Response

  /// Says which commands will be applied next: where in `bytes` each begins, in order. A state machine whose
  /// state is larger than the processor's caches can have what they touch fetched meanwhile; most do nothing.
  /// Bytes that are no command are none here, either.
  func expect(_ commands: [Int], in bytes: [UInt8])

  /// How many things the state holds, for people to read.
  var itemCount: Int { get }

  /// Has hash tables, if there are any, use these secret words. Nothing else changes.
  mutating func useHashSecret(_ secret: FlatHashSecret)

  // Writing the state out in parts, between which commands are applied: a snapshot of a large state
  // must not stop the service. A state machine that is always small need not know of it.

  static var readsOutInParts: Bool { get }
  /// Begins to write the state out as it is now.
  mutating func beginReadout()
  /// The next part, of about so many bytes; `nil` when all of it has been written.
  mutating func readOut(atMost byteCount: Int) -> [UInt8]?
  /// Restores what was written out, which is all that is left in the reader, into a new state
  /// machine.
  mutating func restore(readingOut reader: inout WireReader) throws(WireError)

  /// The whole state as bytes. Equal states give equal bytes.
  func snapshot() -> [UInt8]
  init(restoring snapshot: [UInt8]) throws(WireError)
}

extension StateMachine {
  /// How many commands are announced at a time. What they touch should be no more than a processor fetches side
  /// by side, some dozens of cache lines: with 32 commands most came too late.
  public static var lookAheadCount: Int { 8 }

  public static func kept(_ response: Response) -> Response { response }

  public func expect(_ commands: [Int], in bytes: [UInt8]) {}

  public var itemCount: Int { 0 }

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
