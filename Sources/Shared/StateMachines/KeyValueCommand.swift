import Replication
import WireFormat

/// The requests of clients of the key-value store. Each command takes effect at one moment.
public enum KeyValueCommand: Equatable, Sendable {
  case get(Key)
  case put(Key, value: [UInt8])
  /// Answered with the number of removed keys: 1 or 0.
  case delete(Key)
  /// Appends bytes to the value; a missing key counts as empty. Answered with the new length.
  case append(Key, value: [UInt8])
  /// Replaces the value if it is the expected one; `nil` expects the key to be missing.
  case compareAndSwap(Key, expected: [UInt8]?, value: [UInt8])
  /// Answered with 1 if the key has a value, otherwise with 0.
  case exists(Key)
  /// Answered with the length of the value in bytes, 0 if the key is missing.
  case length(Key)
  /// Adds to the number that the value spells in decimal; a missing key counts as 0. Answered with
  /// the sum.
  case increment(Key, by: Int64)
  /// Writes only if the key has no value. Answered with 1 if it wrote, otherwise with 0.
  case putIfAbsent(Key, value: [UInt8])
  /// Writes only if the key has a value. Answered with 1 if it wrote, otherwise with 0.
  case putIfPresent(Key, value: [UInt8])
  /// At most `KeyValueSequence.maximumCount` commands, without a nested sequence. Answered with a
  /// sequence of as many responses, or of fewer: see `KeyValueStore.maximumAnswerByteCount`.
  case sequence(KeyValueSequence)
  /// Part of a value, from one position to another, both included; negative positions count from
  /// the end.
  case range(Key, first: Int64, last: Int64)
  /// Adds to the number with a fraction that the value spells; a missing key counts as 0. Answered
  /// with the spelled sum.
  case addDecimal(Key, DecimalFraction)
  /// Answered with the number of keys.
  case count
  /// Removes all keys.
  case clear
  /// Walks backwards over `count` keys, starting before position `from` (0 starts at the end), and
  /// answers with those that match the pattern. A key that exists during the whole walk is found at
  /// least once.
  case scan(from: UInt64, count: UInt32, pattern: [UInt8])
  /// If the key has another value (`nil`: any value), the next `orSkip` commands of the sequence
  /// are not carried out and are answered with `skipped`. Answered with 0 then, otherwise with 1.
  case require(Key, value: [UInt8]?, orSkip: UInt32)
  /// A sequence that takes effect as a whole or not at all: if the answer exceeds
  /// `KeyValueStore.maximumAnswerByteCount`, it is `refused` and no command takes effect.
  case transaction(KeyValueSequence)
  /// The values of `count` keys, at most `KeyValueSequence.maximumCount`, whose names are `names`
  /// and the numbers from `first` on in decimal. Answered with a sequence of as many values, or of
  /// fewer: see `KeyValueStore.maximumAnswerByteCount`. Not allowed in a sequence.
  case consecutive(names: [UInt8], first: UInt64, count: UInt32)
}

extension KeyValueCommand {
  /// Whether the command does not change the store.
  public var isReadOnly: Bool {
    switch self {
    case .get, .exists, .length, .range, .count, .scan, .require, .consecutive: true
    case .sequence(let sequence), .transaction(let sequence): sequence.isReadOnly
    default: false
    }
  }
}

extension KeyValueCommand: WireCodable {
  public static func size(of value: [UInt8]) -> Int { 4 + value.count }

