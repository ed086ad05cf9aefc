import Histories

/// Finds from observed values to which value each append was applied.
///
/// Every value consists of pieces of the same length, and each piece begins with a number that only
/// its operation has written. A checker cannot find the pieces from the digest of a whole value, so
/// without this it would have to try the orders of all appends that overlap.
struct AppendedPieces {
  private let length: Int
  /// By number of the piece: the position of its operation in the history; `.max` for numbers that
  /// no operation wrote and for appends whose place is already known.
  private var writers: [UInt32] = []

  init(length: Int) { self.length = length }

  /// Records that the operation at this position writes the piece of this number, which must be
  /// larger than all earlier ones.
  mutating func note(_ number: UInt64, writtenBy position: Int) {
    writers.append(contentsOf: repeatElement(.max, count: Int(number) - writers.count))
    writers.append(UInt32(position))
  }

  /// For the appends at the end of an observed value, sets the values to which they were applied.
  /// It stops at an append whose place is already known, so each append is examined once, and at a
  /// piece that no operation wrote.
  mutating func place(_ value: [UInt8], _ digest: ValueDigest, in history: inout OperationLog) {
    var end = value.count
    var rest = digest
    guard end % length == 0 else { return }
    while end > 0 {
      let number = value[end - length..<end - length + 8].reversed().reduce(UInt64(0)) {
        $0 << 8 | UInt64($1)
      }
      guard number < UInt64(writers.count), writers[Int(number)] != .max else { return }
      let writer = Int(writers[Int(number)])
      guard history[writer].kind == .append else { return }
      writers[Int(number)] = .max
      end -= length
      rest = end == 0 ? .absent : rest.removing(end: history[writer].argument)
      history[writer].expected = rest
    }
  }
}
