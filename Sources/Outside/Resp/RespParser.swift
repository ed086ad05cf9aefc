import StateMachines

/// Finds the commands in the bytes of a connection (RESP2: arrays of bulks, or lines typed by hand).
///
/// The parser keeps no bytes: it is shown the same buffer again when more has arrived, and goes on where
/// it stopped. Every position it keeps counts from the first byte of the command, so that the buffer's
/// owner may move the bytes meanwhile.
public struct RespParser: Sendable {
  /// Where an argument lies, from the command's first byte.
  public struct Argument: Equatable, Sendable {
    public var start: UInt32
    public var count: UInt32

    public init(start: Int, count: Int) {
      self.start = UInt32(truncatingIfNeeded: start)
      self.count = UInt32(truncatingIfNeeded: count)
    }
  }

  public let limits: RespLimits
  /// The arguments of the command that was found last, its name first. Empty for an empty command,
  /// which has no answer.
  public var arguments: [Argument] = []
  /// Arguments still to come; -1 if not known yet.
  public var missing = -1
  /// The announced length of the next argument; -1 if not known yet.
  public var bulkByteCount = -1
  /// How much of the command has been understood; of a line, how much was searched for its end.
  public var position = 0
  public var isFinished = false

  public init(limits: RespLimits = RespLimits()) { self.limits = limits }

  /// Looks for a whole command that begins at `start` of a stream that has been received up to `end`.
  /// Escapes in a line are replaced in place.
  /// - Returns: the bytes that the command takes, or `nil` if more are needed.
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

  /// Forgets the command that was found last, or begun.
  public mutating func restart() {
    arguments.removeAll(keepingCapacity: true)
    missing = -1
    bulkByteCount = -1
    position = 0
    isFinished = false
  }

  /// - Returns: whether a whole argument was there.
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

  /// A number and the end of its line.
  /// - Returns: `nil` if the line is not complete yet; it is read again then, but it is short.
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
