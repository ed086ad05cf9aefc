import Replication
import StateMachines
import WireFormat

/// Translates a client's command into commands of the store, or into a reply without the store.
public struct RespInterpreter: Sendable {
  /// The effect of a command beyond the chunk that it is added to.
  public enum Effect: Equatable, Sendable {
    case none
    /// The connection closes after the answer.
    case quit
    /// Only the server can answer the command.
    case ask(RespQuestion)
    /// The command begins, ends, guards or resets a transaction.
    case transaction(RespCommandName)
    /// The command was refused, although Redis accepts it.
    case unsupported
  }

  /// The connection's number, for `CLIENT ID`.
  public let connection: Int64
  public let limits: RespLimits
  /// Names and values that `CONFIG GET` returns.
  public let settings: [(name: String, value: String)]
  /// The client's name for itself.
  public var name: [UInt8] = []
  /// Commands that may need memory are refused, as by a Redis beyond its `maxmemory`.
  public var isOutOfMemory = false
  /// The command waits for the end of a transaction, which may need any amount of memory.
  public var isQueueing = false

  public init(connection: Int64, limits: RespLimits, settings: [(name: String, value: String)]) {
    self.connection = connection
    self.limits = limits
    self.settings = settings
  }

  /// Adds a command to the chunk: its commands of the store, or else its reply.
  public mutating func interpret(
    _ command: RespArguments, into chunk: inout RespChunk
  ) -> Effect {
    guard let name = RespCommandName.named(command.bytes, in: command.range(0)) else {
      // An attacker may have lured a browser into sending this, and the bytes that follow may be
      // commands.
      if ["POST", "HOST:"].contains(command.word(0)) { return .quit }
      unknown(command, into: &chunk.local)
      return .unsupported
    }
    guard name.arity.contains(command.count) else {
      if name == .exec {
        RespReply.error(
          "EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command",
          into: &chunk.local)
      } else {
        RespInterpreter.wrongArity(name.rawValue, into: &chunk.local)
      }
      return .unsupported
    }
    guard !isOutOfMemory || !(name.needsMemory || isQueueing && name.isQueued) else {
      RespReply.error(
        "OOM command not allowed when used memory > 'maxmemory'.", into: &chunk.local)
      return .unsupported
    }
    if refusesSubcommand(of: name, command, into: &chunk.local) { return .unsupported }
    switch name {
    case .get: chunk.ask(.get(command.key(1)), .value)
    case .set: return set(command, into: &chunk)
    case .setnx: chunk.ask(.putIfAbsent(command.key(1), value: command.value(2)), .sum)
    case .append: chunk.ask(.append(command.key(1), value: command.value(2)), .sum)
    case .strlen: chunk.ask(.length(command.key(1)), .sum)
    case .incr: chunk.ask(.increment(command.key(1), by: 1), .sum)
    case .decr: chunk.ask(.increment(command.key(1), by: -1), .sum)
    case .incrby, .decrby: increment(command, isDown: name == .decrby, into: &chunk)
    case .getset:
      chunk.commands.append(.get(command.key(1)))
      chunk.commands.append(.put(command.key(1), value: command.value(2)))
      chunk.expect(.value, count: 2)
    case .getdel:
      chunk.commands.append(.get(command.key(1)))
      chunk.commands.append(.delete(command.key(1)))
      chunk.expect(.value, count: 2)
    case .mget, .mset, .msetnx, .del, .unlink, .exists, .touch:
      several(name, command, into: &chunk)
    case .type: chunk.ask(.exists(command.key(1)), .type)
    case .ttl, .pttl, .expiretime, .pexpiretime: chunk.ask(.exists(command.key(1)), .timeToLive)
    case .getrange, .substr: range(command, into: &chunk)
    case .incrbyfloat: incrementByFloat(command, into: &chunk)
    case .dbsize: chunk.ask(.count, .sum)
    case .flushall, .flushdb: flush(command, into: &chunk)
    case .keys, .scan: walk(name, command, into: &chunk)
    case .multi, .exec, .discard, .watch, .unwatch, .reset: return .transaction(name)
    case .quit:
      RespReply.ok(into: &chunk.local)
      return .quit
    case .info: return .ask(.info(sections: (1..<command.count).map(command.text)))
    case .time: return .ask(.time)
    case .wait: return wait(command, into: &chunk.local)
    case .client where ["INFO", "LIST"].contains(command.word(1)):
      return clients(command, into: &chunk.local)
    default: converse(name, command, &chunk.version, into: &chunk.local)
    }
    return .none
  }

