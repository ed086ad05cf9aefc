import Replication
import StateMachines
import WireFormat

/// How the reply to one command of a client is made from the store's responses.
public struct RespAnswer: Equatable, Sendable {
  public enum Kind: UInt8, Sendable {
    /// OK after all commands are done.
    case ok
    /// The value in the first response.
    case value
    /// An array of all values.
    case values
    /// The sum of all numbers.
    case sum
    /// OK for 1, null for 0.
    case okOrNull
    /// The type of a value that exists for 1, "none" for 0.
    case type
    /// A key's time to live: -1 (no expiry) for 1, -2 (no such key) for 0.
    case timeToLive
    /// 1 if the last command took effect, 0 if it was skipped.
    case allOrNone
    /// The reply to SCAN: some keys, and the cursor of the next call.
    case page
    /// All keys.
    case keys
    /// OK; the values are kept in `RespChunk.watched`.
    case watch
    /// A reply made without the store: the next `count` bytes of `RespChunk.local`.
    case local
  }

  public var kind: Kind
  /// Number of responses that belong to it; for a local reply, its number of bytes.
  public var count: Int
  public var version: RespVersion

  public init(_ kind: Kind, count: Int, _ version: RespVersion) {
    self.kind = kind
    self.count = count
    self.version = version
  }
}

/// Commands of one connection that go to the store together, and how they are answered in order.
public struct RespChunk: Sendable {
  public var commands = KeyValueSequenceBuilder()
  public var answers: [RespAnswer] = []
  public var local = WireWriter()
  /// Number of bytes of `local` that were sent.
  public var localPosition = 0
  /// The protocol version of the replies to the commands that follow.
  public var version = RespVersion.two
  /// The number of conditions before the commands, if the chunk is a transaction.
  public var conditionCount: Int?
  /// The protocol version in which the result of the transaction is reported.
  public var transactionVersion = RespVersion.two
  /// Values that were read for `WATCH`, and how many bytes they may have.
  public var watched: [[UInt8]?] = []
  public var watchRoom = 0
  /// Whether the values could not be read.
  public var watchHasFailed = false

  public init() {}

  /// Adds a client's command that is one command of the store.
  public mutating func ask(_ command: KeyValueCommand, _ kind: RespAnswer.Kind) {
    commands.append(command)
    expect(kind, count: 1)
  }

  /// Adds a `SET` whose value lies in a buffer.
  public mutating func askPut(_ key: Key, value bytes: [UInt8], in range: Range<Int>) {
    commands.appendPut(key, value: bytes, in: range)
    expect(.ok, count: 1)
  }

  /// Makes the responses to the last `count` commands the answer to one of the client's commands.
  public mutating func expect(_ kind: RespAnswer.Kind, count: Int) {
    answers.append(RespAnswer(kind, count: count, version))
  }

  /// Makes the bytes written to `local` since it held `count` bytes the reply to one command.
  public mutating func closeLocal(since count: Int) {
    let written = local.count - count
    if written > 0 { answers.append(RespAnswer(.local, count: written, version)) }
  }

  /// The command for the store.
  public var request: KeyValueCommand {
    if conditionCount != nil { return .transaction(commands.sequence) }
    if commands.count == 1, let only = commands.first { return only }
    return .sequence(commands.sequence)
  }

  /// Larger buffers than these are freed after use.
  private static var keptCount: Int { 256 }
  private static var keptByteCount: Int { 64 << 10 }

  public mutating func removeAll() {
    commands.removeAll(keeping: RespChunk.keptByteCount)
    answers.removeAll(keepingCapacity: answers.count <= RespChunk.keptCount)
    if local.storage.count <= RespChunk.keptByteCount {
      local.removeAll()
    } else {
      local = WireWriter()
    }
    localPosition = 0
    conditionCount = nil
  }

  /// Writes the replies that the store's responses allow, in order, and removes them. The remaining
  /// commands came after the point at which a sequence stopped for lack of space, and must be asked
  /// again.
  public mutating func answer(_ response: KeyValueResponse, into output: inout WireWriter) {
    // The whole chunk took effect, so none of its commands may be sent to the store again.
    if case .refused(.notKept) = response {
      return fail(KeyValueResponse.Refusal.notKept.respText, into: &output)
    }
    if let conditionCount {
      answerTransaction(response, conditionCount, into: &output)
      return removeAll()
    }
    let responses: [KeyValueResponse]
    if commands.count != 1, case .sequence(let several) = response {
      responses = several
    } else {
      responses = [response]
    }
    var used = 0
    var answered = 0
    for answer in answers {
      if answer.kind == .local {
        copyLocal(answer.count, into: &output)
      } else if used + answer.count <= responses.count {
        write(answer, responses, from: used, into: &output)
        used += answer.count
      } else if used == 0 {
        // The answer to this command is too long even by itself.
        RespReply.error(KeyValueResponse.Refusal.answerTooLong.respText, into: &output)
        if answer.kind == .watch { watchHasFailed = true }
        used += answer.count
      } else {
        break
      }
      answered += 1
    }
    guard answered < answers.count else { return removeAll() }
    commands.removeFirst(used)
    answers.removeFirst(answered)
  }

