/// An operation as `OperationLog` stores it: 48 bytes instead of 72, because most kinds have one
/// digest. If an operation has several digests, they are stored separately.
struct StoredOperation: Sendable {
  /// The digest of a read is the value that it observed, that of other kinds the value that they
  /// write. If the operation has several digests, `hash` is their position.
  var hash: UInt64
  var length: Int32
  let client: UInt32
  let key: UInt32
  let sequenceWord: UInt32
  let delayLow: UInt32
  let delayHigh: UInt16
  var attemptsByte: UInt8
  /// As in `Operation`. A bit that no kind uses says whether there are several digests.
  var stateBits: UInt8
  let invokedNs: Int64
  var returned: Int64

  private static let hasMoreBit: UInt8 = 1 << 3

  /// Copies all fields except the digests, and the one digest that most operations have.
  @inline(__always)
  init(_ operation: Operation) {
    let digest = operation.kind.isRead ? operation.observed : operation.argument
    hash = digest.hash
    length = digest.length
    client = operation.client
    key = operation.key
    sequenceWord = operation.sequenceWord
    delayLow = operation.delayLow
    delayHigh = operation.delayHigh
    attemptsByte = operation.attemptsByte
    stateBits = operation.state.bits
    invokedNs = operation.invokedNs
    returned = operation.returned
  }

  /// The position of all digests of the operation, if it has several.
  var digests: Int? { stateBits & StoredOperation.hasMoreBit == 0 ? nil : Int(hash) }

  mutating func keepDigests(at place: Int) {
    stateBits |= StoredOperation.hasMoreBit
    hash = UInt64(place)
  }

  /// Ends the operation.
  /// - Returns: whether the observed value is stored too. It is not if the operation has several
  ///   digests or needs them now.
  @inline(__always)
  mutating func end(_ ending: OperationEnding) -> Bool {
    returned = ending.returned
    attemptsByte = ending.attempts
    let ended = Operation.State(ending.outcome, swapped: ending.swapped)
    stateBits = stateBits & 0x0F | ended.bits
    guard let observed = ending.observed else { return true }
    guard digests == nil, Operation.State(bits: stateBits).kind.isRead else { return false }
    hash = observed.hash
    length = observed.length
    return true
  }

  /// The operation. If it has several digests, the caller must set them.
  var operation: Operation {
    var operation = Operation(
      client: client, kind: .get, key: key, invoked: invokedNs, returned: returned)
    operation.sequenceWord = sequenceWord
    operation.delayLow = delayLow
    operation.delayHigh = delayHigh
    operation.attemptsByte = attemptsByte
    operation.state.bits = stateBits & ~StoredOperation.hasMoreBit
    let digest = ValueDigest(hash: hash, length: length)
    if operation.kind.isRead { operation.observed = digest } else { operation.argument = digest }
    return operation
  }
}

/// The digests of an operation that has several, in 40 bytes.
struct StoredDigests: Sendable {
  private let argumentHash, expectedHash, observedHash: UInt64
  private let argumentLength, expectedLength, observedLength: Int32

  init(_ operation: Operation) {
    argumentHash = operation.argument.hash
    argumentLength = operation.argument.length
    expectedHash = operation.expected.hash
    expectedLength = operation.expected.length
    observedHash = operation.observed.hash
    observedLength = operation.observed.length
  }

  /// Whether an operation has more digests than the one that most of its kind have.
  @inline(__always)
  static func areNeeded(by operation: Operation) -> Bool {
    operation.expected != .absent
      || (operation.kind.isRead ? operation.argument : operation.observed) != .absent
  }

  func give(to operation: inout Operation) {
    operation.argument = ValueDigest(hash: argumentHash, length: argumentLength)
    operation.expected = ValueDigest(hash: expectedHash, length: expectedLength)
    operation.observed = ValueDigest(hash: observedHash, length: observedLength)
  }
}
