import Replication
import WireFormat

/// Commands that take effect in order and at one moment, with no other client's command between
/// them.
///
/// Kept as their concatenated encodings: the builder encodes each command once, forwarding copies
/// bytes, and each command is decoded where it takes effect.
public struct KeyValueSequence: Equatable, Sendable {
  public private(set) var count = 0
  public private(set) var isReadOnly = true
  public private(set) var bytes: [UInt8] = []

  /// The most commands; decoding refuses a longer sequence.
  public static var maximumCount: Int { 1 << 18 }

  public init() {}

  public init(_ commands: [KeyValueCommand]) {
    var builder = KeyValueSequenceBuilder()
    for command in commands { builder.append(command) }
    self = builder.sequence
  }

  init(count: Int, isReadOnly: Bool, bytes: [UInt8]) {
    self.count = count
    self.isReadOnly = isReadOnly
    self.bytes = bytes
  }

  public func makeReader() -> KeyValueSequenceReader { KeyValueSequenceReader(self) }

  /// The commands, decoded.
  public var commands: [KeyValueCommand] {
    var reader = makeReader()
    var commands: [KeyValueCommand] = []
    commands.reserveCapacity(count)
    while let command = reader.next() { commands.append(command) }
    return commands
  }
}

extension KeyValueSequence: ExpressibleByArrayLiteral {
  public init(arrayLiteral commands: KeyValueCommand...) { self.init(commands) }
}

extension KeyValueSequence: WireCodable {
  public var encodedByteCount: Int { 8 + bytes.count }

  public func encode(into writer: inout WireWriter) {
    writer.write(UInt32(count))
    writer.write(UInt32(bytes.count))
    writer.write(bytes)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let start = reader.offset + 8
    var places: [Int]?
    (count, isReadOnly) = try KeyValueSequence.check(in: &reader, noting: &places)
    bytes = Array(reader.storage[start..<reader.offset])
  }

  /// Skips a sequence, and checks that it consists of the stated number of whole commands, so that
  /// later readers need not check.
  /// - Parameter places: receives the offset of each command, unless nil.
  public static func check(
    in reader: inout WireReader, noting places: inout [Int]?
  ) throws(WireError) -> (count: Int, isReadOnly: Bool) {
    let count = Int(try reader.read(UInt32.self))
    guard count <= maximumCount else { throw .malformed("a sequence of \(count) commands") }
    let byteCount = Int(try reader.read(UInt32.self))
    let start = reader.offset
    try reader.skip(byteCount)
    var check = WireReader(reader.storage, in: start..<start + byteCount)
    var isReadOnly = true
    places?.reserveCapacity(count)
    for _ in 0..<count {
      places?.append(check.offset)
      if try !KeyValueCommand.skip(in: &check) { isReadOnly = false }
    }
    guard check.isAtEnd else { throw .malformed("bytes after the last command of a sequence") }
    return (count, isReadOnly)
  }
}

/// Reads the commands of a sequence one by one.
public struct KeyValueSequenceReader {
  private var reader: WireReader

  init(_ sequence: KeyValueSequence) { reader = WireReader(sequence.bytes) }

  /// The next command, or `nil` after the last one.
  public mutating func next() -> KeyValueCommand? {
    guard !reader.isAtEnd, let kind = try? reader.read(UInt8.self) else { return nil }
    return try? KeyValueCommand(single: kind, from: &reader)
  }
}

/// Builds a sequence of commands. Its buffer is reused.
public struct KeyValueSequenceBuilder: Sendable {
  public private(set) var count = 0
  public private(set) var isReadOnly = true
  private var writer = WireWriter()

  public init() {}

  public var isEmpty: Bool { count == 0 }
  public var byteCount: Int { writer.count }

  public var sequence: KeyValueSequence {
    KeyValueSequence(count: count, isReadOnly: isReadOnly, bytes: writer.bytes())
  }

  /// The first command, if there is one.
  public var first: KeyValueCommand? {
    var reader = WireReader(writer.storage, in: 0..<writer.count)
    guard let kind = try? reader.read(UInt8.self) else { return nil }
    return try? KeyValueCommand(single: kind, from: &reader)
  }

  public mutating func append(_ command: KeyValueCommand) {
    if !command.isReadOnly { isReadOnly = false }
    writer.reserve(command.encodedByteCount)
    command.encode(into: &writer)
    count += 1
  }

  /// Appends a `put` of a value that is part of a buffer, without making an array of it.
  public mutating func appendPut(_ key: Key, value bytes: [UInt8], in range: Range<Int>) {
    isReadOnly = false
    KeyValueCommand.encode(KeyValueCommand.putKind, key, into: &writer)
    writer.write(UInt32(range.count))
    writer.write(bytes, in: range)
    count += 1
  }

  /// Removes the first commands.
  public mutating func removeFirst(_ dropped: Int) {
    precondition(dropped <= count)
    var reader = WireReader(writer.storage, in: 0..<writer.count)
    for _ in 0..<dropped { _ = try? KeyValueCommand.skip(in: &reader) }
    let rest = reader
    isReadOnly = true
    while !reader.isAtEnd, let isRead = try? KeyValueCommand.skip(in: &reader) {
      if !isRead { isReadOnly = false }
    }
    writer.removeFirst(rest.offset)
    count -= dropped
  }

  /// - Parameter kept: a buffer of more bytes is freed.
  public mutating func removeAll(keeping kept: Int) {
    if writer.storage.count > kept { writer = WireWriter() } else { writer.removeAll() }
    count = 0
    isReadOnly = true
  }
}
