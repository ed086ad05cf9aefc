import Replication
import StateMachines
import WireFormat

/// A session's request, whose answer it needs before it can continue.
public enum RespRequest: Equatable, Sendable {
  /// Answered with `complete(_:into:)`, or with `fail` if the outcome is unknown.
  case store(KeyValueCommand)
  /// Answered with `inform`.
  case question(RespQuestion)
}

/// The protocol of one connection of a Redis client, without I/O: bytes in, commands of the store
/// out, replies in order. Pure.
///
/// A server feeds the bytes it has read and calls `next` until it returns `nil`. Commands that a
/// client sends without waiting become one command of the store, so a pipeline costs one log entry.
/// At most one command is outstanding; bytes that arrive meanwhile wait. Such a chunk takes effect
/// at one moment; if it only reads it is read-only. A transaction is a chunk of its own, because it
/// has conditions.
///
/// Output is written into the server's buffer, whose size the session does not limit. A server
/// should therefore not feed the input of a client that does not read its replies.
public struct RespSession: Sendable {
  public enum Waiting: Equatable, Sendable {
    case nothing, store, question
  }

  public let limits: RespLimits
  public var parser: RespParser
  public var interpreter: RespInterpreter
  public var input = RespInput()
  public var chunk = RespChunk()
  public private(set) var waiting = Waiting.nothing
  /// Whether further input is discarded, because the client has quit or sent malformed bytes.
  public private(set) var isClosing = false
  /// The question that is asked once all earlier commands are answered.
  private var question: RespQuestion?
  public internal(set) var transaction = RespTransaction()
  /// Keys whose values are being read, to be watched from then on.
  var watching: [Key] = []
  /// Whether further commands wait for the answers to the gathered ones.
  var isHeld = false
  /// The length of a command that has been parsed, and waits for the answers to earlier ones.
  private var parsedByteCount: Int?
  /// Number of commands parsed so far.
  public private(set) var takenCount = 0

  /// - Parameters:
  ///   - connection: its number, which a client may ask for.
  ///   - settings: the names and values that `CONFIG GET` returns.
  public init(
    connection: Int64, limits: RespLimits = RespLimits(),
    settings: [(name: String, value: String)] = []
  ) {
    self.limits = limits
    parser = RespParser(limits: limits)
    interpreter = RespInterpreter(connection: connection, limits: limits, settings: settings)
  }

  /// The connection's number.
  public var number: Int64 { interpreter.connection }

  /// Whether the server should continue reading. Bytes that it feeds nevertheless are kept.
  public var wantsInput: Bool {
    !isClosing && (waiting == .nothing || input.count < limits.maximumWaitingByteCount)
  }

  /// Whether to close the connection as soon as the output has been sent.
  public var shouldClose: Bool { isClosing && isIdle }

  /// Whether all complete commands are answered, provided that `next` has returned `nil`.
  public var isIdle: Bool { waiting == .nothing && chunk.answers.isEmpty && question == nil }

  /// Takes received bytes. They are handled by `next`.
  public mutating func feed(_ bytes: [UInt8], in range: Range<Int>) {
    guard !isClosing else { return }
    input.append(bytes, in: range)
  }

  public mutating func feed(_ bytes: [UInt8]) { feed(bytes, in: 0..<bytes.count) }

  /// Answers commands that do not need the store, and finds the next request.
  /// - Returns: `nil` while a request is outstanding, and when more input is needed.
  public mutating func next(into output: inout WireWriter) -> RespRequest? {
    guard waiting == .nothing else { return nil }
    // The rest of a sequence that stopped goes first, then the question after it.
    if chunk.commands.isEmpty, question == nil { gather(into: &output) }
    if !chunk.commands.isEmpty {
      waiting = .store
      return .store(chunk.request)
    }
    flushLocal(into: &output)
    guard let asked = question else { return nil }
    question = nil
    waiting = .question
    return .question(asked)
  }

