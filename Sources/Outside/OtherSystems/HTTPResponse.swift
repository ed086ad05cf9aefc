/// The response of an HTTP server.
struct HTTPResponse: Equatable, Sendable {
  var status: Int
  var body: [UInt8]
  /// Whether the server closes the connection after it.
  var closes: Bool

  init(status: Int, body: [UInt8], closes: Bool = false) {
    self.status = status
    self.body = body
    self.closes = closes
  }
}

/// Finds the responses in the bytes of an HTTP/1.1 server (RFC 9112), as far as needed for a client
/// that sends only POST: no upgrades, no bodies that last until the connection ends. Ambiguous
/// responses are refused. Continues where it stopped when more bytes have arrived; keeps only the
/// bytes of a chunked body.
struct HTTPResponseParser: Sendable {
  /// Bytes of the lines before the body, and of the lines after a chunked body.
  static var maximumHeadByteCount: Int { 16 << 10 }
  static var maximumBodyByteCount: Int { 4 << 20 }
  /// Bytes of the line before a chunk.
  private static var maximumChunkLineByteCount: Int { 256 }

  private enum State: Sendable {
    case head
    /// A body of this many bytes.
    case counted(Int)
    case chunkLine
    /// This many bytes of a chunk are missing.
    case chunk(Int)
    /// Lines after the last chunk; this many bytes of them have been read.
    case trailer(Int)
  }

  private var state = State.head
  /// Number of bytes of a line or of the head that were searched for its end.
  private var scanned = 0
  private var status = 0
  private var closes = false
  private var body: [UInt8] = []

  init() {}

  /// Takes the next complete response out of `bytes[start..<end]`.
  /// - Parameter start: moves past the parsed bytes.
  /// - Returns: `nil` if more bytes are needed.
  mutating func next(
    in bytes: [UInt8], from start: inout Int, to end: Int
  ) throws(TargetFault) -> HTTPResponse? {
    while true {
      switch state {
      case .head:
        guard let headEnd = try findHeadEnd(in: bytes, from: start, to: end) else { return nil }
        let head = try HTTPHead(bytes, from: start, to: headEnd)
        start = headEnd
        // An interim response is followed by the real one.
        if (100..<200).contains(head.status) { continue }
        status = head.status
        closes = head.closes
        body.removeAll()
        switch head.framing {
        case .counted(let count): state = .counted(count)
        case .chunked: state = .chunkLine
        case .none where head.status == 204 || head.status == 304: state = .counted(0)
        case .none:
          throw TargetFault("HTTP \(head.status) without a length", in: bytes, at: start..<end)
        }
      case .counted(let count):
        guard end - start >= count else { return nil }
        body = Array(bytes[start..<start + count])
        start += count
        return finish()
      case .chunkLine:
        guard let line = try nextLine(in: bytes, from: &start, to: end) else { return nil }
        let count = try HTTPHead.chunkLength(bytes, in: line)
        guard body.count + count <= HTTPResponseParser.maximumBodyByteCount else {
          throw TargetFault("an HTTP body that is too long", in: bytes, at: line)
        }
        state = count > 0 ? .chunk(count) : .trailer(0)
      case .chunk(let count):
        guard end - start >= count + 2 else { return nil }
        let after = start + count
        guard bytes[after] == UInt8(ascii: "\r"), bytes[after + 1] == UInt8(ascii: "\n") else {
          throw TargetFault("an HTTP chunk without its end", in: bytes, at: after..<end)
        }
        body += bytes[start..<after]
        start = after + 2
        state = .chunkLine
      case .trailer(let seen):
        guard let line = try nextLine(in: bytes, from: &start, to: end) else { return nil }
        if line.isEmpty { return finish() }
        let count = seen + line.count + 2
        guard count <= HTTPResponseParser.maximumHeadByteCount else {
          throw TargetFault("an HTTP trailer that is too long", in: bytes, at: line)
        }
        state = .trailer(count)
      }
    }
  }

  private mutating func finish() -> HTTPResponse {
    state = .head
    let response = HTTPResponse(status: status, body: body, closes: closes)
    body.removeAll()
    return response
  }

  /// - Returns: the start of the body.
  private mutating func findHeadEnd(
    in bytes: [UInt8], from start: Int, to end: Int
  ) throws(TargetFault) -> Int? {
    let limit = min(end, start + HTTPResponseParser.maximumHeadByteCount)
    // Bytes that are not HTTP are reported at once, because their sender may wait and send no more.
    for (offset, byte) in HTTPHead.beginning.enumerated() where start + offset < limit {
      guard bytes[start + offset] == byte else {
        throw TargetFault("no HTTP response", in: bytes, at: start..<end)
      }
    }
    var position = start + max(scanned, 3)
    while position < limit {
      if bytes[position] == UInt8(ascii: "\n"), bytes[position - 1] == UInt8(ascii: "\r"),
        bytes[position - 2] == UInt8(ascii: "\n"), bytes[position - 3] == UInt8(ascii: "\r")
      {
        scanned = 0
        return position + 1
      }
      position += 1
    }
    guard end - start < HTTPResponseParser.maximumHeadByteCount else {
      throw TargetFault("an HTTP head that is too long", in: bytes, at: start..<end)
    }
    scanned = position - start
    return nil
  }

  /// The next line of a chunked body, without its end.
  private mutating func nextLine(
    in bytes: [UInt8], from start: inout Int, to end: Int
  ) throws(TargetFault) -> Range<Int>? {
    var position = start + scanned
    while position < end, bytes[position] != UInt8(ascii: "\n") { position += 1 }
    guard position - start <= HTTPResponseParser.maximumChunkLineByteCount else {
      throw TargetFault("an HTTP line that is too long", in: bytes, at: start..<end)
    }
    guard position < end else {
      scanned = position - start
      return nil
    }
    scanned = 0
    guard position > start, bytes[position - 1] == UInt8(ascii: "\r") else {
      throw TargetFault("an HTTP line without its end", in: bytes, at: start..<end)
    }
    let line = start..<position - 1
    start = position + 1
    return line
  }
}
