/// Splits the strings of a key with appends into pieces; each piece is one written string.
///
/// Values get digests of the numbers of their pieces instead of their texts. These numbers are
/// different and have the same length, so that a checker can tell from the digests, and from the
/// value to which each append was applied, which append made which value. The verdict stays the
/// same, because every observed text consists of written texts in one way only; if one does not, no
/// pieces are used.
struct ValuePieces {
  private var numbers: [[UInt8]: UInt64] = [:]
  private var lengths: [Int] = []
  private var digests: [[UInt8]: ValueDigest] = [:]
  /// By piece: the value before it in some observed value.
  private(set) var behind: [UInt64: ValueDigest] = [:]
  private var unmade: UInt64 = 0

  /// nil if a value splits into written texts in several ways.
  /// - Parameter empty: the digest of the empty text.
  init?(written: [String], observed: [String], empty: ValueDigest) {
    digests[[]] = empty
    for text in written where !text.isEmpty && numbers[Array(text.utf8)] == nil {
      numbers[Array(text.utf8)] = UInt64(numbers.count) + 1
    }
    lengths = Set(numbers.keys.map(\.count)).sorted()
    for text in written + observed where digests[Array(text.utf8)] == nil {
      guard take(apart: Array(text.utf8)) else { return nil }
    }
  }

  func digest(_ text: String) -> ValueDigest? { digests[Array(text.utf8)] }

  func number(_ text: String) -> UInt64? { numbers[Array(text.utf8)] }

  /// Returns false if the text splits in several ways.
  private mutating func take(apart text: [UInt8]) -> Bool {
    var rest = text[...]
    var pieces: [UInt64] = []
    while !rest.isEmpty {
      var found: (number: UInt64, length: Int)?
      for length in lengths where length <= rest.count {
        guard let number = numbers[Array(rest.suffix(length))] else { continue }
        if found != nil { return false }
        found = (number, length)
      }
      guard let found else {
        // No sequence of writes can have produced this text, so it gets a digest that no pieces
        // have.
        unmade += 1
        digests[text] = ValueDigest(hash: unmade, length: 1)
        return true
      }
      pieces.append(found.number)
      rest = rest.dropLast(found.length)
    }
    var value = ValueDigest.absent
    for piece in pieces.reversed() {
      behind[piece] = value
      value = value.appending(ValueDigest(littleEndian: piece))
    }
    digests[text] = value
    return true
  }
}
