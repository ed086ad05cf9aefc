import Primitives
import Replication

/// Changes bytes with a seeded stream.
enum Mutation {
  /// The largest size of an input after changes.
  static let mostBytes = 1 << 16

  private static let telling: [UInt64] = [
    0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 1 << 16, 1 << 20, 1 << 26,
    0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 62, UInt64(Int64.max), 1 << 63,
    UInt64.max - 1, UInt64.max, (0.0 / 1).bitPattern, (-1.0).bitPattern, 1e300.bitPattern,
    Double.infinity.bitPattern, Double.nan.bitPattern,
  ]

  /// Makes one to a few changes.
  /// - Parameter other: another valid input, from which parts are taken.
  static func apply(
    to bytes: inout [UInt8], other: [UInt8], random: inout RandomStream
  ) {
    repeat {
      change(&bytes, other, &random)
    } while random.chance(0.4)
    if bytes.count > mostBytes { bytes.removeLast(bytes.count - mostBytes) }
  }

  private static func change(
    _ bytes: inout [UInt8], _ other: [UInt8], _ random: inout RandomStream
  ) {
    guard !bytes.isEmpty else {
      bytes = [UInt8(random.below(256))]
      return
    }
    let position = random.below(bytes.count)
    switch random.below(11) {
    case 0: bytes[position] ^= 1 << UInt8(random.below(8))
    case 1: bytes[position] = UInt8(random.below(256))
    case 2, 3: overwrite(&bytes, at: position, &random)
    case 4: bytes.removeLast(bytes.count - position)
    case 5: bytes.removeSubrange(span(of: bytes, from: position, &random))
    case 6:
      let count = 1 << random.below(8)
      bytes.insert(contentsOf: (0..<count).map { _ in UInt8(random.below(256)) }, at: position)
    case 7:
      // Repeats a part, perhaps many times.
      let part = Array(bytes[span(of: bytes, from: position, &random)])
      let times = random.chance(0.1) ? 1 << random.below(8) : 1
      guard part.count * times <= mostBytes else { return }
      bytes.insert(contentsOf: (0..<times).flatMap { _ in part }, at: position)
    case 8:
      guard !other.isEmpty else { return }
      bytes.replaceSubrange(position..., with: other[random.below(other.count)...])
    case 9:
      guard !other.isEmpty else { return }
      let part = other[span(of: other, from: random.below(other.count), &random)]
      bytes.replaceSubrange(span(of: bytes, from: position, &random), with: part)
    default:
      let to = random.below(bytes.count)
      bytes.swapAt(position, to)
    }
  }

  /// Usually a short range.
  private static func span(
    of bytes: [UInt8], from start: Int, _ random: inout RandomStream
  ) -> Range<Int> {
    start..<min(bytes.count, start + 1 + random.below(1 << random.below(10)))
  }

  /// Writes a special number of some width there, as if it were a length or a count.
  private static func overwrite(
    _ bytes: inout [UInt8], at position: Int, _ random: inout RandomStream
  ) {
    var number = telling[random.below(telling.count)]
    if random.chance(0.2) { number = UInt64(bytes.count) &+ UInt64(random.below(5)) &- 2 }
    for index in 0..<1 << random.below(4) where position + index < bytes.count {
      bytes[position + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))
    }
  }
}
