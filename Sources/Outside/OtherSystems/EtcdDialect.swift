import Primitives
import Replication
import Sockets
import StateMachines
import WireFormat

/// etcd v3 (3.4 or later) through its JSON gateway: `POST` to `/v3/kv/put`, `/v3/kv/range` and
/// `/v3/kv/deleterange` over HTTP/1.1, keys and values in base64. Reads are linearizable, which is
/// etcd's default, because no request asks for `serializable`.
///
/// The gateway turns every request into a gRPC request within the server, which costs the server
/// processor time that gRPC clients would save; its rounds of consensus and its syncs are the same.
struct EtcdDialect: TargetDialect {
  static let systemName = "etcd"

  private(set) var hangsUp = false

  private let putHead: [UInt8]
  private let rangeHead: [UInt8]
  private let deleteHead: [UInt8]
  private var parser = HTTPResponseParser()

  init(endpoint: Endpoint) {
    func head(_ path: String) -> [UInt8] {
      Array(
        "POST /v3/kv/\(path) HTTP/1.1\r\nHost: \(endpoint)\r\nContent-Type: application/json\r\n"
          .utf8) + Array("Content-Length: ".utf8)
    }
    putHead = head("put")
    rangeHead = head("range")
    deleteHead = head("deleterange")
  }

  private static let key = Array("{\"key\":\"".utf8)
  private static let value = Array("\",\"value\":\"".utf8)
  private static let end = Array("\"}".utf8)
  private static let headEnd = Array("\r\n\r\n".utf8)

  mutating func write(_ command: KeyValueCommand, into output: inout WireWriter) {
    switch command {
    case .get(let key): EtcdDialect.write(rangeHead, key.bytes, into: &output)
    case .put(let key, let value): EtcdDialect.write(putHead, key.bytes, value, into: &output)
    case .delete(let key): EtcdDialect.write(deleteHead, key.bytes, into: &output)
    default: preconditionFailure("a validated experiment asks a target for \(command)")
    }
  }

  mutating func writeProbe(into output: inout WireWriter) {
    EtcdDialect.write(rangeHead, Array("rsmbench-probe".utf8), into: &output)
  }

  private static func write(
    _ head: [UInt8], _ key: [UInt8], _ value: [UInt8]? = nil, into output: inout WireWriter
  ) {
    var count = EtcdDialect.key.count + Base64.encodedByteCount(key.count) + end.count
    if let value { count += EtcdDialect.value.count + Base64.encodedByteCount(value.count) }
    output.write(head)
    output.write(DecimalInteger.spell(Int64(count)))
    output.write(headEnd)
    output.write(EtcdDialect.key)
    Base64.encode(key, into: &output)
    if let value {
      output.write(EtcdDialect.value)
      Base64.encode(value, into: &output)
    }
    output.write(end)
  }

  mutating func next(
    to question: TargetQuestion, in bytes: [UInt8], from start: inout Int, to end: Int
  ) throws(TargetFault) -> TargetAnswer? {
    guard let response = try parser.next(in: bytes, from: &start, to: end) else { return nil }
    hangsUp = response.closes
    return try EtcdDialect.meaning(of: response, question)
  }

  static func meaning(
    of response: HTTPResponse, _ question: TargetQuestion
  ) throws(TargetFault) -> TargetAnswer {
    let body = response.body
    let answer = EtcdAnswer(body)
    guard response.status == 200 else {
      let text = answer?.error ?? TargetFault.printable(body, in: body.indices)
      return .error(
        "HTTP \(response.status)" + (text.isEmpty ? "" : " \(text)"),
        isDefinite: definiteStatuses.contains(response.status), to: question)
    }
    guard let answer, answer.hasHeader else {
      throw TargetFault("an HTTP answer that is none of etcd", in: body, at: body.indices)
    }
    switch question {
    case .get, .probe: return .done(.value(answer.value))
    case .put: return .done(.done)
    case .delete: return .done(.number(answer.deleted))
    case .append: throw TargetFault("an answer to nothing", in: body, at: body.indices)
    }
  }

  /// Statuses of requests that were never proposed: malformed, not allowed, too large, or unknown
  /// here. 429 is not among them, because etcd also uses it when the quota of its database is used
  /// up, after the write that noticed this has taken effect. 5xx are not either, because a proposal
  /// whose leader was lost may still commit.
  private static let definiteStatuses: Set<Int> = [
    400, 401, 403, 404, 405, 411, 413, 414, 415, 431,
  ]
}
