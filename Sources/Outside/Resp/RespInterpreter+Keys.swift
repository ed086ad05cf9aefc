import StateMachines
import WireFormat

// Commands on parts of values and on all keys.

extension RespInterpreter {
  func range(_ command: RespArguments, into chunk: inout RespChunk) {
    guard let first = command.integer(2), let last = command.integer(3) else {
      return RespInterpreter.notAnInteger(into: &chunk.local)
    }
    chunk.ask(.range(command.key(1), first: first, last: last), .value)
  }

  func incrementByFloat(_ command: RespArguments, into chunk: inout RespChunk) {
    guard let amount = DecimalFraction(spelledBy: command.bytes, in: command.range(2)) else {
      return RespReply.error(
        KeyValueResponse.Refusal.notADecimal.respText, into: &chunk.local)
    }
    chunk.ask(.addDecimal(command.key(1), amount), .value)
  }

  /// `FLUSHALL [ASYNC|SYNC]`: both forms take effect at once.
  func flush(_ command: RespArguments, into chunk: inout RespChunk) {
    guard command.count == 1 || command.count == 2 && ["ASYNC", "SYNC"].contains(command.word(1))
    else { return RespInterpreter.syntaxError(into: &chunk.local) }
    chunk.ask(.clear, .ok)
  }

  /// `KEYS pattern`, and `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`.
  func walk(_ name: RespCommandName, _ command: RespArguments, into chunk: inout RespChunk) {
    guard name == .scan else {
      return walk(from: 0, count: .max, command.value(1), .keys, into: &chunk)
    }
    guard let cursor = command.cursor(1) else {
      return RespReply.error("ERR invalid cursor", into: &chunk.local)
    }
    var pattern = Array("*".utf8)
    var count: UInt32 = 10
    var hasStrings = true
    for position in stride(from: 2, to: command.count, by: 2) {
      guard position + 1 < command.count else {
        return RespInterpreter.syntaxError(into: &chunk.local)
      }
      switch command.word(position) {
      case "MATCH": pattern = command.value(position + 1)
      case "COUNT":
        guard let number = command.integer(position + 1) else {
          return RespInterpreter.notAnInteger(into: &chunk.local)
        }
        guard number > 0 else { return RespInterpreter.syntaxError(into: &chunk.local) }
        count = UInt32(clamping: number)
      case "TYPE": hasStrings = command.word(position + 1) == "STRING"
      default: return RespInterpreter.syntaxError(into: &chunk.local)
      }
    }
    guard hasStrings else {
      // All values are strings, so no key has another type.
      RespReply.array(count: 2, into: &chunk.local)
      RespReply.bulk("0", into: &chunk.local)
      return RespReply.array(count: 0, into: &chunk.local)
    }
    walk(from: cursor, count: count, pattern, .page, into: &chunk)
  }

  private func walk(
    from cursor: UInt64, count: UInt32, _ pattern: [UInt8], _ kind: RespAnswer.Kind,
    into chunk: inout RespChunk
  ) {
    guard pattern.count <= limits.maximumPatternByteCount else {
      return RespReply.error(
        "ERR a pattern of \(pattern.count) bytes, over the limit of "
          + "\(limits.maximumPatternByteCount)", into: &chunk.local)
    }
    chunk.ask(.scan(from: cursor, count: count, pattern: pattern), kind)
  }
}
