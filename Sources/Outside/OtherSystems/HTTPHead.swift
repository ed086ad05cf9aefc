/// The relevant parts of an HTTP response's head.
struct HTTPHead: Equatable {
  enum Framing: Equatable {
    case none
    case counted(Int)
    case chunked
  }

  static let beginning = Array("HTTP/1.".utf8)

  var status = 0
  var framing = Framing.none
  var closes = false

  /// - Parameter end: the position after the empty line.
  init(_ bytes: [UInt8], from start: Int, to end: Int) throws(TargetFault) {
    var position = start
    var isFirst = true
    while true {
      var lineEnd = position
      while lineEnd < end, bytes[lineEnd] != UInt8(ascii: "\n") { lineEnd += 1 }
      guard lineEnd < end, lineEnd > position, bytes[lineEnd - 1] == UInt8(ascii: "\r") else {
        throw TargetFault("an HTTP line without its end", in: bytes, at: position..<end)
      }
      let line = position..<lineEnd - 1
      position = lineEnd + 1
      if isFirst {
        try readStatus(bytes, in: line)
        isFirst = false
      } else if line.isEmpty {
        return
      } else {
        try readField(bytes, in: line)
      }
    }
  }

  /// `HTTP/1.1 200 OK`.
  private mutating func readStatus(_ bytes: [UInt8], in line: Range<Int>) throws(TargetFault) {
    let first = line.lowerBound
    guard line.count >= 12, bytes[first..<first + 7].elementsEqual(HTTPHead.beginning),
      bytes[first + 7] == UInt8(ascii: "1") || bytes[first + 7] == UInt8(ascii: "0"),
      bytes[first + 8] == UInt8(ascii: " "),
      let status = HTTPHead.number(bytes, in: first + 9..<first + 12, base: 10),
      (100..<600).contains(status), status != 101,
      line.count == 12 || bytes[first + 12] == UInt8(ascii: " ")
    else { throw TargetFault("no HTTP status line", in: bytes, at: line) }
    self.status = status
    closes = bytes[first + 7] == UInt8(ascii: "0")
  }

  private mutating func readField(_ bytes: [UInt8], in line: Range<Int>) throws(TargetFault) {
    guard let colon = line.first(where: { bytes[$0] == UInt8(ascii: ":") }),
      colon > line.lowerBound,
      bytes[line.lowerBound..<colon].allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { throw TargetFault("no HTTP field", in: bytes, at: line) }
    let value = HTTPHead.trimmed(bytes, in: colon + 1..<line.upperBound)
    switch HTTPHead.lowercased(bytes, in: line.lowerBound..<colon) {
    case "content-length":
      guard framing == .none, let count = HTTPHead.number(bytes, in: value, base: 10),
        count <= HTTPResponseParser.maximumBodyByteCount
      else { throw TargetFault("an HTTP length that will not do", in: bytes, at: line) }
      framing = .counted(count)
    case "transfer-encoding":
      guard framing == .none, HTTPHead.lowercased(bytes, in: value) == "chunked" else {
        throw TargetFault("an HTTP encoding that will not do", in: bytes, at: line)
      }
      framing = .chunked
    case "connection":
      switch HTTPHead.lowercased(bytes, in: value) {
      case "close": closes = true
      case "keep-alive": closes = false
      default: break
      }
    default: break
    }
  }

  /// `1a` or `1a;name=value`.
  static func chunkLength(_ bytes: [UInt8], in line: Range<Int>) throws(TargetFault) -> Int {
    let end = line.first { bytes[$0] == UInt8(ascii: ";") } ?? line.upperBound
    guard
      let count = number(bytes, in: trimmed(bytes, in: line.lowerBound..<end), base: 16),
      count <= HTTPResponseParser.maximumBodyByteCount
    else { throw TargetFault("an HTTP chunk length that will not do", in: bytes, at: line) }
    return count
  }

  /// - Returns: `nil` unless the bytes are one to eight digits.
  private static func number(_ bytes: [UInt8], in range: Range<Int>, base: Int) -> Int? {
    guard (1...8).contains(range.count) else { return nil }
    var number = 0
    for position in range {
      let digit: UInt8
      switch bytes[position] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = bytes[position] - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = bytes[position] - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = bytes[position] - UInt8(ascii: "A") + 10
      default: return nil
      }
      guard digit < base else { return nil }
      number = number * base + Int(digit)
    }
    return number
  }

  private static func trimmed(_ bytes: [UInt8], in range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    while start < end, isBlank(bytes[start]) { start += 1 }
    while end > start, isBlank(bytes[end - 1]) { end -= 1 }
    return start..<end
  }

  private static func lowercased(_ bytes: [UInt8], in range: Range<Int>) -> String {
    let letters = bytes[range].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    return String(decoding: letters, as: UTF8.self)
  }
}
