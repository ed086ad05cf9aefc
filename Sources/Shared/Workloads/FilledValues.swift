import Histories

/// Makes values: a number of eight bytes, lowest first, followed by filler up to the value's size.
struct FilledValues: Sendable {
  /// The size of all values; nil if it varies.
  let fixedSize: Int?
  /// A value of the largest size whose number is 0. Smaller values are its first bytes.
  private let largest: [UInt8]
  /// The filler of a value of the fixed size.
  private let fixedFiller: SharedEnd
  /// By hundreds of bytes: the digest of so much filler; empty if all values have one size. The
  /// digest of any filler is then that of a multiple of a hundred bytes and of the few bytes after
  /// it.
  private let fillers: [ValueDigest]
  private static let step = 100

  /// - Parameter largestTraced: the size of the largest value of a trace; 0 without one.
  init(_ size: ValueSize, largestTraced: Int = 0) {
    let bound = max(size.upperBound, largestTraced)
    let filler = (0..<max(bound - 8, 0)).map { UInt8(truncatingIfNeeded: 97 + $0 % 26) }
    largest = Array(repeating: 0, count: 8) + filler
    guard largestTraced == 0, case .fixed(let fixed) = size else {
      fixedSize = nil
      fixedFiller = SharedEnd(.empty)
      var digest = ValueDigest.empty
      fillers =
        [digest]
        + stride(from: 0, to: filler.count, by: FilledValues.step).map { start in
          let end = min(start + FilledValues.step, filler.count)
          digest = digest.appending(ValueDigest(filler[start..<end]))
          return digest
        }
      return
    }
    fixedSize = max(fixed, 8)
    fixedFiller = SharedEnd(ValueDigest(filler))
    fillers = []
  }

  /// The digest of the value with this size and number.
  func digest(of size: Int, number: UInt64) -> ValueDigest {
    let digest = ValueDigest(littleEndian: number)
    guard fixedSize == nil else { return digest.appending(fixedFiller) }
    let length = max(size - 8, 0)
    let whole = length / FilledValues.step
    let rest = largest[8 + whole * FilledValues.step..<8 + length]
    return digest.appending(fillers[whole].appending(ValueDigest(rest)))
  }

  /// The digest of any value. Nearly all values that clients read were made here, and comparing a
  /// value with the filler takes a tenth of the time that hashing it takes.
  func digest(of value: [UInt8]) -> ValueDigest {
    guard value.count == fixedSize ?? value.count, let number = number(of: value) else {
      return ValueDigest(value)
    }
    return digest(of: value.count, number: number)
  }

  /// The number of a value; `nil` if what follows is not the filler.
  private func number(of value: [UInt8]) -> UInt64? {
    guard value.count >= 8, value.count <= largest.count else { return nil }
    return value.withUnsafeBytes { value in
      largest.withUnsafeBytes { largest in
        func word(_ bytes: UnsafeRawBufferPointer, endingAt end: Int) -> UInt64 {
          UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: end - 8, as: UInt64.self))
        }
        var end = value.count
        while end >= 16 {
          guard word(value, endingAt: end) == word(largest, endingAt: end) else { return nil }
          end -= 8
        }
        // The last word still begins with bytes of the number, which are lowest.
        let difference = word(value, endingAt: end) ^ word(largest, endingAt: end)
        return difference >> (8 * (16 - end)) == 0 ? word(value, endingAt: 8) : nil
      }
    }
  }

  func value(of size: Int, number: UInt64 = 0) -> [UInt8] {
    var value = Array(largest[..<max(size, 8)])
    FilledValues.set(number, in: &value)
    return value
  }

  /// Writes the number at the start of a value.
  static func set(_ number: UInt64, in value: inout [UInt8]) {
    value.withUnsafeMutableBytes { $0.storeBytes(of: number.littleEndian, as: UInt64.self) }
  }
}
