import StateMachines

/// One reply of a server (RESP2).
public enum RespValue: Equatable, Sendable {
  case status([UInt8])
  case error([UInt8])
  case integer(Int64)
  /// `nil` is the null bulk.
  case bulk([UInt8]?)
  /// `nil` is the null array.
  case array([RespValue]?)
}

/// Finds the replies in a server's bytes. Continues where it stopped when more bytes have arrived.
public struct RespReplyParser: Sendable {
  /// An array whose elements have not all arrived.
  private struct OpenArray: Sendable {
    var missing: Int
    var elements: [RespValue] = []
  }

  private enum Element {
    case value(RespValue)
    /// The start of an array with this many elements, at least one.
    case array(Int)
  }

  public let limits: RespLimits
  private var open: [OpenArray] = []
  /// The announced length of a bulk whose head was parsed; -1 for none.
  private var bulkByteCount = -1
  /// Number of bytes of a line that were searched for its end.
  private var scanned = 0

  /// Deeper arrays are refused. No reply of Redis to data commands is nearly as deep.
  public static var maximumDepth: Int { 16 }

  public init(limits: RespLimits = RespLimits()) { self.limits = limits }

  /// Takes the next complete reply out of `bytes[start..<end]`.
  /// - Parameter start: moves past the parsed bytes, even if the reply is not complete, because
  ///   those bytes are not needed any more.
  /// - Returns: `nil` if more bytes are needed.
  public mutating func next(
    in bytes: [UInt8], from start: inout Int, to end: Int
  ) throws(RespProtocolError) -> RespValue? {
    while let element = try nextElement(in: bytes, from: &start, to: end) {
      switch element {
      case .array(let count):
        guard open.count < RespReplyParser.maximumDepth else { throw .nestedTooDeep }
        open.append(OpenArray(missing: count))
      case .value(let value):
        if let whole = close(value) { return whole }
      }
    }
    return nil
  }

  /// Adds a value to the innermost open array.
  /// - Returns: the outermost value, if this value completes it.
  private mutating func close(_ value: RespValue) -> RespValue? {
    var value = value
    while !open.isEmpty {
      open[open.count - 1].elements.append(value)
      open[open.count - 1].missing -= 1
      guard open[open.count - 1].missing == 0 else { return nil }
      value = .array(open.removeLast().elements)
    }
    return value
  }

  private mutating func nextElement(
    in bytes: [UInt8], from start: inout Int, to end: Int
  ) throws(RespProtocolError) -> Element? {
    if bulkByteCount >= 0 { return try body(in: bytes, from: &start, to: end).map(Element.value) }
    guard start < end else { return nil }
    switch bytes[start] {
    case UInt8(ascii: "+"):
      return try line(in: bytes, from: &start, to: end).map { .value(.status($0)) }
    case UInt8(ascii: "-"):
      return try line(in: bytes, from: &start, to: end).map { .value(.error($0)) }
    case UInt8(ascii: ":"):
      guard let number = try number(.invalidReply(bytes[start]), in: bytes, from: &start, to: end)
      else { return nil }
      return .value(.integer(number))
    case UInt8(ascii: "$"):
      guard let count = try number(.invalidBulkLength, in: bytes, from: &start, to: end)
      else { return nil }
      guard count >= -1, count <= limits.maximumBulkByteCount else { throw .invalidBulkLength }
      guard count >= 0 else { return .value(.bulk(nil)) }
      bulkByteCount = Int(count)
      return try body(in: bytes, from: &start, to: end).map(Element.value)
    case UInt8(ascii: "*"):
      guard let count = try number(.invalidMultibulkLength, in: bytes, from: &start, to: end)
      else { return nil }
      guard count >= -1, count <= limits.maximumArgumentCount else {
        throw .invalidMultibulkLength
      }
      return count > 0 ? .array(Int(count)) : .value(.array(count == 0 ? [] : nil))
    case let other: throw .invalidReply(other)
    }
  }

  private mutating func number(
    _ invalid: RespProtocolError, in bytes: [UInt8], from start: inout Int, to end: Int
  ) throws(RespProtocolError) -> Int64? {
    guard
      let (number, next) = try RespParser.number(
        in: bytes, from: start + 1, to: end, invalid: invalid, tooLong: invalid)
    else { return nil }
    start = next
    return Int64(number)
  }

  private mutating func body(
    in bytes: [UInt8], from start: inout Int, to end: Int
  ) throws(RespProtocolError) -> RespValue? {
    let after = start + bulkByteCount
    guard end - start >= bulkByteCount + 2 else { return nil }
    guard bytes[after] == UInt8(ascii: "\r"), bytes[after + 1] == UInt8(ascii: "\n") else {
      throw .unterminatedBulk
    }
    let value = RespValue.bulk(Array(bytes[start..<after]))
    start = after + 2
    bulkByteCount = -1
    return value
  }

  private mutating func line(
    in bytes: [UInt8], from start: inout Int, to end: Int
  ) throws(RespProtocolError) -> [UInt8]? {
    var position = start + max(scanned, 1)
    while position < end, bytes[position] != UInt8(ascii: "\n") { position += 1 }
    guard position - start <= limits.maximumInlineByteCount else { throw .inlineTooBig }
    guard position < end else {
      scanned = position - start
      return nil
    }
    scanned = 0
    guard bytes[position - 1] == UInt8(ascii: "\r"), position - 1 > start else {
      throw .invalidReply(bytes[start])
    }
    let text = Array(bytes[start + 1..<position - 1])
    start = position + 1
    return text
  }
}
