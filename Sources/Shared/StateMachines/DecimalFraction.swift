import Replication
import WireFormat

/// A number with 17 digits after the point, at most 10^20: the output of Redis' `INCRBYFLOAT`,
/// without its rounding to 64 binary digits. Computed exactly, so that replicas agree on any
/// processor.
public struct DecimalFraction: Equatable, Sendable {
  /// The number times 10^17.
  private let scaled: Int128

  private static let places = 17
  private static let one: Int128 = 100_000_000_000_000_000
  private static let largest = one * 1000 * one

  public static let zero = DecimalFraction(scaled: 0)

  private init(scaled: Int128) { self.scaled = scaled }

  /// The sum, or `nil` if it is too large.
  public func adding(_ other: DecimalFraction) -> DecimalFraction? {
    let sum = scaled + other.scaled
    return sum.magnitude <= DecimalFraction.largest.magnitude ? DecimalFraction(scaled: sum) : nil
  }

  /// Digits after the 17th are rounded, halves away from zero. `nil` if the bytes are not a number
  /// (a sign, digits with a point among them, an exponent), or if it is too large.
  public init?(spelledBy bytes: [UInt8], in range: Range<Int>) {
    guard range.count <= 64, var parts = DecimalParts(bytes, in: range) else { return nil }
    // Both loops end early, once the number is rounded to zero or too large.
    let exponent = parts.exponent + DecimalFraction.places
    if exponent < 0 {
      for step in stride(from: exponent, to: 0, by: 1) {
        guard parts.digits > 0 else { break }
        parts.digits = (parts.digits + (step == -1 ? 5 : 0)) / 10
      }
    } else {
      for _ in 0..<exponent {
        guard parts.digits > 0 else { break }
        parts.digits *= 10
        guard parts.digits <= DecimalFraction.largest else { return nil }
      }
    }
    guard parts.digits <= DecimalFraction.largest else { return nil }
    scaled = parts.isNegative ? -parts.digits : parts.digits
  }

  /// Without trailing zeros, and without a point if no digit follows it.
  public var spelling: [UInt8] {
    let magnitude = scaled.magnitude
    let one = DecimalFraction.one.magnitude
    var text = (scaled < 0 ? "-" : "") + String(magnitude / one)
    let fraction = String(magnitude % one)
    if fraction != "0" {
      let padded = String(repeating: "0", count: DecimalFraction.places - fraction.count) + fraction
      text += "." + String(padded.reversed().drop { $0 == "0" }.reversed())
    }
    return Array(text.utf8)
  }
}

extension DecimalFraction: WireCodable {
  public static var encodedByteCount: Int { 16 }
  public var encodedByteCount: Int { DecimalFraction.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    writer.write(Int64(truncatingIfNeeded: scaled >> 64))
    writer.write(UInt64(truncatingIfNeeded: scaled))
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let high = Int128(try reader.read(Int64.self))
    scaled = high << 64 | Int128(try reader.read(UInt64.self))
    guard scaled.magnitude <= DecimalFraction.largest.magnitude else {
      throw .malformed("a number larger than 10^20")
    }
  }
}

/// The parts of a spelled number: `digits` times ten to the power of `exponent`.
private struct DecimalParts {
  var isNegative = false
  var digits: Int128 = 0
  var exponent = 0

  init?(_ bytes: [UInt8], in range: Range<Int>) {
    var position = range.lowerBound
    func isNext(_ choices: String) -> Bool {
      position < range.upperBound && choices.utf8.contains(bytes[position])
    }
    if isNext("+-") {
      isNegative = bytes[position] == UInt8(ascii: "-")
      position += 1
    }
    var count = 0
    var hasPoint = false
    while isNext("0123456789.") {
      let byte = bytes[position]
      position += 1
      guard byte != UInt8(ascii: ".") else {
        guard !hasPoint else { return nil }
        hasPoint = true
        continue
      }
      count += 1
      // An `Int128` holds 37 digits, not counting zeros at the start. Further digits are far below
      // the 17th decimal place of a number that is not too large.
      if digits < 1_000_000_000_000_000_000 * 1_000_000_000_000_000_000 {
        digits = digits * 10 + Int128(byte - UInt8(ascii: "0"))
        if hasPoint { exponent -= 1 }
      } else if !hasPoint {
        exponent += 1
      }
    }
    guard count > 0 else { return nil }
    if isNext("eE") {
      position += 1
      var isDown = false
      if isNext("+-") {
        isDown = bytes[position] == UInt8(ascii: "-")
        position += 1
      }
      guard isNext("0123456789") else { return nil }
      var power = 0
      while isNext("0123456789") {
        power = min(power * 10 + Int(bytes[position] - UInt8(ascii: "0")), 100_000)
        position += 1
      }
      exponent += isDown ? -power : power
    }
    guard position == range.upperBound else { return nil }
  }
}
