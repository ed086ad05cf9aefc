import StateMachines

/// Finds the commands in the bytes of a connection (RESP2: arrays of bulks, or lines typed by
/// hand).
///
/// The parser keeps no bytes. It gets the same buffer again when more bytes have arrived, and
/// continues where it stopped. All its positions count from the first byte of the command, so that
/// the buffer's owner may move the bytes meanwhile.
public struct RespParser: Sendable {
  /// The position of an argument, from the command's first byte.
  public struct Argument: Equatable, Sendable {
    public var start: UInt32
    public var count: UInt32

    public init(start: Int, count: Int) {
      self.start = UInt32(truncatingIfNeeded: start)
      self.count = UInt32(truncatingIfNeeded: count)
    }
  }

  public let limits: RespLimits
  /// The arguments of the last command that was found, its name first. Empty for an empty command,
  /// which gets no answer.
  public var arguments: [Argument] = []
  /// Number of arguments still to come; -1 if unknown.
  public var missing = -1
  /// The announced length of the next argument; -1 if unknown.
  public var bulkByteCount = -1
  /// Number of bytes of the command that were parsed; of a line, number of bytes that were searched
  /// for its end.
  public var position = 0
  public var isFinished = false

  public init(limits: RespLimits = RespLimits()) { self.limits = limits }

  /// Looks for a complete command that begins at `start` of a stream that has been received up to
  /// `end`. Escapes in a line are replaced in place.
  /// - Returns: the number of bytes of the command, or `nil` if more are needed.
  public mutating func next(
    in bytes: inout [UInt8], from start: Int, to end: Int
  ) throws(RespProtocolError) -> Int? {
    if isFinished { restart() }
    guard start < end else { return nil }
    if missing < 0 {
      guard bytes[start] == UInt8(ascii: "*") else {
        return try nextLine(in: &bytes, from: start, to: end)
      }
      guard
        let (count, after) = try RespParser.number(
          in: bytes, from: start + 1, to: end, invalid: .invalidMultibulkLength,
          tooLong: .invalidMultibulkLength)
      else { return nil }
      guard count <= limits.maximumArgumentCount else { throw .invalidMultibulkLength }
      position = after - start
      missing = max(count, 0)
    }
    while missing > 0 {
      guard try nextArgument(in: bytes, from: start, to: end) else { return nil }
    }
    isFinished = true
    return position
  }

  /// Discards the command that was found last, or begun.
  public mutating func restart() {
    arguments.removeAll(keepingCapacity: true)
    missing = -1
    bulkByteCount = -1
    position = 0
    isFinished = false
  }

  /// - Returns: whether a complete argument was there.
  private mutating func nextArgument(
    in bytes: [UInt8], from start: Int, to end: Int
  ) throws(RespProtocolError) -> Bool {
    if bulkByteCount < 0 {
      let head = start + position
      guard head < end else { return false }
      guard bytes[head] == UInt8(ascii: "$") else { throw .expectedDollar(found: bytes[head]) }
      guard
        let (count, after) = try RespParser.number(
          in: bytes, from: head + 1, to: end, invalid: .invalidBulkLength,
          tooLong: .invalidBulkLength)
      else { return false }
      guard count >= 0 else { throw .invalidBulkLength }
      guard count <= limits.maximumBulkByteCount else {
        throw .bulkTooBig(limit: limits.maximumBulkByteCount)
      }
      position = after - start
      guard position + count + 2 <= limits.maximumCommandByteCount else {
        throw .commandTooBig(limit: limits.maximumCommandByteCount)
      }
      bulkByteCount = count
    }
    let body = start + position
    guard end - body >= bulkByteCount + 2 else { return false }
    guard bytes[body + bulkByteCount] == UInt8(ascii: "\r"),
      bytes[body + bulkByteCount + 1] == UInt8(ascii: "\n")
    else { throw .unterminatedBulk }
    arguments.append(Argument(start: position, count: bulkByteCount))
    position += bulkByteCount + 2
    bulkByteCount = -1
    missing -= 1
    return true
  }

  /// Parses a number and the end of its line.
  /// - Returns: `nil` if the line is incomplete. It is then parsed again later, which is cheap
  ///   because it is short.
  static func number(
    in bytes: [UInt8], from start: Int, to end: Int, invalid: RespProtocolError,
    tooLong: RespProtocolError
  ) throws(RespProtocolError) -> (number: Int, next: Int)? {
    let last = min(end, start + DecimalInteger.maximumByteCount + 1)
    var position = start
    while position < last, bytes[position] != UInt8(ascii: "\r") { position += 1 }
    guard position < last else {
      guard last == end, position - start <= DecimalInteger.maximumByteCount else { throw tooLong }
      return nil
    }
    guard position + 1 < end else { return nil }
    guard bytes[position + 1] == UInt8(ascii: "\n"),
      let number = DecimalInteger.parse(bytes, in: start..<position)
    else { throw invalid }
    return (Int(number), position + 2)
  }
}
