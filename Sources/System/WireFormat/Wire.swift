/// A value with exactly one binary form: little-endian integers of fixed width, and each length
/// before the elements that it counts.
public protocol WireCodable {
  /// The number of bytes that `encode` writes. It must be cheap to compute, because the simulator
  /// needs it for every message.
  var encodedByteCount: Int { get }
  func encode(into writer: inout WireWriter)
  init(from reader: inout WireReader) throws(WireError)
}

/// The reason why bytes could not be decoded. The fault is the sender's and never the reader's.
public enum WireError: Error, Equatable, Sendable {
  /// The bytes ended too early.
  case truncated
  /// The bytes are not a valid encoding; the text says what was found.
  case malformed(String)
  /// The checksum does not match the content.
  case checksumMismatch
  /// The frame has another version of the protocol.
  case unsupportedVersion(UInt8)
}

/// Appends binary values to a buffer that can be reused.
public struct WireWriter: Sendable {
  /// The buffer; its first `count` bytes have been written. It is public, as is everything here, so
  /// that codecs of other modules are specialised.
  public var storage: [UInt8] = []
  public var count = 0
  /// Whether to record the batches that are written, in `notedBatches`.
  public var notesBatches = false
  public var notedBatches: [NotedBatch] = []

  public init() {}

  /// Makes room for `byteCount` more bytes.
  @inline(__always)
  public mutating func reserve(_ byteCount: Int) {
    if count + byteCount > storage.count { grow(toHold: count + byteCount) }
  }

  /// Moves the written bytes to a larger buffer. The room behind them is not set to zero, because
  /// for large values that would cost as much as writing them.
  @inline(never)
  public mutating func grow(toHold needed: Int) {
    let room = max(needed, storage.count * 2, 64)
    storage = [UInt8](unsafeUninitializedCapacity: room) { target, count in
      withBytes { UnsafeMutableRawBufferPointer(target).copyMemory(from: $0) }
      count = room
    }
  }

  /// Writes `byteCount` bytes, all of which `body` must set. Values that are written together need
  /// one check that the buffer has room and no other owner, which takes longer than storing them.
  @inline(__always)
  public mutating func write(
    byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void
  ) {
    reserve(byteCount)
    let offset = count
    storage.withUnsafeMutableBytes {
      body(UnsafeMutableRawBufferPointer(rebasing: $0[offset..<offset + byteCount]))
    }
    count += byteCount
  }

  public mutating func write<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
    write(byteCount: MemoryLayout<Number>.size) {
      $0.storeBytes(of: number.littleEndian, as: Number.self)
    }
  }

  public mutating func write(_ flag: Bool) { write(UInt8(flag ? 1 : 0)) }

  /// Writes the bytes without a length before them.
  public mutating func write(_ bytes: [UInt8]) {
    write(bytes, in: 0..<bytes.count)
  }

  /// Writes a part of a buffer without an intermediate copy.
  public mutating func write(_ bytes: [UInt8], in range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
    guard !range.isEmpty else { return }
    write(byteCount: range.count) { target in
      bytes.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
  }

  /// Overwrites four bytes that were written earlier, such as a length that was not known yet.
  public mutating func overwrite(at offset: Int, with number: UInt32) {
    precondition(offset + 4 <= count)
    storage.withUnsafeMutableBytes {
      $0.storeBytes(of: number.littleEndian, toByteOffset: offset, as: UInt32.self)
    }
  }

  /// A copy of the written bytes.
  public func bytes() -> [UInt8] { Array(storage[..<count]) }

  /// Passes the written bytes to `body` without a copy.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  }

  public mutating func removeAll() { count = 0 }

  /// Removes the first `byteCount` bytes and moves the others to the front.
  public mutating func removeFirst(_ byteCount: Int) {
    precondition(byteCount <= count)
    let rest = count - byteCount
    storage.withUnsafeMutableBytes { all in
      guard rest > 0, let start = all.baseAddress else { return }
      start.copyMemory(from: start + byteCount, byteCount: rest)
    }
    count = rest
  }
}

/// Reads binary values and checks every bound.
public struct WireReader: Sendable {
  public let storage: [UInt8]
  public var end: Int
  public var offset: Int
  /// Records the batches that are read; nil to record nothing.
  public var batchNotes: BatchNotes?

  public init(_ bytes: [UInt8]) {
    storage = bytes
    offset = 0
    end = bytes.count
  }

  public init(_ bytes: [UInt8], in range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
    storage = bytes
    offset = range.lowerBound
    end = range.upperBound
  }

  public var remaining: Int { end - offset }
  public var isAtEnd: Bool { offset == end }

  public mutating func read<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type
  ) throws(WireError) -> Number {
    guard remaining >= MemoryLayout<Number>.size else { throw .truncated }
    let position = offset
    offset += MemoryLayout<Number>.size
    let number = storage.withUnsafeBytes {
      $0.loadUnaligned(fromByteOffset: position, as: Number.self)
    }
    return Number(littleEndian: number)
  }

  public mutating func readFlag() throws(WireError) -> Bool {
    switch try read(UInt8.self) {
    case 0: return false
    case 1: return true
    case let other: throw .malformed("\(other) is no truth value")
    }
  }

  public mutating func readBytes(_ count: Int) throws(WireError) -> [UInt8] {
    guard count >= 0, remaining >= count else { throw .truncated }
    defer { offset += count }
    return Array(storage[offset..<offset + count])
  }

  public mutating func skip(_ count: Int) throws(WireError) {
    guard count >= 0, remaining >= count else { throw .truncated }
    offset += count
  }

  /// Reads a count that precedes elements of at least `elementSize` bytes. A count that exceeds the
  /// remaining bytes is refused before memory is allocated for it.
  public mutating func readCount(elementSize: Int) throws(WireError) -> Int {
    let count = Int(try read(UInt32.self))
    guard count <= remaining / max(elementSize, 1) else { throw .truncated }
    return count
  }
}

extension WireReader {
  /// Decodes a value that must fill all the bytes.
  public static func decode<Value: WireCodable>(
    _ type: Value.Type, from bytes: [UInt8]
  ) throws(WireError) -> Value {
    var reader = WireReader(bytes)
    return try reader.readLast(type)
  }

  /// Decodes a value that must fill all remaining bytes.
  public mutating func readLast<Value: WireCodable>(_ type: Value.Type) throws(WireError) -> Value {
    let value = try Value(from: &self)
    guard isAtEnd else { throw .malformed("\(remaining) bytes too many") }
    return value
  }
}

extension WireCodable {
  /// The binary form in a new array.
  public func encoded() -> [UInt8] {
    var writer = WireWriter()
    writer.reserve(encodedByteCount)
    encode(into: &writer)
    return writer.bytes()
  }
}
