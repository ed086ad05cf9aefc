/// Integers as bytes that spell them in decimal: an optional minus sign and digits. Each number has
/// one spelling: no plus sign, no leading zero, no minus zero.
public enum DecimalInteger {
  /// The length of the longest spelling, which is that of the smallest number.
  public static var maximumByteCount: Int { 20 }

  /// The number spelled by a part of a buffer, or `nil` if the bytes are not an integer or it does
  /// not fit into 64 bits.
  public static func parse(_ bytes: [UInt8], in range: Range<Int>) -> Int64? {
    var position = range.lowerBound
    guard position < range.upperBound, range.count <= maximumByteCount else { return nil }
    let isNegative = bytes[position] == UInt8(ascii: "-")
    if isNegative {
      position += 1
      guard position < range.upperBound, bytes[position] != UInt8(ascii: "0") else { return nil }
    }
    if bytes[position] == UInt8(ascii: "0") { return range.count == 1 ? 0 : nil }
    // Counts downwards, because there is one more number below zero than above.
    var number: Int64 = 0
    while position < range.upperBound {
      let digit = bytes[position] &- UInt8(ascii: "0")
      guard digit <= 9 else { return nil }
      let (tenfold, overflowsTenfold) = number.multipliedReportingOverflow(by: 10)
      let (next, overflows) = tenfold.subtractingReportingOverflow(Int64(digit))
      guard !overflowsTenfold, !overflows else { return nil }
      number = next
      position += 1
    }
    if isNegative { return number }
    return number == .min ? nil : -number
  }

  public static func spell(_ number: Int64) -> [UInt8] { Array(String(number).utf8) }
}
