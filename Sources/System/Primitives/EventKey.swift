/// What an event queue orders: an event's time, its number and the slot of its payload.
///
/// The time is in the upper 64 bits, so that it decides first; then comes a sequence number of 40
/// bits, and the payload's slot in the lower 24. One number, because comparing two fields takes a
/// branch or three comparisons.
public struct EventKey: Sendable {
  public var word: UInt128

  public static var slotBits: UInt64 { 24 }
  public static var slotMask: UInt64 { (1 << slotBits) - 1 }

  /// The sign bit is flipped, so that negative times come before positive ones.
  private static var signBit: UInt64 { 1 << 63 }

  @inline(__always)
  public init(timeNs: Int64, number: UInt64, slot: UInt32) {
    let order = number &<< EventKey.slotBits | UInt64(slot)
    word = UInt128(UInt64(bitPattern: timeNs) ^ EventKey.signBit) << 64 | UInt128(order)
  }

  @inline(__always)
  public var timeNs: Int64 {
    Int64(bitPattern: UInt64(truncatingIfNeeded: word >> 64) ^ EventKey.signBit)
  }

  @inline(__always)
  public var slot: Int { Int(truncatingIfNeeded: word & UInt128(EventKey.slotMask)) }

  @inline(__always)
  public static func < (a: EventKey, b: EventKey) -> Bool { a.word < b.word }

  /// 1 if the key comes before the other one, otherwise 0. The result is computed without a
  /// branch, because which of two children is smaller is random, so that a processor would
  /// mispredict half of such branches.
  @inline(__always)
  public func precedes(_ other: EventKey) -> Int { word < other.word ? 1 : 0 }
}