  public var encodedByteCount: Int {
    switch self {
    case .get(let key), .delete(let key), .exists(let key), .length(let key):
      return 1 + key.encodedByteCount
    case .put(let key, let value), .append(let key, let value), .putIfAbsent(let key, let value),
      .putIfPresent(let key, let value):
      return 1 + key.encodedByteCount + Self.size(of: value)
    case .compareAndSwap(let key, let expected, let value):
      return 2 + key.encodedByteCount + (expected.map(Self.size) ?? 0) + Self.size(of: value)
    case .increment(let key, _): return 1 + key.encodedByteCount + 8
    case .sequence(let sequence), .transaction(let sequence): return 1 + sequence.encodedByteCount
    case .range(let key, _, _): return 1 + key.encodedByteCount + 16
    case .addDecimal(let key, _): return 1 + key.encodedByteCount + DecimalFraction.encodedByteCount
    case .count, .clear: return 1
    case .scan(_, _, let pattern): return 13 + Self.size(of: pattern)
    case .require(let key, let value, _):
      return 6 + key.encodedByteCount + (value.map(Self.size) ?? 0)
    case .consecutive(let names, _, _): return 13 + Self.size(of: names)
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .get(let key): Self.encode(0, key, into: &writer)
    case .put(let key, let value): Self.encode(Self.putKind, key, value, into: &writer)
    case .delete(let key): Self.encode(2, key, into: &writer)
    case .append(let key, let value): Self.encode(3, key, value, into: &writer)
    case .compareAndSwap(let key, let expected, let value):
      Self.encode(4, key, into: &writer)
      writer.writeCounted(expected)
      writer.writeCounted(value)
    case .exists(let key): Self.encode(5, key, into: &writer)
    case .length(let key): Self.encode(6, key, into: &writer)
    case .increment(let key, let amount):
      Self.encode(7, key, into: &writer)
      writer.write(amount)
    case .putIfAbsent(let key, let value): Self.encode(8, key, value, into: &writer)
    case .putIfPresent(let key, let value): Self.encode(9, key, value, into: &writer)
    case .sequence(let sequence):
      writer.write(Self.sequenceKind)
      sequence.encode(into: &writer)
    case .range(let key, let first, let last):
      Self.encode(11, key, into: &writer)
      writer.write(first)
      writer.write(last)
    case .addDecimal(let key, let amount):
      Self.encode(12, key, into: &writer)
      amount.encode(into: &writer)
    case .count: writer.write(UInt8(13))
    case .clear: writer.write(UInt8(14))
    case .scan(let start, let count, let pattern):
      writer.write(UInt8(15))
      writer.write(start)
      writer.write(count)
      writer.writeCounted(pattern)
    case .require(let key, let value, let count):
      Self.encode(16, key, into: &writer)
      writer.write(count)
      writer.writeCounted(value)
    case .transaction(let sequence):
      writer.write(Self.transactionKind)
      sequence.encode(into: &writer)
    case .consecutive(let names, let first, let count):
      writer.write(Self.consecutiveKind)
      writer.write(first)
      writer.write(count)
      writer.writeCounted(names)
    }
  }

  public static var putKind: UInt8 { 1 }
  public static var sequenceKind: UInt8 { 10 }
  public static var transactionKind: UInt8 { 17 }
  public static var consecutiveKind: UInt8 { 18 }

  public static func encode(_ kind: UInt8, _ key: Key, into writer: inout WireWriter) {
    writer.write(kind)
    key.encode(into: &writer)
  }

