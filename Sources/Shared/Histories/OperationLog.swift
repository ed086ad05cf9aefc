/// Operations in the order in which they were noted. It grows piece by piece: an array that doubles
/// holds all clients up while millions of operations move to fresh memory, for half a second.
public struct OperationLog: Sendable {
  /// Makes the pages of a fresh piece resident, because a page fault per page costs more than all
  /// of them at once. A system call, so a runtime gives it; `nil` leaves pages to be faulted in one
  /// by one.
  public typealias PagePopulation = @Sendable (UnsafeMutableRawBufferPointer) -> Void

  /// All full but the last.
  private var pieces: [[Operation]] = []
  private let populate: PagePopulation?

  static let pieceShift = 13
  static var pieceCount: Int { 1 << pieceShift }

  public init(populate: PagePopulation? = nil) { self.populate = populate }

  public var count: Int {
    guard let last = pieces.last else { return 0 }
    return (pieces.count - 1) << OperationLog.pieceShift + last.count
  }

  public mutating func append(_ operation: Operation) {
    if pieces.isEmpty || pieces[pieces.count - 1].count == OperationLog.pieceCount {
      var piece: [Operation] = []
      piece.reserveCapacity(OperationLog.pieceCount)
      if let populate {
        piece.withUnsafeMutableBufferPointer { room in
          let bytes = OperationLog.pieceCount * MemoryLayout<Operation>.stride
          populate(UnsafeMutableRawBufferPointer(start: room.baseAddress, count: bytes))
        }
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

  /// All operations, behind others; the log is empty afterwards. Piece after piece is given back
  /// meanwhile, so that there is hardly a time at which everything is in memory twice.
  public mutating func takeOperations(behind others: [Operation] = []) -> [Operation] {
    var operations = others
    operations.reserveCapacity(others.count + count)
    for index in pieces.indices {
      operations.append(contentsOf: pieces[index])
      pieces[index] = []
    }
    pieces = []
    return operations
  }
}
