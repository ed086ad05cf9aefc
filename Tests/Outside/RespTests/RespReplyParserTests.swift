import Primitives
import Replication
import Resp
import Testing
import WireFormat

@Suite struct RespReplyParserTests {
  private func parse(
    _ bytes: [UInt8], pieces: [Int]
  ) -> (values: [RespValue], error: RespProtocolError?) {
    var parser = RespReplyParser()
    var values: [RespValue] = []
    var start = 0
    for end in pieces + [bytes.count] {
      do {
        while let value = try parser.next(in: bytes, from: &start, to: end) { values.append(value) }
      } catch {
        return (values, error)
      }
    }
    return (values, nil)
  }

  private func encode(_ value: RespValue, into writer: inout WireWriter) {
    switch value {
    case .status(let text): RespReply.status(String(decoding: text, as: UTF8.self), into: &writer)
    case .error(let text): RespReply.error(text, into: &writer)
    case .integer(let number): RespReply.integer(number, into: &writer)
    case .bulk(let bytes?): RespReply.bulk(bytes, into: &writer)
    case .bulk(nil): RespReply.null(.two, into: &writer)
    case .array(let values?):
      RespReply.array(count: values.count, into: &writer)
      for value in values { encode(value, into: &writer) }
    case .array(nil): writer.write(Array("*-1\r\n".utf8))
    }
  }

  private func value(_ random: inout RandomStream, depth: Int) -> RespValue {
    switch random.below(depth > 0 ? 8 : 6) {
    case 0: .status(Array("OK".utf8))
    case 1: .error(Array("ERR no".utf8))
    case 2: .integer(Int64(bitPattern: random.next()) >> Int64(random.below(64)))
    case 3: .bulk(nil)
    case 4: .bulk(Traffic.word(&random))
    case 5: .array(nil)
    default: .array((0..<random.below(4)).map { _ in value(&random, depth: depth - 1) })
    }
  }

  @Test(
    "Replies are decoded from their bytes, however split", arguments: 0..<100 as Range<UInt64>
  )
  func roundTrip(seed: UInt64) {
    var random = RandomStream(seed: seed)
    let values = (0...random.below(4)).map { _ in value(&random, depth: 3) }
    var writer = WireWriter()
    for value in values { encode(value, into: &writer) }
    let bytes = writer.bytes()
    for cut in 0...bytes.count {
      let found = parse(bytes, pieces: [cut])
      #expect(found.values == values && found.error == nil, "seed \(seed), cut at \(cut)")
    }
    #expect(parse(bytes, pieces: Array(0..<bytes.count)).values == values)
    // Each number has one spelling.
    for number: Int64 in [0, 1, -1, 9, 10, 99, 100, .max, .min] {
      var writer = WireWriter()
      RespReply.integer(number, into: &writer)
      #expect(text(writer.bytes()) == ":\(number)\r\n")
    }
  }

  @Test(
    "Damaged replies are refused or have a meaning, and never trap",
    arguments: 0..<200 as Range<UInt64>)
  func damage(seed: UInt64) {
    var random = RandomStream(seed: seed, label: 1)
    var writer = WireWriter()
    for _ in 0..<4 { encode(value(&random, depth: 3), into: &writer) }
    var bytes = writer.bytes()
    Traffic.damage(&bytes, &random)
    let whole = parse(bytes, pieces: [])
    let single = parse(bytes, pieces: Array(0..<bytes.count))
    #expect(single.values == whole.values && single.error == whole.error, "seed \(seed)")
  }

  @Test("Malformed replies are refused")
  func refused() {
    #expect(parse(bytes("PONG\r\n"), pieces: []).error == .invalidReply(UInt8(ascii: "P")))
    #expect(parse(bytes("+OK\n"), pieces: []).error == .invalidReply(UInt8(ascii: "+")))
    #expect(parse(bytes("$-2\r\n"), pieces: []).error == .invalidBulkLength)
    #expect(parse(bytes("*99999999\r\n"), pieces: []).error == .invalidMultibulkLength)
    #expect(parse(bytes("$1\r\nab\r\n"), pieces: []).error == .unterminatedBulk)
    let deep = String(repeating: "*1\r\n", count: RespReplyParser.maximumDepth + 1)
    #expect(parse(bytes(deep), pieces: []).error == .nestedTooDeep)
  }

  @Test("Error and status texts stay on one line")
  func oneLine() {
    var writer = WireWriter()
    RespReply.error("ERR a\r\n+OK\nb", into: &writer)
    RespReply.status("a\nb", into: &writer)
    #expect(text(writer.bytes()) == "-ERR a  +OK b\r\n+a b\r\n")
  }
}
