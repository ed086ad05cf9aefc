/// The names of numbered keys: some text, and the key's number in decimal.
///
/// A name is built each time, because a table of thousands of names does not fit in the processor's
/// caches, and fetching a name from it takes longer than building it.
public struct KeyNames: Sendable {
  private var text: [UInt8]
  private let start: Int

  /// The names of a workload's keys: a prefix, `key`, and the number.
  public init(prefix: String = "") { self.init(before: Array("\(prefix)key".utf8)) }

  public init(before text: [UInt8]) {
    self.text = text
    start = text.count
    self.text += Array(repeating: 0, count: 20)
  }

  /// The text before the numbers.
  public var beginning: [UInt8] { Array(text[..<start]) }

  /// - Parameter number: not negative.
  public subscript(number: Int) -> Key {
    mutating get {
      var digitCount = 1
      var power = 10
      while digitCount < 19, number >= power {
        digitCount += 1
        power &*= 10
      }
      var rest = UInt64(number)
      var position = start + digitCount
      while position > start {
        position -= 1
        let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
        text[position] = UInt8(truncatingIfNeeded: 48 + digit)
        rest = quotient
      }
      return Key(text, in: 0..<start + digitCount)
    }
  }
}