  private func set(_ command: RespArguments, into chunk: inout RespChunk) -> Effect {
    let key = command.key(1)
    guard command.count > 3 else {
      chunk.askPut(key, value: command.bytes, in: command.range(2))
      return .none
    }
    var condition: String?
    var wantsOld = false
    for position in 3..<command.count {
      switch command.word(position) {
      case "NX" where condition != "XX": condition = "NX"
      case "XX" where condition != "NX": condition = "XX"
      case "GET": wantsOld = true
      case "KEEPTTL": break
      case "EX", "PX", "EXAT", "PXAT":
        RespReply.error(
          "ERR expiry is not supported: SET takes NX, XX and GET", into: &chunk.local)
        return .unsupported
      default:
        RespInterpreter.syntaxError(into: &chunk.local)
        return .none
      }
    }
    let value = command.value(2)
    let put: KeyValueCommand =
      switch condition {
      case "NX": .putIfAbsent(key, value: value)
      case "XX": .putIfPresent(key, value: value)
      default: .put(key, value: value)
      }
    guard wantsOld else {
      chunk.ask(put, condition == nil ? .ok : .okOrNull)
      return .none
    }
    chunk.commands.append(.get(key))
    chunk.commands.append(put)
    chunk.expect(.value, count: 2)
    return .none
  }

  private func increment(_ command: RespArguments, isDown: Bool, into chunk: inout RespChunk) {
    guard let amount = command.integer(2) else {
      return RespInterpreter.notAnInteger(into: &chunk.local)
    }
    guard !isDown || amount != .min else {
      return RespReply.error("ERR decrement would overflow", into: &chunk.local)
    }
    chunk.ask(.increment(command.key(1), by: isDown ? -amount : amount), .sum)
  }

  /// Commands of many keys: each key becomes one command of the store, with one answer for all.
  private func several(
    _ name: RespCommandName, _ command: RespArguments, into chunk: inout RespChunk
  ) {
    let step = name == .mset || name == .msetnx ? 2 : 1
    guard (command.count - 1) % step == 0 else {
      return RespInterpreter.wrongArity(name.rawValue, into: &chunk.local)
    }
    let count = (command.count - 1) / step
    guard count <= limits.maximumKeyCount else {
      return RespReply.error(
        "ERR \(count) keys in one command, over the limit of \(limits.maximumKeyCount)",
        into: &chunk.local)
    }
    if name == .msetnx {
      for index in 0..<count {
        chunk.commands.append(
          .require(
            command.key(1 + 2 * index), value: nil, orSkip: UInt32(2 * count - index - 1)))
      }
    }
    for position in stride(from: 1, to: command.count, by: step) {
      let key = command.key(position)
      switch name {
      case .mget: chunk.commands.append(.get(key))
      case .mset, .msetnx:
        chunk.commands.appendPut(key, value: command.bytes, in: command.range(position + 1))
      case .del, .unlink: chunk.commands.append(.delete(key))
      default: chunk.commands.append(.exists(key))
      }
    }
    switch name {
    case .mget: chunk.expect(.values, count: count)
    case .mset: chunk.expect(.ok, count: count)
    case .msetnx: chunk.expect(.allOrNone, count: 2 * count)
    default: chunk.expect(.sum, count: count)
    }
  }

  static func notAnInteger(into output: inout WireWriter) {
    RespReply.error(KeyValueResponse.Refusal.notAnInteger.respText, into: &output)
  }

  static func syntaxError(into output: inout WireWriter) {
    RespReply.error("ERR syntax error", into: &output)
  }

  static func wrongArity(_ name: String, into output: inout WireWriter) {
    RespReply.error("ERR wrong number of arguments for '\(name)' command", into: &output)
  }
}
