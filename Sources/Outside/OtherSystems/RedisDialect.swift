import Replication
import Resp
import StateMachines
import WireFormat

/// RESP2 as Redis uses it: `GET`, `SET`, `DEL`, `APPEND`, each write followed by `WAIT` if replicas
/// must acknowledge it.
///
/// Requests are pipelined: a server answers the requests of one connection in order.
struct RedisDialect: TargetDialect {
  static let systemName = "redis"

  /// Replicas that must acknowledge a write; with 0 there is no `WAIT`.
  let waitReplicas: Int
  /// How long `WAIT` waits for them, in whole milliseconds and at least one, because 0 means
  /// without limit.
  let waitTimeout: Interval
  let hangsUp = false

  private var parser = RespReplyParser()
  /// The answer to a write whose `WAIT` is not answered yet.
  private var held: RespValue?

  init(waitReplicas: Int = 0, waitTimeout: Interval = .seconds(1)) {
    self.waitReplicas = waitReplicas
    self.waitTimeout = max(.milliseconds(1), .milliseconds(waitTimeout.nanoseconds / 1_000_000))
  }

  mutating func write(_ command: KeyValueCommand, into output: inout WireWriter) {
    switch command {
    case .get(let key): RedisDialect.write(RedisDialect.get, [key.bytes], into: &output)
    case .put(let key, let value):
      RedisDialect.write(RedisDialect.set, [key.bytes, value], into: &output)
    case .delete(let key): RedisDialect.write(RedisDialect.delete, [key.bytes], into: &output)
    case .append(let key, let value):
      RedisDialect.write(RedisDialect.append, [key.bytes, value], into: &output)
    default: preconditionFailure("a validated experiment asks a target for \(command)")
    }
    if isAwaited(TargetQuestion(command)) {
      writeWait(for: waitTimeout, into: &output)
    }
  }

  mutating func writeProbe(into output: inout WireWriter) {
    RedisDialect.write(RedisDialect.get, [Array("rsmbench-probe".utf8)], into: &output)
    if waitReplicas > 0 { writeWait(for: .seconds(1), into: &output) }
  }

  private static let get = Array("GET".utf8)
  private static let set = Array("SET".utf8)
  private static let delete = Array("DEL".utf8)
  private static let append = Array("APPEND".utf8)
  private static let wait = Array("WAIT".utf8)

  private func isAwaited(_ question: TargetQuestion) -> Bool {
    waitReplicas > 0 && question != .get
  }

  private func writeWait(for time: Interval, into output: inout WireWriter) {
    let milliseconds = Int(time.nanoseconds / 1_000_000)
    let numbers = [waitReplicas, milliseconds].map { Array(String($0).utf8) }
    RedisDialect.write(RedisDialect.wait, numbers, into: &output)
  }

  private static func write(
    _ name: [UInt8], _ arguments: [[UInt8]], into output: inout WireWriter
  ) {
    RespReply.array(count: 1 + arguments.count, into: &output)
    RespReply.bulk(name, into: &output)
    for argument in arguments { RespReply.bulk(argument, into: &output) }
  }

  mutating func next(
    to question: TargetQuestion, in bytes: [UInt8], from start: inout Int, to end: Int
  ) throws(TargetFault) -> TargetAnswer? {
    guard let first = try nextReply(in: bytes, from: &start, to: end) else { return nil }
    guard isAwaited(question) else {
      return try RedisDialect.meaning(of: first, question, in: bytes, before: start)
    }
    let answer: RespValue
    let acknowledged: RespValue
    if let known = held {
      answer = known
      acknowledged = first
    } else {
      held = first
      guard let second = try nextReply(in: bytes, from: &start, to: end) else { return nil }
      answer = first
      acknowledged = second
    }
    held = nil
    let meaning = try RedisDialect.meaning(of: answer, question, in: bytes, before: start)
    guard case .done = meaning else { return meaning }
    switch acknowledged {
    case .integer(let count) where count >= waitReplicas: return meaning
    case .integer(let count):
      return .unclear("\(count) of \(waitReplicas) replicas have acknowledged")
    case .error(let text): return .unclear(String(decoding: text, as: UTF8.self))
    default: throw RedisDialect.misfit(bytes, before: start)
    }
  }

  private mutating func nextReply(
    in bytes: [UInt8], from start: inout Int, to end: Int
  ) throws(TargetFault) -> RespValue? {
    let first = start
    do throws(RespProtocolError) {
      return try parser.next(in: bytes, from: &start, to: end)
    } catch {
      throw TargetFault(error.text, in: bytes, at: first..<end)
    }
  }

  private static func meaning(
    of reply: RespValue, _ question: TargetQuestion, in bytes: [UInt8], before end: Int
  ) throws(TargetFault) -> TargetAnswer {
    switch (reply, question) {
    case (.error(let text), _):
      return .error(
        TargetFault.printable(text, in: text.indices), isDefinite: isDefinite(text), to: question)
    case (.bulk(let value), .get), (.bulk(let value), .probe): return .done(.value(value))
    case (.status, .put): return .done(.done)
    case (.integer(let number), .delete), (.integer(let number), .append):
      return .done(.number(number))
    default: throw misfit(bytes, before: end)
    }
  }

  private static func misfit(_ bytes: [UInt8], before end: Int) -> TargetFault {
    TargetFault("an answer that does not fit the command", in: bytes, at: max(0, end - 40)..<end)
  }

  /// Errors that Redis returns before it carries a command out, by their first word. Any other
  /// error may come from a proxy or another server between this program and the store, after it has
  /// passed the command on.
  private static let definiteKinds: Set<String> = [
    "READONLY", "LOADING", "NOAUTH", "NOPERM", "MISCONF", "OOM", "NOREPLICAS", "MASTERDOWN",
    "CLUSTERDOWN", "MOVED", "ASK", "TRYAGAIN", "CROSSSLOT", "WRONGTYPE", "BUSY",
  ]
  private static let definiteTexts = [
    "ERR unknown command", "ERR wrong number of arguments", "ERR max number of clients",
    "ERR string exceeds maximum allowed size", "ERR Protocol error",
  ]

  /// Whether an error means that its command has certainly had no effect.
  static func isDefinite(_ error: [UInt8]) -> Bool {
    let text = String(decoding: error, as: UTF8.self)
    return definiteKinds.contains(String(text.prefix { $0 != " " }))
      || definiteTexts.contains { text.hasPrefix($0) }
  }
}
