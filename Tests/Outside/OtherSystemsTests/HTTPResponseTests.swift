import Primitives
import Replication
import Testing

@testable import OtherSystems

/// Feeds bytes to a parser in pieces.
private func parse(
  _ bytes: [UInt8], pieces: [Int], with parser: inout HTTPResponseParser
) throws -> [HTTPResponse] {
  var responses: [HTTPResponse] = []
  var start = 0
  for end in pieces + [bytes.count] {
    while let response = try parser.next(in: bytes, from: &start, to: end) {
      responses.append(response)
    }
    #expect(start <= end)
  }
  return responses
}

private func parse(_ text: String, pieces: [Int] = []) throws -> [HTTPResponse] {
  var parser = HTTPResponseParser()
  return try parse(Array(text.utf8), pieces: pieces, with: &parser)
}

private func body(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct HTTPResponseTests {
  private let several =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello"
    + "HTTP/1.1 100 Continue\r\n\r\n"
    + "HTTP/1.1 503\r\ntransfer-encoding:\tChunked \r\n\r\n3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\n"
    + "Trailer: 1\r\n\r\n" + "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n"
    + "HTTP/1.0 404 Not Found\r\ncontent-length: 0\r\n\r\n"
    + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: CLOSE\r\n\r\nx"
  private let expected = [
    HTTPResponse(status: 200, body: body("hello")),
    HTTPResponse(status: 503, body: body("abc0123456789")),
    HTTPResponse(status: 204, body: []),
    HTTPResponse(status: 404, body: [], closes: true),
    HTTPResponse(status: 200, body: body("x"), closes: true),
  ]

  @Test("Consecutive responses are found, however their bodies are framed")
  func whole() throws {
    #expect(try parse(several) == expected)
  }

  @Test("The split of the bytes does not matter")
  func splits() throws {
    let count = several.utf8.count
    for split in 0..<count { #expect(try parse(several, pieces: [split]) == expected) }
    #expect(try parse(several, pieces: Array(0..<count)) == expected)
  }

  @Test("A response is complete only with its last byte")
  func truncations() throws {
    let one = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    for count in 0..<one.utf8.count {
      #expect(try parse(String(decoding: one.utf8.prefix(count), as: UTF8.self)).isEmpty)
    }
    #expect(try parse(one).count == 1)
  }

  @Test(
    "Text that is not HTTP, or ambiguous, is refused",
    arguments: [
      "-ERR unknown command\r\n", "h", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n", "HTTP/1.1 200 OK\r\n: 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\n folded\r\nContent-Length: 1\r\n\r\n",
      "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nb\r\n",
    ])
  func refusals(text: String) {
    #expect(throws: TargetFault.self) { try parse(text) }
  }

  @Test("Sizes are limited, and refused as soon as they are announced or reached")
  func bounds() throws {
    let limit = HTTPResponseParser.maximumBodyByteCount
    let head = "HTTP/1.1 200 OK\r\n"
    #expect(try parse(head + "Content-Length: \(limit)\r\n\r\n").isEmpty)
    #expect(throws: TargetFault.self) { try parse(head + "Content-Length: \(limit + 1)\r\n\r\n") }
    #expect(throws: TargetFault.self) { try parse(head + "Content-Length: 999999999\r\n\r\n") }
    let chunked = head + "Transfer-Encoding: chunked\r\n\r\n"
    let hexadecimal = String(limit, radix: 16)
    #expect(try parse(chunked + hexadecimal + "\r\n").isEmpty)
    #expect(throws: TargetFault.self) { try parse(chunked + "1\r\na\r\n" + hexadecimal + "\r\n") }
    #expect(throws: TargetFault.self) {
      try parse(head + "X: " + String(repeating: "x", count: 17 << 10))
    }
    #expect(throws: TargetFault.self) { try parse(chunked + String(repeating: "0", count: 300)) }
    let trailers = String(
      repeating: "X: " + String(repeating: "x", count: 200) + "\r\n", count: 100)
    #expect(throws: TargetFault.self) { try parse(chunked + "0\r\n" + trailers) }
  }

  @Test("Mutated bytes give the same result for any split, and never more than they hold")
  func mutations() {
    var outcomes: [Bool: Int] = [:]
    for seed in 0..<5_000 as Range<UInt64> {
      var random = RandomStream(seed: seed)
      var bytes = Array(several.utf8)
      for _ in 0...random.below(3) {
        let position = random.below(bytes.count)
        switch random.below(4) {
        case 0: bytes[position] = UInt8(random.below(256))
        case 1: bytes.remove(at: position)
        case 2: bytes.insert(bytes[random.below(bytes.count)], at: position)
        default: bytes.removeLast(random.below(bytes.count / 2))
        }
      }
      func result(_ pieces: [Int]) -> Result<[HTTPResponse], TargetFault>? {
        var parser = HTTPResponseParser()
        do {
          return .success(try parse(bytes, pieces: pieces, with: &parser))
        } catch {
          return (error as? TargetFault).map(Result.failure)
        }
      }
      let pieces = (0..<3).map { _ in random.below(bytes.count + 1) }.sorted()
      switch (result([]), result(pieces)) {
      case (.success(let whole)?, .success(let split)?):
        outcomes[true, default: 0] += 1
        #expect(whole == split, "seed \(seed)")
        #expect(whole.reduce(0) { $0 + $1.body.count } <= bytes.count, "seed \(seed)")
      case (.failure?, .failure?): outcomes[false, default: 0] += 1
      default: Issue.record("seed \(seed): split differently, understood differently")
      }
    }
    #expect(outcomes[true, default: 0] > 500 && outcomes[false, default: 0] > 500)
  }
}