  private mutating func answerTransaction(
    _ response: KeyValueResponse, _ conditionCount: Int, into output: inout WireWriter
  ) {
    guard case .sequence(let responses) = response, responses.count == commands.count else {
      guard case .refused(let refusal) = response else {
        return RespChunk.mismatch(into: &output)
      }
      return RespReply.error(
        "EXECABORT Transaction discarded: " + refusal.respText.dropFirst(4), into: &output)
    }
    guard !responses[..<conditionCount].contains(.number(0)) else {
      return RespReply.nullArray(transactionVersion, into: &output)
    }
    RespReply.array(count: answers.count, into: &output)
    var used = conditionCount
    for answer in answers {
      if answer.kind == .local {
        copyLocal(answer.count, into: &output)
      } else {
        write(answer, responses, from: used, into: &output)
        used += answer.count
      }
    }
  }

  /// Answers every command that waits for the store with an error.
  public mutating func fail(_ text: String, into output: inout WireWriter) {
    guard conditionCount == nil else {
      RespReply.error(text, into: &output)
      return removeAll()
    }
    if answers.contains(where: { $0.kind == .watch }) { watchHasFailed = true }
    for answer in answers {
      if answer.kind == .local {
        copyLocal(answer.count, into: &output)
      } else {
        RespReply.error(text, into: &output)
      }
    }
    removeAll()
  }

  private mutating func copyLocal(_ count: Int, into output: inout WireWriter) {
    output.write(local.storage, in: localPosition..<localPosition + count)
    localPosition += count
  }

  private mutating func write(
    _ answer: RespAnswer, _ responses: [KeyValueResponse], from first: Int,
    into output: inout WireWriter
  ) {
    func mismatch(into output: inout WireWriter) { RespChunk.mismatch(into: &output) }
    let own = first..<first + answer.count
    switch answer.kind {
    case .ok:
      for position in own {
        guard case .done = responses[position] else { return mismatch(into: &output) }
      }
      RespReply.ok(into: &output)
    case .value:
      if case .refused(let refusal) = responses[first] {
        return RespReply.error(refusal.respText, into: &output)
      }
      guard case .value(let value) = responses[first] else { return mismatch(into: &output) }
      RespChunk.write(value, answer.version, into: &output)
    case .values:
      for position in own {
        guard case .value = responses[position] else { return mismatch(into: &output) }
      }
      RespReply.array(count: answer.count, into: &output)
      for position in own {
        if case .value(let value) = responses[position] {
          RespChunk.write(value, answer.version, into: &output)
        }
      }
    case .sum:
      var sum: Int64 = 0
      for position in own {
        switch responses[position] {
        case .number(let number): sum &+= number
        case .refused(let refusal): return RespReply.error(refusal.respText, into: &output)
        default: return mismatch(into: &output)
        }
      }
      RespReply.integer(sum, into: &output)
    case .okOrNull:
      guard case .number(let number) = responses[first] else { return mismatch(into: &output) }
      if number == 1 {
        RespReply.ok(into: &output)
      } else {
        RespReply.null(answer.version, into: &output)
      }
    case .type:
      guard case .number(let number) = responses[first] else { return mismatch(into: &output) }
      RespReply.status(number == 1 ? "string" : "none", into: &output)
    case .timeToLive:
      guard case .number(let number) = responses[first] else { return mismatch(into: &output) }
      RespReply.integer(number == 1 ? -1 : -2, into: &output)
    case .allOrNone:
      RespReply.integer(responses[own.upperBound - 1] == .done ? 1 : 0, into: &output)
    case .page, .keys:
      guard case .page(let next, let keys) = responses[first] else {
        return mismatch(into: &output)
      }
      if answer.kind == .page {
        RespReply.array(count: 2, into: &output)
        RespReply.bulk("\(next)", into: &output)
      } else if next != 0 {
        return RespReply.error(KeyValueResponse.Refusal.answerTooLong.respText, into: &output)
      }
      RespReply.array(count: keys.count, into: &output)
      for key in keys { RespReply.bulk(key, into: &output) }
    case .watch: watch(responses[own], into: &output)
    case .local: break
    }
  }

  private mutating func watch(
    _ responses: ArraySlice<KeyValueResponse>, into output: inout WireWriter
  ) {
    let values = responses.map { response -> [UInt8]? in
      if case .value(let value) = response { value } else { nil }
    }
    guard values.reduce(0, { $0 + ($1?.count ?? 0) }) <= watchRoom else {
      watchHasFailed = true
      return RespReply.error("ERR the watched values are too long", into: &output)
    }
    watched = values
    RespReply.ok(into: &output)
  }

  private static func write(
    _ value: [UInt8]?, _ version: RespVersion, into output: inout WireWriter
  ) {
    if let value {
      RespReply.bulk(value, into: &output)
    } else {
      RespReply.null(version, into: &output)
    }
  }

  private static func mismatch(into output: inout WireWriter) {
    RespReply.error("ERR the store gave an answer that does not fit the command", into: &output)
  }
}

extension KeyValueResponse.Refusal {
  /// The error text of Redis in this case.
  public var respText: String {
    switch self {
    case .notAnInteger: "ERR value is not an integer or out of range"
    case .overflow: "ERR increment or decrement would overflow"
    case .tooLong: "ERR string exceeds maximum allowed size"
    case .notADecimal: "ERR value is not a valid float"
    case .decimalTooLarge: "ERR increment would produce a number beyond 10^20"
    case .answerTooLong:
      "ERR the answer is longer than \(KeyValueStore.maximumAnswerByteCount) bytes"
    case .notKept:
      "ERR done before, and the answer, longer than \(KeyValueStore.longestKeptAnswer) bytes, is "
        + "not kept"
    }
  }
}
