import CLinux

/// Operations in the order in which they were noted. It grows piece by piece: an array that doubles holds all
/// clients up while millions of operations move to fresh memory, for half a second.
public struct OperationLog: Sendable {
  /// All full but the last.
  private var pieces: [[Operation]] = []

  static let pieceShift = 13
  static var pieceCount: Int { 1 << pieceShift }

  public init() {}

  public var count: Int {
    guard let last = pieces.last else { return 0 }
    return (pieces.count - 1) << OperationLog.pieceShift + last.count
  }

  public mutating func append(_ operation: Operation) {
    if pieces.isEmpty || pieces[pieces.count - 1].count == OperationLog.pieceCount {
      var piece: [Operation] = []
      piece.reserveCapacity(OperationLog.pieceCount)
      piece.withUnsafeMutableBytes {
        linux_populate(
          $0.baseAddress, Int64(OperationLog.pieceCount * MemoryLayout<Operation>.stride))
      }
      pieces.append(piece)
    }
    pieces[pieces.count - 1].append(operation)
  }

  public subscript(position: Int) -> Operation {
    _read { yield pieces[position >> OperationLog.pieceShift][OperationLog.place(position)] }
    _modify { yield &pieces[position >> OperationLog.pieceShift][OperationLog.place(position)] }
  }

  /// Where in its piece.
  private static func place(_ position: Int) -> Int { position & (pieceCount - 1) }

  /// All operations.
  public var operations: [Operation] { Array(pieces.joined()) }

  /// All operations; the log is empty afterwards. Piece after piece is given back meanwhile, so that there is
  /// hardly a time at which everything is in memory twice.
  public mutating func takeOperations() -> [Operation] {
    var operations: [Operation] = []
    operations.reserveCapacity(count)
    for index in pieces.indices {
      operations.append(contentsOf: pieces[index])
      pieces[index] = []
    }
    pieces = []
    return operations
  }
}
