import Replication
import StateMachines
import WireFormat

// `MULTI` keeps a client's commands until `EXEC`, which makes one request of them.

extension RespSession {
  /// Handles transaction commands outside of a transaction.
  mutating func control(_ name: RespCommandName, _ arguments: RespArguments) {
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
      // Later commands may depend on the values that are found.
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

  /// Handles a command within a transaction, where commands wait for `EXEC`. A command that could
  /// not be carried out makes `EXEC` fail without effect.
  /// - Returns: false if the command is `EXEC` and earlier answers must come first.
  mutating func queue(_ arguments: RespArguments) -> Bool {
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

  /// Makes one request of the transaction's commands, unless they do not need the store. All
  /// earlier commands are answered already.
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
}
