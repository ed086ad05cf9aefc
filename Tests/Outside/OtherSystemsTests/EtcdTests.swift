import Primitives
import Replication
import Sockets
import StateMachines
import Testing
import WireFormat

@testable import OtherSystems

@Suite struct EtcdTests {
  private let endpoint = Endpoint(host: "127.0.0.1", port: 2379)

  private func request(_ command: KeyValueCommand) -> String {
    var dialect = EtcdDialect(endpoint: endpoint)
    var output = WireWriter()
    dialect.write(command, into: &output)
    return String(decoding: output.bytes(), as: UTF8.self)
  }

  private func head(_ path: String, _ count: Int) -> String {
    "POST /v3/kv/\(path) HTTP/1.1\r\nHost: 127.0.0.1:2379\r\nContent-Type: application/json\r\n"
      + "Content-Length: \(count)\r\n\r\n"
  }

  @Test("Commands are posted to the gateway as JSON with base64, and reads are linearizable")
  func requests() {
    #expect(
      request(.put(Key("a"), value: Array("bc".utf8)))
        == head("put", 29) + #"{"key":"YQ==","value":"YmM="}"#)
    #expect(request(.get(Key("key1"))) == head("range", 18) + #"{"key":"a2V5MQ=="}"#)
    #expect(request(.delete(Key("key"))) == head("deleterange", 14) + #"{"key":"a2V5"}"#)
    #expect(!request(.get(Key("a"))).contains("serializable"))
  }

  private func meaning(
    _ status: Int, _ body: String, _ question: TargetQuestion
  ) throws -> TargetAnswer {
    try EtcdDialect.meaning(of: HTTPResponse(status: status, body: Array(body.utf8)), question)
  }

  @Test("Answers show the value found; an omitted field means empty or zero")
  func answers() throws {
    let header = #""header":{"cluster_id":"1","member_id":"2","revision":"3","raft_term":"4"}"#
    #expect(try meaning(200, "{\(header)}", .put) == .done(.done))
    #expect(try meaning(200, "{\(header)}", .get) == .done(.value(nil)))
    #expect(try meaning(200, "{\(header)}", .delete) == .done(.number(0)))
    #expect(try meaning(200, #"{\#(header),"deleted":"2"}"#, .delete) == .done(.number(2)))
    #expect(
      try meaning(
        200,
        #"{\#(header), "kvs" : [{"key":"YQ==","version":"1","value":"YmM="}],"count":"1"}"#, .get)
        == .done(.value(Array("bc".utf8))))
    #expect(
      try meaning(200, #"{\#(header),"kvs":[{"key":"YQ=="}],"count":"1"}"#, .get)
        == .done(.value([])))
    #expect(
      try meaning(200, #"{"kvs":[{"value":"YQ=="},{"value":"YmM="}],\#(header)}"#, .get)
        == .done(.value(Array("a".utf8))))
  }

  @Test(
    "Success that is not an answer of etcd is refused",
    arguments: [
      "", "{}", "[]", "null", "<html></html>", #"{"header":{}"#, #"{"header":{}}x"#,
      #"{"header":{},"kvs":[{"value":"YQ"}]}"#, #"{"header":{},"kvs":[{"value":7}]}"#,
      #"{"header":{},"kvs":{}}"#, #"{"header":{},"deleted":"many"}"#, #"{"header":{},}"#,
      #"{"header":"# + String(repeating: "[", count: 40),
    ])
  func noAnswers(body: String) {
    #expect(throws: TargetFault.self) { try meaning(200, body, .get) }
  }

  @Test("Only an error which says that nothing was proposed is definite")
  func errors() throws {
    let body = #"{"error":"etcdserver: no space","code":8,"message":"etcdserver: no space"}"#
    for status in [400, 401, 403, 404, 405, 413] {
      #expect(try meaning(status, body, .put) == .refused("HTTP \(status) etcdserver: no space"))
    }
    // A put that exceeds the quota takes effect although its answer is 429.
    for status in [408, 409, 429, 500, 502, 503, 504, 302, 204] {
      #expect(try meaning(status, body, .put) == .unclear("HTTP \(status) etcdserver: no space"))
      #expect(try meaning(status, body, .delete) == .unclear("HTTP \(status) etcdserver: no space"))
      // A read has no effect, so any error means that it failed.
      #expect(try meaning(status, body, .get) == .refused("HTTP \(status) etcdserver: no space"))
    }
    #expect(try meaning(502, "<html>\n</html>", .put) == .unclear("HTTP 502 <html> </html>"))
    #expect(try meaning(500, "", .put) == .unclear("HTTP 500"))
  }

  @Test("Mutated answers are either understood or refused")
  func mutations() {
    let good =
      #"{"header":{"revision":"3"},"kvs":[{"key":"YQ==","value":"YmM="}],"deleted":"1"}"#
    var understood = 0
    for seed in 0..<10_000 as Range<UInt64> {
      var random = RandomStream(seed: seed)
      var bytes = Array(good.utf8)
      for _ in 0...random.below(2) {
        let position = random.below(bytes.count)
        switch random.below(3) {
        case 0: bytes[position] = UInt8(random.below(256))
        case 1: bytes.remove(at: position)
        default: bytes.insert(bytes[random.below(bytes.count)], at: position)
        }
      }
      if EtcdAnswer(bytes) != nil { understood += 1 }
    }
    #expect((500..<9_500).contains(understood))
  }

  @Test("Base64 gives the published texts, and accepts only them (RFC 4648 §10)")
  func base64() {
    let texts = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]
    for (count, text) in texts.enumerated() {
      let bytes = Array("foobar".utf8.prefix(count))
      var output = WireWriter()
      Base64.encode(bytes, into: &output)
      #expect(output.bytes() == Array(text.utf8))
      #expect(Base64.encodedByteCount(count) == text.utf8.count)
      #expect(Base64.decode(Array(text.utf8), in: 0..<text.utf8.count) == bytes)
    }
    for bad in ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9", "Zm9-"] {
      #expect(Base64.decode(Array(bad.utf8), in: 0..<bad.utf8.count) == nil)
    }
    let all = (0...255).map { UInt8($0) }
    var output = WireWriter()
    output.write(UInt8(1))
    Base64.encode(all, into: &output)
    #expect(Base64.decode(output.bytes(), in: 1..<output.count) == all)
  }
}
