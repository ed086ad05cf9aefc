import Replication
import StateMachines
import WireFormat

/// Tells what a client's command means: which commands of the store, or which reply without it.
public struct RespInterpreter: Sendable {
  /// What a command asks beyond the chunk that it is added to.
  public enum Effect: Equatable, Sendable {
    case none
    /// The connection closes behind the answer.
    case quit
    /// The answer is a text that only the server knows.
    case info(sections: [String])
  }

  /// The connection's number, for `CLIENT ID`.
  public let connection: Int64
  public let limits: RespLimits
  /// What the client calls itself.
  public var name: [UInt8] = []

  public init(connection: Int64, limits: RespLimits) {
    self.connection = connection
    self.limits = limits
  }

  /// Adds a command to the chunk: what it asks of the store, or else its reply.
  public mutating func interpret(
    _ command: RespArguments, into chunk: inout RespChunk
  ) -> Effect {
    guard let name = RespCommandName.named(command.bytes, in: command.range(0)) else {
      // A browser that was lured here: what it sends on may be commands of whoever lured it.
      if ["POST", "HOST:"].contains(command.word(0)) { return .quit }
      unknown(command, into: &chunk.local)
      return .none
    }
    guard name.arity.contains(command.count) else {
      RespInterpreter.wrongArity(name.rawValue, into: &chunk.local)
      return .none
    }
    switch name {
    case .get: chunk.ask(.get(command.key(1)), .value)
    case .set: set(command, into: &chunk)
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
    case .mget, .mset, .del, .exists: several(name, command, into: &chunk)
    case .quit:
      RespReply.ok(into: &chunk.local)
      return .quit
    case .info:
      return .info(sections: (1..<command.count).map(command.text))
    default: converse(name, command, &chunk.version, into: &chunk.local)
    }
    return .none
  }

  private func set(_ command: RespArguments, into chunk: inout RespChunk) {
    let key = command.key(1)
    guard command.count > 3 else {
      return chunk.askPut(key, value: command.bytes, in: command.range(2))
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
        return RespReply.error(
          "ERR expiry is not supported: SET takes NX, XX and GET", into: &chunk.local)
      default: return RespReply.error("ERR syntax error", into: &chunk.local)
      }
    }
    let value = command.value(2)
    let put: KeyValueCommand =
      switch condition {
      case "NX": .putIfAbsent(key, value: value)
      case "XX": .putIfPresent(key, value: value)
      default: .put(key, value: value)
      }
    guard wantsOld else { return chunk.ask(put, condition == nil ? .ok : .okOrNull) }
    chunk.commands.append(.get(key))
    chunk.commands.append(put)
    chunk.expect(.value, count: 2)
  }

  private func increment(_ command: RespArguments, isDown: Bool, into chunk: inout RespChunk) {
    guard let amount = DecimalInteger.parse(command.bytes, in: command.range(2)) else {
      return RespReply.error(
        KeyValueResponse.Refusal.notAnInteger.respText, into: &chunk.local)
    }
    guard !isDown || amount != .min else {
      return RespReply.error("ERR decrement would overflow", into: &chunk.local)
    }
    chunk.ask(.increment(command.key(1), by: isDown ? -amount : amount), .sum)
  }

  /// Commands of many keys: each key is one command of the store, and all are one of the client.
  private func several(
    _ name: RespCommandName, _ command: RespArguments, into chunk: inout RespChunk
  ) {
    let step = name == .mset ? 2 : 1
    guard (command.count - 1) % step == 0 else {
      return RespInterpreter.wrongArity(name.rawValue, into: &chunk.local)
    }
    let count = (command.count - 1) / step
    guard count <= limits.maximumKeyCount else {
      return RespReply.error(
        "ERR \(count) keys in one command, over the limit of \(limits.maximumKeyCount)",
        into: &chunk.local)
    }
    for position in stride(from: 1, to: command.count, by: step) {
      let key = command.key(position)
      switch name {
      case .mget: chunk.commands.append(.get(key))
      case .mset:
        chunk.commands.appendPut(key, value: command.bytes, in: command.range(position + 1))
      case .del: chunk.commands.append(.delete(key))
      default: chunk.commands.append(.exists(key))
      }
    }
    let kind: RespAnswer.Kind = name == .mget ? .values : name == .mset ? .ok : .sum
    chunk.expect(kind, count: count)
  }

  static func wrongArity(_ name: String, into output: inout WireWriter) {
    RespReply.error("ERR wrong number of arguments for '\(name)' command", into: &output)
  }
}

/// The arguments of one command, in the buffer they arrived in.
public struct RespArguments: Sendable {
  public let bytes: [UInt8]
  /// Where the command begins in `bytes`.
  public let start: Int
  public let slices: [RespParser.Argument]

  public init(bytes: [UInt8], start: Int, slices: [RespParser.Argument]) {
    self.bytes = bytes
    self.start = start
    self.slices = slices
  }

  /// How many there are, the command's name among them.
  public var count: Int { slices.count }

  public func range(_ position: Int) -> Range<Int> {
    let slice = slices[position]
    let first = start + Int(slice.start)
    return first..<first + Int(slice.count)
  }

  public func key(_ position: Int) -> Key { Key(bytes, in: range(position)) }
  public func value(_ position: Int) -> [UInt8] { Array(bytes[range(position)]) }

  /// As errors repeat it: up to the first zero byte, as Redis does.
  public func quoted(_ position: Int) -> ArraySlice<UInt8> {
    bytes[range(position)].prefix { $0 != 0 }
  }

  /// What is no UTF-8 in it is replaced.
  public func text(_ position: Int) -> String {
    String(decoding: bytes[range(position)], as: UTF8.self)
  }

  /// In capitals. Empty for words longer than those that mean something.
  public func word(_ position: Int) -> String {
    let range = range(position)
    return range.count <= 16 ? String(decoding: bytes[range], as: UTF8.self).uppercased() : ""
  }
}