  public static func encode(
    _ kind: UInt8, _ key: Key, _ value: [UInt8], into writer: inout WireWriter
  ) {
    guard let (low, high) = key.words else {
      encode(kind, key, into: &writer)
      writer.writeCounted(value)
      return
    }
    writer.write(byteCount: 21 + value.count) { target in
      target[0] = kind
      target.storeBytes(of: low.littleEndian, toByteOffset: 1, as: UInt64.self)
      target.storeBytes(of: high.littleEndian, toByteOffset: 9, as: UInt64.self)
      target.storeBytes(of: UInt32(value.count).littleEndian, toByteOffset: 17, as: UInt32.self)
      value.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: target[21...]).copyMemory(from: $0)
      }
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let kind = try reader.read(UInt8.self)
    switch kind {
    case Self.sequenceKind: self = .sequence(try KeyValueSequence(from: &reader))
    case Self.transactionKind: self = .transaction(try KeyValueSequence(from: &reader))
    case Self.consecutiveKind: self = try Self.consecutive(from: &reader)
    default: try self.init(single: kind, from: &reader)
    }
  }

  private static func consecutive(
    from reader: inout WireReader
  ) throws(WireError) -> KeyValueCommand {
    let first = try reader.read(UInt64.self)
    let count = try reader.read(UInt32.self)
    let last = first.addingReportingOverflow(UInt64(count))
    guard count <= KeyValueSequence.maximumCount, !last.overflow, last.partialValue <= Int64.max
    else { throw .malformed("\(count) keys from number \(first) on") }
    return .consecutive(names: try reader.readCounted(), first: first, count: count)
  }

  /// Decodes the rest of a command that may be part of a sequence, after its kind.
  public init(single kind: UInt8, from reader: inout WireReader) throws(WireError) {
    try Self.check(kind)
    if let whole = try Self.withoutKey(kind, from: &reader) {
      self = whole
      return
    }
    let key = try Key(from: &reader)
    switch kind {
    case 0: self = .get(key)
    case Self.putKind: self = .put(key, value: try reader.readCounted())
    case 2: self = .delete(key)
    case 3: self = .append(key, value: try reader.readCounted())
    case 4:
      self = .compareAndSwap(
        key, expected: try reader.readCountedOrNil(), value: try reader.readCounted())
    case 5: self = .exists(key)
    case 6: self = .length(key)
    case 7: self = .increment(key, by: try reader.read(Int64.self))
    case 8: self = .putIfAbsent(key, value: try reader.readCounted())
    case 9: self = .putIfPresent(key, value: try reader.readCounted())
    case 11:
      self = .range(
        key, first: try reader.read(Int64.self), last: try reader.read(Int64.self))
    case 12: self = .addDecimal(key, try DecimalFraction(from: &reader))
    default:
      let count = try reader.read(UInt32.self)
      self = .require(key, value: try reader.readCountedOrNil(), orSkip: count)
    }
  }

  /// Decodes the rest of a command without a key, after its kind.
  private static func withoutKey(
    _ kind: UInt8, from reader: inout WireReader
  ) throws(WireError) -> KeyValueCommand? {
    switch kind {
    case 13: .count
    case 14: .clear
    case 15:
      .scan(
        from: try reader.read(UInt64.self), count: try reader.read(UInt32.self),
        pattern: try reader.readCounted())
    default: nil
    }
  }

  /// Skips a command that is not a sequence, and checks it as decoding would.
  /// - Returns: whether it is read-only.
  public static func skip(in reader: inout WireReader) throws(WireError) -> Bool {
    let kind = try reader.read(UInt8.self)
    try check(kind)
    // The rarer commands are decoded, because skipping them faster would save little.
    guard kind < sequenceKind else {
      return try KeyValueCommand(single: kind, from: &reader).isReadOnly
    }
    try Key.skip(in: &reader)
    switch kind {
    case 0, 5, 6: return true
    case 2: return false
    case 4: if try reader.readFlag() { try reader.skip(Int(try reader.read(UInt32.self))) }
    case 7:
      try reader.skip(8)
      return false
    default: break
    }
    try reader.skip(Int(try reader.read(UInt32.self)))
    return false
  }

  private static func check(_ kind: UInt8) throws(WireError) {
    guard kind != sequenceKind, kind != transactionKind else {
      throw .malformed("a sequence within a sequence")
    }
    guard kind != consecutiveKind else { throw .malformed("consecutive keys within a sequence") }
    guard kind < transactionKind else { throw .malformed("\(kind) is no key-value command") }
  }
}

extension WireWriter {
  /// A length and then the bytes.
  public mutating func writeCounted(_ bytes: [UInt8]) {
    write(UInt32(bytes.count))
    write(bytes)
  }

  public mutating func writeCounted(_ bytes: [UInt8]?) {
    write(bytes != nil)
    if let bytes { writeCounted(bytes) }
  }
}

extension WireReader {
  public mutating func readCounted() throws(WireError) -> [UInt8] {
    try readBytes(Int(try read(UInt32.self)))
  }

  public mutating func readCountedOrNil() throws(WireError) -> [UInt8]? {
    try readFlag() ? try readCounted() : nil
  }
}
