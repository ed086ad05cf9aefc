/// A digest of a byte string under which concatenation can be computed: Σ (byteᵢ + 1) · Pⁿ⁻¹⁻ⁱ
/// modulo 2⁶⁴, together with the length. The digest of a value never equals `absent`.
public struct ValueDigest: Hashable, Sendable {
  public let hash: UInt64
  /// The number of bytes in the value; -1 for "no value".
  public let length: Int32

  static let base: UInt64 = 0x9E37_79B9_7F4A_7C15
  public static let absent = ValueDigest(hash: 0, length: -1)
  public static let empty = ValueDigest(hash: 0, length: 0)

  public init(hash: UInt64, length: Int32) {
    self.hash = hash
    self.length = length
  }

  public init(_ bytes: [UInt8]) {
    self = bytes.withUnsafeBufferPointer { ValueDigest($0) }
  }

  public init(_ bytes: ArraySlice<UInt8>) {
    self = bytes.withUnsafeBufferPointer { ValueDigest($0) }
  }

  private init(_ bytes: UnsafeBufferPointer<UInt8>) {
    var hash: UInt64 = 0
    let p = ValueDigest.base
    let p2 = p &* p
    let p4 = p2 &* p2
    let p3 = p2 &* p
    var offset = 0
    while offset + 4 <= bytes.count {
      let high = (UInt64(bytes[offset]) + 1) &* p3 &+ (UInt64(bytes[offset + 1]) + 1) &* p2
      let low = (UInt64(bytes[offset + 2]) + 1) &* p &+ (UInt64(bytes[offset + 3]) + 1)
      hash = hash &* p4 &+ high &+ low
      offset += 4
    }
    while offset < bytes.count {
      hash = hash &* p &+ (UInt64(bytes[offset]) + 1)
      offset += 1
    }
    self.hash = hash
    length = Int32(bytes.count)
  }

  /// The digest of the number's eight bytes, lowest first.
  public init(littleEndian number: UInt64) {
    var hash: UInt64 = 0
    for position in 0..<8 as Range<UInt64> {
      hash = hash &* ValueDigest.base &+ (number >> (8 * position) & 0xFF) &+ 1
    }
    self.hash = hash
    length = 8
  }

  public init(_ bytes: [UInt8]?) {
    self = if let bytes { ValueDigest(bytes) } else { .absent }
  }

  public var isAbsent: Bool { length < 0 }

  /// The digest of this value followed by another; an absent value counts as an empty one.
  public func appending(_ other: ValueDigest) -> ValueDigest {
    guard length > 0 else { return other.isAbsent ? .empty : other }
    let shifted = hash &* ValueDigest.power(of: ValueDigest.base, max(other.length, 0))
    return ValueDigest(hash: shifted &+ other.hash, length: length + max(other.length, 0))
  }

  /// The same for an end that many values share.
  @inline(__always)
  public func appending(_ end: SharedEnd) -> ValueDigest {
    guard length > 0 else { return end.digest }
    return ValueDigest(
      hash: hash &* end.power &+ end.digest.hash, length: length + end.digest.length)
  }

  /// The digest of this value without its end: the inverse of `appending`, unless the result is
  /// empty.
  /// - Parameter end: not longer than this value.
  public func removing(end: ValueDigest) -> ValueDigest {
    let shifted = (hash &- end.hash) &* ValueDigest.power(of: ValueDigest.inverseBase, end.length)
    return ValueDigest(hash: shifted, length: length - end.length)
  }

  /// The inverse of `base` modulo 2⁶⁴, by Newton's method: each step doubles the number of correct
  /// bits, beginning with three, because every odd number is its own inverse modulo 8.
  private static let inverseBase = (0..<5).reduce(base) { inverse, _ in
    inverse &* (2 &- base &* inverse)
  }

  fileprivate static func power(of base: UInt64, _ exponent: Int32) -> UInt64 {
    var product: UInt64 = 1
    var factor = base
    var remaining = exponent
    while remaining > 0 {
      if remaining & 1 == 1 { product = product &* factor }
      factor = factor &* factor
      remaining >>= 1
    }
    return product
  }
}

/// An end that many values share. It holds the power of the base by which the hash of what precedes
/// it is multiplied, so that the power is not computed for each value.
public struct SharedEnd: Sendable {
  public let digest: ValueDigest
  let power: UInt64

  /// - Parameter digest: of a value, which is not absent.
  public init(_ digest: ValueDigest) {
    self.digest = digest
    power = ValueDigest.power(of: ValueDigest.base, digest.length)
  }
}
