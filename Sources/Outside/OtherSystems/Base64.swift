import Replication
import WireFormat

/// Bytes as text of 64 characters (RFC 4648 §4), padded.
enum Base64 {
  private static let letters = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")

  /// The six bits of each letter; 255 for all other bytes.
  private static let bits: [UInt8] = {
    var bits = [UInt8](repeating: 255, count: 256)
    for (value, letter) in letters.enumerated() { bits[Int(letter)] = UInt8(value) }
    return bits
  }()

  static func encodedByteCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

  static func encode(_ bytes: [UInt8], into output: inout WireWriter) {
    output.reserve(encodedByteCount(bytes.count))
    var position = output.count
    var next = 0
    let letters = letters
    while next < bytes.count {
      let left = bytes.count - next
      let word =
        UInt32(bytes[next]) << 16
        | (left > 1 ? UInt32(bytes[next + 1]) << 8 : 0)
        | (left > 2 ? UInt32(bytes[next + 2]) : 0)
      output.storage[position] = letters[Int(word >> 18)]
      output.storage[position + 1] = letters[Int(word >> 12 & 63)]
      output.storage[position + 2] = left > 1 ? letters[Int(word >> 6 & 63)] : padding
      output.storage[position + 3] = left > 2 ? letters[Int(word & 63)] : padding
      position += 4
      next += 3
    }
    output.count = position
  }

  /// - Returns: `nil` if the text is not exactly what `encode` makes of some bytes.
  static func decode(_ text: [UInt8], in range: Range<Int>) -> [UInt8]? {
    guard range.count % 4 == 0 else { return nil }
    guard !range.isEmpty else { return [] }
    let bits = bits
    let missing =
      text[range.upperBound - 1] != padding ? 0 : text[range.upperBound - 2] != padding ? 1 : 2
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count / 4 * 3)
    var position = range.lowerBound
    while position < range.upperBound {
      let count = position + 4 < range.upperBound ? 3 : 3 - missing
      var word: UInt32 = 0
      for offset in 0...count {
        let value = bits[Int(text[position + offset])]
        guard value < 64 else { return nil }
        word |= UInt32(value) << UInt32(18 - 6 * offset)
      }
      bytes.append(UInt8(truncatingIfNeeded: word >> 16))
      if count > 1 { bytes.append(UInt8(truncatingIfNeeded: word >> 8)) }
      if count > 2 { bytes.append(UInt8(truncatingIfNeeded: word)) }
      // Bits that belong to no byte must be zero.
      guard count == 3 || word << (8 + 8 * UInt32(count)) == 0 else { return nil }
      position += 4
    }
    return bytes
  }
}
