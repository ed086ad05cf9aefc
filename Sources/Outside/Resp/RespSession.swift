import Replication
import StateMachines
import WireFormat

/// What a session wants to know before it can go on answering.
public enum RespRequest: Equatable, Sendable {
  /// Answered through `complete(_:into:)`, or `fail` if the outcome is unknown.
  case store(KeyValueCommand)
  /// Answered through `inform`.
  case question(RespQuestion)
}

/// One connection of a Redis client, without the connection: bytes in, commands of the store out,
/// replies in order. Pure.
///
/// A server feeds what it has read and asks `next` until it says `nil`. Commands that a client
/// sends without waiting become one command of the store, so a pipeline costs one log entry; at
/// most one command is outstanding, and what arrives meanwhile waits. Such a chunk takes effect at
/// one moment; if it only reads it is read-only. A transaction is a chunk of its own, because it
/// has conditions.
///
/// Output is written into the server's buffer. A server should not feed a client that does not take
/// its replies: nothing here bounds that buffer.
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
  /// Nothing that is still to come is understood: the client said goodbye, or something unintelligible.
  public private(set) var isClosing = false
  /// What is asked once everything before is answered.
  private var question: RespQuestion?
  public private(set) var transaction = RespTransaction()
  /// Keys whose values are being read, to be watched from then on.
  private var watching: [Key] = []
  /// What follows waits for the answers to what is gathered.
  private var isHeld = false
  /// The length of a command that has been parsed, and waits for answers before it.
  private var parsedByteCount: Int?
  /// Commands that have been understood so far.
  public private(set) var takenCount = 0

  /// - Parameters:
  ///   - connection: its number, which a client may ask for.
  ///   - settings: what `CONFIG GET` tells.
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

  /// Whether the server should go on reading. What it feeds nevertheless is kept.
  public var wantsInput: Bool {
    !isClosing && (waiting == .nothing || input.count < limits.maximumWaitingByteCount)
  }

  /// Whether to close the connection as soon as the output has left.
  public var shouldClose: Bool { isClosing && isIdle }

  /// Whether everything is answered that was asked in whole, provided that `next` has said `nil`.
  public var isIdle: Bool { waiting == .nothing && chunk.answers.isEmpty && question == nil }

  /// Takes what has arrived. Answers wait for `next`.
  public mutating func feed(_ bytes: [UInt8], in range: Range<Int>) {
    guard !isClosing else { return }
    input.append(bytes, in: range)
  }

  public mutating func feed(_ bytes: [UInt8]) { feed(bytes, in: 0..<bytes.count) }

  /// Answers what needs no store, and finds what to ask next.
  /// - Returns: `nil` while a request is outstanding, and when more input is needed.
  public mutating func next(into output: inout WireWriter) -> RespRequest? {
    guard waiting == .nothing else { return nil }
    // What a sequence left undone goes first, then the question behind it.
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

  /// Fills the chunk with what has arrived.
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

  /// Answers by what the store has said.
  public mutating func complete(_ response: KeyValueResponse, into output: inout WireWriter) {
    guard waiting == .store else { return }
    waiting = .nothing
    chunk.watchRoom = limits.maximumWatchedByteCount - transaction.watchedByteCount
    chunk.answer(response, into: &output)
    endWatch()
  }

  /// Answers what only the server knows.
  public mutating func inform(_ fact: RespFact, into output: inout WireWriter) {
    guard waiting == .question else { return }
    waiting = .nothing
    fact.write(chunk.version, into: &output)
  }

  /// Answers everything outstanding by an error. What the store was asked may have taken effect.
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

  /// The last answer, and then the end: what has arrived and what is still to come is not
  /// understood.
  public mutating func close(_ text: String, into output: inout WireWriter) {
    guard !isClosing else { return }
    fail(text, into: &output)
    if chunk.answers.isEmpty { RespReply.error(text, into: &output) } else { chunk.removeAll() }
    question = nil
    close()
  }

  /// Takes over what was read for `WATCH`, if it has been read by now.
  private mutating func endWatch() {
    if chunk.watchHasFailed { transaction.watchHasFailed = true }
    for (key, value) in zip(watching, chunk.watched) { transaction.watch(key, value) }
    if chunk.watchHasFailed || !chunk.watched.isEmpty { watching = [] }
    chunk.watchHasFailed = false
    chunk.watched = []
  }

  /// Finds the next command; bytes that are none end the conversation.
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

  /// - Returns: false if the command has to wait for answers to those before it.
  private mutating func interpret() -> Bool {
    let arguments = RespArguments(
      bytes: input.bytes, start: input.start, slices: parser.arguments)
    if transaction.isOpen { return queue(arguments) }
    let before = chunk.local.count
    let effect = interpreter.interpret(arguments, into: &chunk)
    if case .transaction(let name) = effect { control(name, arguments) }
    chunk.closeLocal(since: before)
    obey(effect)
    return true
  }

  private mutating func obey(_ effect: RespInterpreter.Effect) {
    switch effect {
    case .none, .transaction, .unsupported: break
    case .quit: close()
    case .ask(let asked): question = asked
    }
  }

  /// What is said about transactions outside of one.
  private mutating func control(_ name: RespCommandName, _ arguments: RespArguments) {
    switch name {
    case .multi:
      transaction.open()
      RespReply.ok(into: &chunk.local)
    case .exec, .discard:
      RespReply.error("ERR \(name.rawValue.uppercased()) without MULTI", into: &chunk.local)
    case .unwatch:
      transaction.unwatch()
      RespReply.ok(into: &chunk.local)
    case .watch:
      watching = (1..<arguments.count).map(arguments.key)
      for key in watching { chunk.commands.append(.get(key)) }
      chunk.expect(.watch, count: watching.count)
      // What follows may depend on what is found.
      isHeld = true
    default: reset()
    }
  }

  private mutating func reset() {
    transaction = RespTransaction()
    interpreter.name = []
    chunk.version = .two
    RespReply.status("RESET", into: &chunk.local)
  }

  /// Within a transaction commands wait for its end. Those that could not be carried out end it
  /// without effect.
  /// - Returns: false if this is its end, and answers have to come before.
  private mutating func queue(_ arguments: RespArguments) -> Bool {
    let name = RespCommandName.named(arguments.bytes, in: arguments.range(0))
    if name == .exec, arguments.count == 1, !chunk.commands.isEmpty { return false }
    let before = chunk.local.count
    var probe = RespChunk()
    var probing = interpreter
    probing.isQueueing = true
    let effect = probing.interpret(arguments, into: &probe)
    switch effect {
    case .quit: chunk.local.write(probe.local.bytes())
    case .unsupported:
      if name == .exec { transaction.close() } else { transaction.isSpoilt = true }
      chunk.local.write(probe.local.bytes())
    case .ask:
      spoil("ERR '\(name?.rawValue ?? "")' is not supported inside MULTI")
    case .none: keep(arguments, storeCommands: probe.commands.count)
    case .transaction(.multi):
      RespReply.error("ERR MULTI calls can not be nested", into: &chunk.local)
    case .transaction(.watch):
      RespReply.error("ERR WATCH inside MULTI is not allowed", into: &chunk.local)
    case .transaction(.unwatch): keep(arguments, storeCommands: 0)
    case .transaction(.discard):
      transaction.close()
      RespReply.ok(into: &chunk.local)
    case .transaction(.exec):
      execute()
      return true
    case .transaction: reset()
    }
    chunk.closeLocal(since: before)
    if effect == .quit { close() }
    return true
  }

  private mutating func keep(_ arguments: RespArguments, storeCommands: Int) {
    guard
      transaction.keep(
        arguments, storeCommands: storeCommands, byteCount: limits.maximumTransactionByteCount,
        count: limits.maximumKeyCount)
    else { return spoil("ERR the transaction is too long") }
    RespReply.status("QUEUED", into: &chunk.local)
  }

  private mutating func spoil(_ text: String) {
    transaction.isSpoilt = true
    RespReply.error(text, into: &chunk.local)
  }

  /// Makes one request of the transaction's commands, unless they need no store. Nothing that is
  /// not answered yet stands before it.
  private mutating func execute() {
    let ended = transaction
    transaction.close()
    let version = chunk.version
    guard !ended.isSpoilt else {
      RespReply.error(
        "EXECABORT Transaction discarded because of previous errors.", into: &chunk.local)
      return chunk.closeLocal(since: 0)
    }
    guard !ended.watchHasFailed else {
      RespReply.nullArray(version, into: &chunk.local)
      return chunk.closeLocal(since: 0)
    }
    var body = RespChunk()
    body.version = version
    let conditions = ended.watched
    var rest = ended.storeCommandCount + conditions.count
    for (key, value) in conditions {
      rest -= 1
      body.commands.append(.require(key, value: value, orSkip: UInt32(rest)))
    }
    for command in ended.commands {
      let before = body.local.count
      let effect = interpreter.interpret(command, into: &body)
      if effect == .transaction(.unwatch) { RespReply.ok(into: &body.local) }
      body.closeLocal(since: before)
    }
    guard body.commands.isEmpty else {
      body.conditionCount = conditions.count
      body.transactionVersion = version
      chunk = body
      isHeld = true
      return
    }
    RespReply.array(count: body.answers.count, into: &chunk.local)
    chunk.local.write(body.local.bytes())
    chunk.version = body.version
    chunk.closeLocal(since: 0)
  }

  private mutating func close() {
    isClosing = true
    input.removeAll()
  }

  /// Sends replies that nothing stands before.
  private mutating func flushLocal(into output: inout WireWriter) {
    guard chunk.local.count > 0 else { return }
    output.write(chunk.local.storage, in: 0..<chunk.local.count)
    chunk.removeAll()
  }
}
