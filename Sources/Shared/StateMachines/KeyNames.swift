/// The names of numbered keys: some text, and the key's number in decimal.
///
/// A name is built each time, because a table of thousands of names does not fit in the processor's
/// caches, and fetching a name from it takes longer than building it.
public struct KeyNames: Sendable {
  private let text: Key

  /// The names of a workload's keys: a prefix, `key`, and the number.
  public init(prefix: String = "") { self.init(before: Array("\(prefix)key".utf8)) }

  public init(before text: [UInt8]) { self.text = Key(text) }

  /// The text before the numbers.
  public var beginning: [UInt8] { text.bytes }

  /// - Parameter number: not negative.
  public subscript(number: Int) -> Key {
    // A word has room for eight digits; the first one is lowest.
    guard number < 100_000_000 else { return Key(text.bytes + Array(String(number).utf8)) }
    var rest = UInt32(number)
    var digits: UInt64 = 0
    var count = 0
    repeat {
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      digits = digits << 8 | UInt64(48 + digit)
      count += 1
      rest = quotient
    } while rest > 0
    return text.appending(digits, count: count)
  }
}
