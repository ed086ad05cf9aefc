// Commands typed as a line, as over telnet: words separated by blanks, or in quotes.

extension RespParser {
  mutating func nextLine(
    in bytes: inout [UInt8], from start: Int, to end: Int
  ) throws(RespProtocolError) -> Int? {
    let last = min(end, start + limits.maximumInlineByteCount)
    var lineEnd = start + position
    while lineEnd < last, bytes[lineEnd] != UInt8(ascii: "\n") { lineEnd += 1 }
    guard lineEnd < last else {
      guard end - start < limits.maximumInlineByteCount else { throw .inlineTooBig }
      position = lineEnd - start
      return nil
    }
    position = lineEnd + 1 - start
    if lineEnd > start, bytes[lineEnd - 1] == UInt8(ascii: "\r") { lineEnd -= 1 }
    var read = start
    while true {
      while read < lineEnd, RespParser.isBlank(bytes[read]) { read += 1 }
      guard read < lineEnd else { break }
      let wordStart = read
      let wordEnd = try RespParser.unquote(&bytes, from: &read, to: lineEnd)
      arguments.append(Argument(start: wordStart - start, count: wordEnd - wordStart))
    }
    isFinished = true
    return position
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  /// Moves past the word at `read` and replaces it by its meaning, which is never longer.
  /// - Returns: the end of the meaning.
  private static func unquote(
    _ bytes: inout [UInt8], from read: inout Int, to end: Int
  ) throws(RespProtocolError) -> Int {
    var write = read
    /// The quote that encloses the word, or 0.
    var quote: UInt8 = 0
    while true {
      guard read < end else {
        guard quote == 0 else { throw .unbalancedQuotes }
        return write
      }
      var byte = bytes[read]
      if quote == 0 {
        if isBlank(byte) { return write }
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
          quote = byte
          read += 1
          continue
        }
      } else if byte == quote {
        // The word must end after a closing quote.
        read += 1
        guard read == end || isBlank(bytes[read]) else { throw .unbalancedQuotes }
        return write
      } else if byte == UInt8(ascii: "\\"), read + 1 < end {
        if quote == UInt8(ascii: "\"") {
          byte = escaped(bytes, at: &read, to: end)
        } else if bytes[read + 1] == UInt8(ascii: "'") {
          read += 1
          byte = UInt8(ascii: "'")
        }
      }
      bytes[write] = byte
      write += 1
      read += 1
    }
  }

  /// The meaning of the escape at `read`; `read` is left at the escape's last byte.
  private static func escaped(_ bytes: [UInt8], at read: inout Int, to end: Int) -> UInt8 {
    if bytes[read + 1] == UInt8(ascii: "x"), read + 3 < end, let high = digit(bytes[read + 2]),
      let low = digit(bytes[read + 3])
    {
      read += 3
      return high << 4 | low
    }
    read += 1
    switch bytes[read] {
    case UInt8(ascii: "n"): return 0x0A
    case UInt8(ascii: "r"): return 0x0D
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "b"): return 0x08
    case UInt8(ascii: "a"): return 0x07
    case let other: return other
    }
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
