import Replication

/// What clients of the key-value store ask.
public enum KeyValueCommand: Equatable, Sendable {
  case get(Key)
  case put(Key, value: [UInt8])
  case delete(Key)
  /// Adds bytes behind the value; a missing key counts as empty.
  case append(Key, value: [UInt8])
  /// Replaces the value if it is the expected one; `nil` expects the key to be missing.
  case compareAndSwap(Key, expected: [UInt8]?, value: [UInt8])
}

/// What the key-value store answers.
public enum KeyValueResponse: Equatable, Sendable {
  case value([UInt8]?)
  case done
  case swapped
  /// The compare-and-swap found another value, this one, and changed nothing.
  case notSwapped(found: [UInt8]?)
}

extension KeyValueCommand: WireCodable {
  private static func size(of value: [UInt8]) -> Int { 4 + value.count }

  public var encodedByteCount: Int {
    switch self {
    case .get(let key), .delete(let key): 1 + key.encodedByteCount
    case .put(let key, let value), .append(let key, let value):
      1 + key.encodedByteCount + Self.size(of: value)
    case .compareAndSwap(let key, let expected, let value):
      2 + key.encodedByteCount + (expected.map(Self.size) ?? 0) + Self.size(of: value)
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .get(let key):
      writer.write(UInt8(0))
      key.encode(into: &writer)
    case .put(let key, let value):
      writer.write(UInt8(1))
      key.encode(into: &writer)
      writer.writeCounted(value)
    case .delete(let key):
      writer.write(UInt8(2))
      key.encode(into: &writer)
    case .append(let key, let value):
      writer.write(UInt8(3))
      key.encode(into: &writer)
      writer.writeCounted(value)
    case .compareAndSwap(let key, let expected, let value):
      writer.write(UInt8(4))
      key.encode(into: &writer)
      writer.writeCounted(expected)
      writer.writeCounted(value)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let kind = try reader.read(UInt8.self)
    let key = try Key(from: &reader)
    switch kind {
    case 0: self = .get(key)
    case 1: self = .put(key, value: try reader.readCounted())
    case 2: self = .delete(key)
    case 3: self = .append(key, value: try reader.readCounted())
    case 4:
      self = .compareAndSwap(
        key, expected: try reader.readCountedOrNil(), value: try reader.readCounted())
    default: throw .malformed("\(kind) is no key-value command")
    }
  }
}

extension KeyValueResponse: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .value(let value), .notSwapped(let value): 2 + (value.map { 4 + $0.count } ?? 0)
    case .done, .swapped: 1
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .value(let value):
      writer.write(UInt8(0))
      writer.writeCounted(value)
    case .done: writer.write(UInt8(1))
    case .swapped: writer.write(UInt8(2))
    case .notSwapped(let found):
      writer.write(UInt8(3))
      writer.writeCounted(found)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 0: self = .value(try reader.readCountedOrNil())
    case 1: self = .done
    case 2: self = .swapped
    case 3: self = .notSwapped(found: try reader.readCountedOrNil())
    case let kind: throw .malformed("\(kind) is no key-value response")
    }
  }
}

extension WireWriter {
  /// A length and then the bytes.
  mutating func writeCounted(_ bytes: [UInt8]) {
    write(UInt32(bytes.count))
    write(bytes)
  }

  mutating func writeCounted(_ bytes: [UInt8]?) {
    write(bytes != nil)
    if let bytes { writeCounted(bytes) }
  }
}

extension WireReader {
  mutating func readCounted() throws(WireError) -> [UInt8] {
    try readBytes(Int(try read(UInt32.self)))
  }

  mutating func readCountedOrNil() throws(WireError) -> [UInt8]? {
    try readFlag() ? try readCounted() : nil
  }
}
