import Replication

/// A key of the key-value store: any bytes. Up to 15 bytes lie in the value itself, because looking a
/// key up is the most frequent thing a replica does.
public struct Key: Hashable, Sendable {
  private let low: UInt64
  /// Seven bytes, and in the highest byte the length, or `longMark` for keys in `long`.
  private let high: UInt64
  private let long: [UInt8]?

  private static let longMark: UInt64 = 0xFF << 56
  private static let inlineLimit = 15

  public init(_ bytes: [UInt8]) { self.init(bytes, in: 0..<bytes.count) }

  /// The key whose bytes lie in a part of a buffer. Allocates for long keys only.
  public init(_ bytes: [UInt8], in range: Range<Int>) {
    guard range.count <= Key.inlineLimit else {
      low = 0
      high = Key.longMark
      long = range.count == bytes.count ? bytes : Array(bytes[range])
      return
    }
    low = Key.word(bytes, from: range.lowerBound, to: min(range.lowerBound + 8, range.upperBound))
    high =
      Key.word(bytes, from: min(range.lowerBound + 8, range.upperBound), to: range.upperBound)
      | UInt64(range.count) << 56
    long = nil
  }

  /// Up to eight bytes as a number, the first one lowest.
  private static func word(_ bytes: [UInt8], from start: Int, to end: Int) -> UInt64 {
    var word: UInt64 = 0
    var position = end
    while position > start {
      position -= 1
      word = word << 8 | UInt64(bytes[position])
    }
    return word
  }

  public init(_ text: String) { self.init(Array(text.utf8)) }

  public var count: Int { long?.count ?? Int(high >> 56) }

  public var bytes: [UInt8] {
    if let long { return long }
    return (0..<count).map { position in
      position < 8
        ? UInt8(truncatingIfNeeded: low >> (8 * UInt64(position)))
        : UInt8(truncatingIfNeeded: high >> (8 * UInt64(position - 8)))
    }
  }

  public static func == (a: Key, b: Key) -> Bool {
    a.low == b.low && a.high == b.high && (a.high != longMark || a.long == b.long)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(low)
    hasher.combine(high)
    if let long { hasher.combine(long) }
  }
}

extension Key: FlatKey {
  public var flatHash: UInt64 {
    guard let long else { return Key.mix(low ^ Key.mix(high)) }
    var hash = high
    for byte in long { hash = Key.mix(hash ^ UInt64(byte)) }
    return hash
  }
}

extension Key: WireCodable {
  public var encodedByteCount: Int { long == nil ? 16 : 16 + 4 + long!.count }

  public func encode(into writer: inout WireWriter) {
    writer.write(low)
    writer.write(high)
    if let long {
      writer.write(UInt32(long.count))
      writer.write(long)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    low = try reader.read(UInt64.self)
    high = try reader.read(UInt64.self)
    if let count = try Key.longCount(low, high, in: &reader) {
      long = try reader.readBytes(count)
    } else {
      long = nil
    }
  }

  /// Moves over a key, and checks it as decoding would.
  public static func skip(in reader: inout WireReader) throws(WireError) {
    let low = try reader.read(UInt64.self)
    let high = try reader.read(UInt64.self)
    if let count = try longCount(low, high, in: &reader) { try reader.skip(count) }
  }

  /// The length of a long key, whose bytes follow; `nil` for a key that lies in the words.
  private static func longCount(
    _ low: UInt64, _ high: UInt64, in reader: inout WireReader
  ) throws(WireError) -> Int? {
    if high == Key.longMark {
      guard low == 0 else { throw .malformed("a long key that begins in the words") }
      let count = Int(try reader.read(UInt32.self))
      guard count > Key.inlineLimit else { throw .malformed("a long key of \(count) bytes") }
      return count
    }
    // Equal keys must have equal bytes, so whatever lies behind the key's end has to be zero.
    let length = high >> 56
    let content = high & ~Key.longMark
    let fits: Bool
    switch length {
    case 0: fits = low == 0 && content == 0
    case 1..<8: fits = low >> (8 * length) == 0 && content == 0
    case 8: fits = content == 0
    case 9...15: fits = content >> (8 * (length - 8)) == 0
    default: fits = false
    }
    guard fits else { throw .malformed("a key whose length does not fit its bytes") }
    return nil
  }
}
