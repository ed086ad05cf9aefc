import Histories

/// Reads off observed values which append was put behind which value.
///
/// Every value is made of pieces of one length, each of which begins with the number that its
/// operation alone has written. From the digest of a whole value nobody can tell its pieces, and a
/// checker would have to try the orders of all appends that overlap.
struct AppendedPieces {
  private let length: Int
  /// By the piece's number: its operation's position in the history, and `.max` for numbers that no
  /// operation wrote, and for appends whose place is known.
  private var writers: [UInt32] = []

  init(length: Int) { self.length = length }

  /// The piece of this number, which is larger than all before, is written by the operation at this
  /// position.
  mutating func note(_ number: UInt64, writtenBy position: Int) {
    writers.append(contentsOf: repeatElement(.max, count: Int(number) - writers.count))
    writers.append(UInt32(position))
  }

  /// Gives the appends at the end of a value that was observed what they were put behind. It stops
  /// at an append whose place is known, so each append is looked at once, and at a piece that
  /// nobody wrote.
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
