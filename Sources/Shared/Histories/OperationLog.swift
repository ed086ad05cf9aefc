/// Operations in the order in which they were added, each in two thirds of the memory of an
/// `Operation`.
public struct OperationLog: Sendable {
  /// Makes all pages of a new piece resident at once, which costs less than one page fault per
  /// page. It needs a system call, so the runtime provides it; with `nil` pages are faulted in one
  /// by one.
  public typealias PagePopulation = @Sendable (UnsafeMutableRawBufferPointer) -> Void

  private var stored: Pieces<StoredOperation>
  private var digests: Pieces<StoredDigests>

  static var pieceCount: Int { Pieces<StoredOperation>.pieceCount }

  public init(populate: PagePopulation? = nil) {
    stored = Pieces(populate: populate)
    digests = Pieces(populate: populate)
  }

  public var count: Int { stored.count }

  @inline(__always)
  public mutating func append(_ operation: Operation) {
    stored.append(shortened(operation))
  }

  @inline(__always)
  private mutating func shortened(_ operation: Operation) -> StoredOperation {
    var short = StoredOperation(operation)
    if StoredDigests.areNeeded(by: operation) {
      short.keepDigests(at: digests.count)
      digests.append(StoredDigests(operation))
    }
    return short
  }

  public subscript(position: Int) -> Operation {
    get { whole(stored[position]) }
    set {
      guard let place = stored[position].digests else {
        stored[position] = shortened(newValue)
        return
      }
      var short = StoredOperation(newValue)
      short.keepDigests(at: place)
      stored[position] = short
      digests[place] = StoredDigests(newValue)
    }
  }

  /// Ends an operation that has begun. It is changed in place, because reading it as a whole and
  /// storing it again takes several times as long.
  public mutating func end(_ position: Int, _ ending: OperationEnding) {
    let isComplete = stored.change(position) { $0.end(ending) }
    if !isComplete, let observed = ending.observed { self[position].observed = observed }
  }

  private func whole(_ short: StoredOperation) -> Operation {
    var operation = short.operation
    if let place = short.digests { digests[place].give(to: &operation) }
    return operation
  }

  /// All operations.
  public var operations: [Operation] { (0..<count).map { self[$0] } }

  /// All operations, after `others`; empties the log. Each piece is freed once it is copied, so
  /// that the log and the copy are hardly ever both in memory as a whole.
  public mutating func takeOperations(behind others: [Operation] = []) -> [Operation] {
    var operations = others
    operations.reserveCapacity(others.count + count)
    for index in stored.pieces.indices {
      for short in stored.pieces[index] { operations.append(whole(short)) }
      stored.pieces[index] = []
    }
    stored.pieces = []
    digests.pieces = []
    return operations
  }
}

/// A list that grows piece by piece, because an array that doubles delays all clients by half a
/// second while it moves millions of elements to new memory.
struct Pieces<Element: Sendable>: Sendable {
  /// All pieces except the last are full.
  var pieces: [[Element]] = []
  private let populate: OperationLog.PagePopulation?

  private static var shift: Int { 13 }
  static var pieceCount: Int { 1 << shift }

  init(populate: OperationLog.PagePopulation?) { self.populate = populate }

  var count: Int {
    guard let last = pieces.last else { return 0 }
    return (pieces.count - 1) << Self.shift + last.count
  }

  @inline(__always)
  mutating func append(_ element: Element) {
    if count & (Self.pieceCount - 1) == 0 { addPiece() }
    pieces[pieces.count - 1].append(element)
  }

  @inline(never)
  private mutating func addPiece() {
    var piece: [Element] = []
    piece.reserveCapacity(Self.pieceCount)
    if let populate {
      piece.withUnsafeMutableBufferPointer { room in
        let bytes = Self.pieceCount * MemoryLayout<Element>.stride
        populate(UnsafeMutableRawBufferPointer(start: room.baseAddress, count: bytes))
      }
    }
    pieces.append(piece)
  }

  subscript(position: Int) -> Element {
    get { pieces[position >> Self.shift][Self.place(position)] }
    set { pieces[position >> Self.shift][Self.place(position)] = newValue }
  }

  /// Changes an element in place.
  @inline(__always)
  mutating func change<Result>(_ position: Int, _ body: (inout Element) -> Result) -> Result {
    body(&pieces[position >> Self.shift][Self.place(position)])
  }

  /// The position of an element in its piece.
  private static func place(_ position: Int) -> Int { position & (pieceCount - 1) }
}
