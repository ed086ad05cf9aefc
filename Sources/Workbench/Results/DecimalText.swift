/// Formats numbers alike in every file: `.` as the decimal point, no exponent, no separators.
package enum DecimalText {
  /// Sufficient for every measurement; whole numbers are never shortened.
  static let significantDigits = 9

  /// Empty for nil and for a number that is not finite.
  package static func text(_ value: Double?, digits: Int = significantDigits) -> String {
    guard let value, value.isFinite else { return "" }
    // Whole numbers up to 2⁵³ are exact.
    if value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return String(Int64(value)) }
    var (decimals, point) = shortest(value.magnitude)
    if decimals.count > digits { round(&decimals, to: digits, &point) }
    return (value < 0 ? "-" : "") + place(decimals, point)
  }

  /// Has exactly `decimals` digits after the point, for people; halves are rounded up.
  package static func fixed(_ value: Double?, decimals: Int) -> String? {
    guard let value, value.isFinite else { return nil }
    var (digits, point) = shortest(value.magnitude)
    let kept = point + decimals
    if kept < 0 {
      digits = []
    } else if digits.count > kept {
      round(&digits, to: kept, &point)
    }
    let isZero = digits.allSatisfy { $0 == 0 }
    let text = isZero ? "0" : place(digits, point)
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let fraction = parts.count > 1 ? String(parts[1]) : ""
    let padded = fraction + String(repeating: "0", count: decimals - fraction.count)
    return (value < 0 && !isZero ? "-" : "") + parts[0] + (decimals > 0 ? "." + padded : "")
  }

  /// Like `fixed`, but with at least two significant digits below 10, so that 0.083 does not look
  /// like 0.
  package static func table(_ value: Double?, decimals: Int) -> String? {
    guard let value else { return nil }
    var (decimals, least) = (decimals, 10.0)
    if value != 0 {
      var needed = 0
      while value.magnitude < least, needed < significantDigits {
        least /= 10
        needed += 1
      }
      decimals = max(decimals, needed)
    }
    return fixed(value, decimals: decimals)
  }

  /// A share in percent with two decimals, or with as many as it takes to tell it from 100.
  package static func percent(_ share: Double?) -> String? {
    guard let share else { return nil }
    var (decimals, least) = (2, 0.005)
    while share < 1, (1 - share) * 100 < least, decimals < significantDigits {
      least /= 10
      decimals += 1
    }
    return table(share * 100, decimals: decimals)
  }

  /// Nanoseconds in a unit of 10^`exponent` nanoseconds, exactly.
  static func time(_ nanoseconds: Int64?, exponent: Int) -> String {
    guard let nanoseconds else { return "" }
    var digits = String(nanoseconds.magnitude).utf8.map { $0 - 48 }
    let point = digits.count - exponent
    while digits.last == 0 { digits.removeLast() }
    return (nanoseconds < 0 ? "-" : "") + place(digits, point)
  }

  static func milliseconds(_ nanoseconds: Int64?) -> String { time(nanoseconds, exponent: 6) }
  static func microseconds(_ nanoseconds: Int64?) -> String { time(nanoseconds, exponent: 3) }

  /// The digits of the shortest decimal that reads back as the same number, without zeros at either
  /// end, and how many of the digits stand before the point (negative: zeros after the point).
  private static func shortest(_ value: Double) -> (digits: [UInt8], point: Int) {
    var digits: [UInt8] = []
    var point: Int?
    var exponent = 0
    var bytes = Substring("\(value)").utf8
    while let byte = bytes.popFirst() {
      switch byte {
      case UInt8(ascii: "."): point = digits.count
      case UInt8(ascii: "e"):
        exponent = Int(String(Substring(bytes))) ?? 0
        bytes = Substring().utf8
      default: digits.append(byte - 48)
      }
    }
    var place = (point ?? digits.count) + exponent
    while digits.last == 0 { digits.removeLast() }
    while digits.first == 0 {
      digits.removeFirst()
      place -= 1
    }
    return (digits, digits.isEmpty ? 0 : place)
  }

  /// Rounds halves up.
  private static func round(_ digits: inout [UInt8], to count: Int, _ point: inout Int) {
    let carries = digits[count] >= 5
    digits.removeSubrange(count...)
    if carries {
      var i = count - 1
      while i >= 0, digits[i] == 9 {
        digits[i] = 0
        i -= 1
      }
      if i >= 0 {
        digits[i] += 1
      } else {
        digits.insert(1, at: 0)
        point += 1
      }
    }
    while digits.last == 0 { digits.removeLast() }
  }

  private static func place(_ digits: [UInt8], _ point: Int) -> String {
    func text(_ part: some Sequence<UInt8>) -> String {
      String(decoding: part.map { $0 + 48 }, as: UTF8.self)
    }
    guard !digits.isEmpty else { return "0" }
    if point <= 0 { return "0." + String(repeating: "0", count: -point) + text(digits) }
    if point >= digits.count {
      return text(digits) + String(repeating: "0", count: point - digits.count)
    }
    return text(digits[..<point]) + "." + text(digits[point...])
  }
}