  /// Fills the chunk with the commands that have arrived.
  private mutating func gather(into output: inout WireWriter) {
    var taken = 0
    var takenByteCount = 0
    isHeld = false
    while !isClosing, question == nil, !isHeld {
      if !chunk.commands.isEmpty,
        taken >= limits.chunkCommandCount || takenByteCount >= limits.chunkByteCount
          || chunk.commands.count >= limits.chunkCommandCount
      {
        break
      }
      guard let length = parse() else { break }
      takenByteCount += length
      if !parser.arguments.isEmpty {
        taken += 1
        takenCount += 1
        guard interpret() else {
          parsedByteCount = length
          break
        }
      }
      input.consume(length)
      if chunk.commands.isEmpty { flushLocal(into: &output) }
    }
  }

  /// Writes replies made from the store's response.
  public mutating func complete(_ response: KeyValueResponse, into output: inout WireWriter) {
    guard waiting == .store else { return }
    waiting = .nothing
    chunk.watchRoom = limits.maximumWatchedByteCount - transaction.watchedByteCount
    chunk.answer(response, into: &output)
    endWatch()
  }

  /// Writes the server's answer to a question.
  public mutating func inform(_ fact: RespFact, into output: inout WireWriter) {
    guard waiting == .question else { return }
    waiting = .nothing
    fact.write(chunk.version, into: &output)
  }

  /// Answers all outstanding commands with an error. Commands that were sent to the store may have
  /// taken effect.
  /// - Parameter text: begins with the error's kind: `ERR outcome unknown: …`, `CLUSTERDOWN …`.
  public mutating func fail(_ text: String, into output: inout WireWriter) {
    switch waiting {
    case .nothing: return
    case .question: RespReply.error(text, into: &output)
    case .store: chunk.fail(text, into: &output)
    }
    waiting = .nothing
    endWatch()
  }

  /// Writes a last error and ends the session: input that has arrived and further input is
  /// discarded.
  public mutating func close(_ text: String, into output: inout WireWriter) {
    guard !isClosing else { return }
    fail(text, into: &output)
    if chunk.answers.isEmpty { RespReply.error(text, into: &output) } else { chunk.removeAll() }
    question = nil
    close()
  }

  /// Adopts the values that were read for `WATCH`, once they have been read.
  private mutating func endWatch() {
    if chunk.watchHasFailed { transaction.watchHasFailed = true }
    for (key, value) in zip(watching, chunk.watched) { transaction.watch(key, value) }
    if chunk.watchHasFailed || !chunk.watched.isEmpty { watching = [] }
    chunk.watchHasFailed = false
    chunk.watched = []
  }

  /// Finds the next command. Malformed bytes end the session.
  private mutating func parse() -> Int? {
    if let length = parsedByteCount {
      parsedByteCount = nil
      return length
    }
    do {
      return try parser.next(in: &input.bytes, from: input.start, to: input.end)
    } catch {
      let before = chunk.local.count
      RespReply.error("ERR " + error.text, into: &chunk.local)
      chunk.closeLocal(since: before)
      close()
      return nil
    }
  }

  /// - Returns: false if the command must wait for the answers to earlier ones.
  private mutating func interpret() -> Bool {
    let arguments = RespArguments(
      bytes: input.bytes, start: input.start, slices: parser.arguments)
    if transaction.isOpen { return queue(arguments) }
    let before = chunk.local.count
    let effect = interpreter.interpret(arguments, into: &chunk)
    if case .transaction(let name) = effect { control(name, arguments) }
    chunk.closeLocal(since: before)
    carryOut(effect)
    return true
  }

  private mutating func carryOut(_ effect: RespInterpreter.Effect) {
    switch effect {
    case .none, .transaction, .unsupported: break
    case .quit: close()
    case .ask(let asked): question = asked
    }
  }

  mutating func close() {
    isClosing = true
    input.removeAll()
  }

  /// Sends replies that do not have to wait for earlier ones.
  private mutating func flushLocal(into output: inout WireWriter) {
    guard chunk.local.count > 0 else { return }
    output.write(chunk.local.storage, in: 0..<chunk.local.count)
    chunk.removeAll()
  }
}
