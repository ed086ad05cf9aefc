import Primitives
import Replication
import WireFormat

/// A key of the key-value store: any bytes. Up to 23 bytes are stored in the value itself, because
/// looking up a key is a replica's most frequent operation, and following a pointer often misses
/// the processor's caches.
public struct Key: Hashable, Sendable {
  /// The first eight bytes, the first one lowest; for a key in `long`, its length.
  private let first: UInt64
  private let second: UInt64
  /// Seven bytes, and in the highest byte the length, or `longMark` for keys in `long`.
  private let third: UInt64
  private let long: [UInt8]?

  private static let longMark: UInt64 = 0xFF << 56
  /// Longer keys are stored in an allocated array.
  private static let inlineLimit = 23
  /// Longer keys have another form on the wire.
  private static let shortLimit = 15

  /// The bytes that a long key takes besides the key itself.
  var allocatedByteCount: Int { long.map { KeyValueStore.memory(of: $0) } ?? 0 }

  public init(_ bytes: [UInt8]) { self.init(bytes, in: 0..<bytes.count) }

  /// The key whose bytes are a part of a buffer. Allocates for long keys only.
  public init(_ bytes: [UInt8], in range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
    guard range.count <= Key.inlineLimit else {
      first = UInt64(range.count)
      second = 0
      third = Key.longMark
      long = range.count == bytes.count ? bytes : Array(bytes[range])
      return
    }
    first = Key.word(bytes, from: range.lowerBound, to: range.upperBound)
    second = Key.word(bytes, from: range.lowerBound + 8, to: range.upperBound)
    third =
      Key.word(bytes, from: range.lowerBound + 16, to: range.upperBound)
      | UInt64(range.count) << 56
    long = nil
  }

  private init(short low: UInt64, _ high: UInt64) {
    first = low
    second = high & ~Key.longMark
    third = high & Key.longMark
    long = nil
  }

  private init(_ first: UInt64, _ second: UInt64, _ third: UInt64) {
    self.first = first
    self.second = second
    self.third = third
    long = nil
  }

  /// The key with more bytes at its end.
  /// - Parameters:
  ///   - bytes: the first one lowest, and nothing above the last one.
  ///   - added: how many bytes they are, at most eight.
  @inline(__always)
  func appending(_ bytes: UInt64, count added: Int) -> Key {
    let count = self.count
    guard count + added <= Key.inlineLimit else { return longAppending(bytes, count: added) }
    // The bytes may cross the end of a word.
    let shift = UInt64(8 * (count & 7))
    let low = bytes &<< shift
    let high = (bytes >> 8) &>> (56 - shift)
    let length = UInt64(added) << 56
    return switch count >> 3 {
    case 0: Key(first | low, second | high, third + length)
    case 1: Key(first, second | low, third + length | high)
    default: Key(first, second, third + length | low)
    }
  }

  @inline(never)
  private func longAppending(_ bytes: UInt64, count added: Int) -> Key {
    Key(self.bytes + (0..<added).map { UInt8(truncatingIfNeeded: bytes >> (8 * $0)) })
  }

  /// Up to eight bytes as a number, the first one lowest; bytes past the end count as 0.
  private static func word(_ bytes: [UInt8], from start: Int, to end: Int) -> UInt64 {
    if end - start >= 8 {
      return bytes.withUnsafeBytes {
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: UInt64.self))
      }
    }
    var word: UInt64 = 0
    var position = end
    while position > start {
      position -= 1
      word = word << 8 | UInt64(bytes[position])
    }
    return word
  }

  public init(_ text: String) { self.init(Array(text.utf8)) }

  public var count: Int { long?.count ?? Int(third >> 56) }

  public var bytes: [UInt8] {
    if let long { return long }
    var writer = WireWriter()
    for word in [first, second, third] { writer.write(word) }
    return Array(writer.storage[..<count])
  }

  public static func == (a: Key, b: Key) -> Bool {
    a.first == b.first && a.second == b.second && a.third == b.third
      && (a.third != longMark || a.long == b.long)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(first)
    hasher.combine(second)
    hasher.combine(third)
    hasher.combine(long)
  }
}

extension Key: FlatKey {
  @inline(__always)
  public func flatHash(_ secret: FlatHashSecret) -> UInt64 {
    guard let long else { return secret.mix(first ^ secret.mix(second ^ secret.mix(third))) }
    return flatHash(secret, of: long)
  }

  @inline(never)
  private func flatHash(_ secret: FlatHashSecret, of long: [UInt8]) -> UInt64 {
    var hash = secret.mix(first)
    for start in stride(from: 0, to: long.count, by: 8) {
      hash = secret.mix(hash ^ Key.word(long, from: start, to: long.count))
    }
    return hash
  }
}

/// A short key is two words: eight bytes; seven bytes and the length. A longer key is an empty
/// word, a word that is only a mark, the length (4 bytes) and the bytes.
extension Key: WireCodable {
  @inline(__always)
  private var isShort: Bool { long == nil && third >> 56 <= UInt64(Key.shortLimit) }

  public var encodedByteCount: Int { isShort ? 16 : 20 + count }

  /// The form of a short key on the wire; `nil` for a longer one.
  @inline(__always)
  var words: (low: UInt64, high: UInt64)? { isShort ? (first, second | third) : nil }

  public func encode(into writer: inout WireWriter) {
    if let (low, high) = words {
      writer.write(byteCount: 16) {
        $0.storeBytes(of: low.littleEndian, as: UInt64.self)
        $0.storeBytes(of: high.littleEndian, toByteOffset: 8, as: UInt64.self)
      }
      return
    }
    writer.write(UInt64(0))
    writer.write(Key.longMark)
    writer.write(UInt32(count))
    if let long {
      writer.write(long)
    } else {
      writer.write(first)
      writer.write(second)
      for position in 16..<count {
        writer.write(UInt8(truncatingIfNeeded: third >> (8 * UInt64(position - 16))))
      }
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let low = try reader.read(UInt64.self)
    let high = try reader.read(UInt64.self)
    guard let count = try Key.longCount(low, high, in: &reader) else {
      self.init(short: low, high)
      return
    }
    let start = reader.offset
    try reader.skip(count)
    self.init(reader.storage, in: start..<reader.offset)
  }

  /// Skips a key, and checks it as decoding would.
  public static func skip(in reader: inout WireReader) throws(WireError) {
    let low = try reader.read(UInt64.self)
    let high = try reader.read(UInt64.self)
    if let count = try longCount(low, high, in: &reader) { try reader.skip(count) }
  }

  /// The length of a long key, whose bytes follow; `nil` for a key that is contained in the words.
  @inline(__always)
  private static func longCount(
    _ low: UInt64, _ high: UInt64, in reader: inout WireReader
  ) throws(WireError) -> Int? {
    if high == Key.longMark {
      guard low == 0 else { throw .malformed("a long key that begins in the words") }
      let count = Int(try reader.read(UInt32.self))
      guard count > Key.shortLimit else { throw .malformed("a long key of \(count) bytes") }
      return count
    }
    // Equal keys must have equal bytes, so all bytes after the key's end must be zero.
    let length = high >> 56
    let content = high & ~Key.longMark
    let fits =
      length <= 8
      ? content == 0 && low >> (8 * length) == 0
      : length <= UInt64(Key.shortLimit) && content >> (8 * (length - 8)) == 0
    guard fits else { throw .malformed("a key whose length does not fit its bytes") }
    return nil
  }
}
