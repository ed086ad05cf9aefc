import Histories

/// Finds from observed values to which value each append was applied.
///
/// Every value consists of pieces, and each piece begins with a number that only its operation has
/// written. A checker cannot find the pieces from the digest of a whole value, so without this it
/// would have to try the orders of all appends that overlap.
struct AppendedPieces {
  /// The length of all pieces; nil if they differ.
  private let length: Int?
  /// By number of the piece, if the lengths differ.
  private var lengths: [UInt32] = []
  /// By number of the piece: the position of its operation in the history; `.max` for numbers that
  /// no operation wrote and for appends whose place is already known.
  private var writers: [UInt32] = []
  /// The starts of the pieces of the value that is being examined.
  private var starts: [Int] = []

  /// - Parameter length: of all pieces; nil if they differ.
  init(length: Int?) { self.length = length }

  /// Records that the operation at this position writes the piece of this number, which must be
  /// larger than all earlier ones.
  mutating func note(_ number: UInt64, length: Int, writtenBy position: Int) {
    writers.append(contentsOf: repeatElement(.max, count: Int(number) - writers.count))
    writers.append(UInt32(position))
    if self.length == nil { noteLoaded(number, length: length) }
  }

  /// Records the length of a piece that no operation of the history writes. Numbers must ascend as
  /// in `note`.
  mutating func noteLoaded(_ number: UInt64, length: Int) {
    lengths.append(contentsOf: repeatElement(0, count: Int(number) - lengths.count))
    lengths.append(UInt32(length))
  }

  /// For the appends at the end of an observed value, sets the values to which they were applied.
  /// It stops at an append whose place is already known and at a piece that no operation wrote.
  mutating func place(_ value: [UInt8], _ digest: ValueDigest, in history: inout OperationLog) {
    guard length.map({ value.count % $0 == 0 }) ?? split(value) else { return }
    var end = value.count
    var rest = digest
    while end > 0 {
      let start = length.map { end - $0 } ?? starts.removeLast()
      let number = AppendedPieces.number(value, at: start)
      guard number < UInt64(writers.count), writers[Int(number)] != .max else { return }
      let writer = Int(writers[Int(number)])
      guard history[writer].kind == .append else { return }
      writers[Int(number)] = .max
      end = start
      rest = end == 0 ? .absent : rest.removing(end: history[writer].argument)
      history[writer].expected = rest
    }
  }

  /// Finds the pieces of a value from its start, because the number at a piece's start tells its
  /// length.
  /// - Returns: whether the value consists of known pieces only.
  private mutating func split(_ value: [UInt8]) -> Bool {
    starts.removeAll(keepingCapacity: true)
    var start = 0
    while start < value.count {
      guard start + 8 <= value.count else { return false }
      let number = AppendedPieces.number(value, at: start)
      guard number < UInt64(lengths.count), lengths[Int(number)] > 0 else { return false }
      starts.append(start)
      start += Int(lengths[Int(number)])
    }
    return start == value.count
  }

  private static func number(_ value: [UInt8], at start: Int) -> UInt64 {
    value[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
