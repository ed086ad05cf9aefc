import WireFormat

/// A client's question that only the server can answer.
public enum RespQuestion: Equatable, Sendable {
  /// A text about the server: the named sections, or all if no name is given.
  case info(sections: [String])
  /// The time of day.
  case time
  /// Number of replicas besides the leader that have all acknowledged commands.
  case replicas
  /// The connected clients.
  case clients(Clients)

  public enum Clients: Equatable, Sendable {
    case own, all
    case numbered([Int64])
  }
}

/// The server's answer.
public enum RespFact: Equatable, Sendable {
  case prose(String)
  case number(Int64)
  case words([String])

  func write(_ version: RespVersion, into output: inout WireWriter) {
    switch self {
    case .prose(let text): RespReply.prose(text, version, into: &output)
    case .number(let number): RespReply.integer(number, into: &output)
    case .words(let words):
      RespReply.array(count: words.count, into: &output)
      for word in words { RespReply.bulk(word, into: &output) }
    }
  }
}

extension RespInterpreter {
  /// `WAIT replicas timeout`. Acknowledged commands are replicated already, so the reply comes at
  /// once.
  func wait(_ command: RespArguments, into output: inout WireWriter) -> Effect {
    guard command.integer(1) != nil else {
      RespInterpreter.notAnInteger(into: &output)
      return .none
    }
    guard let timeout = command.integer(2) else {
      RespReply.error("ERR timeout is not an integer or out of range", into: &output)
      return .none
    }
    guard timeout >= 0 else {
      RespReply.error("ERR timeout is negative", into: &output)
      return .none
    }
    return .ask(.replicas)
  }

  /// `CLIENT INFO`, and `CLIENT LIST [TYPE normal] [ID id …]`.
  func clients(_ command: RespArguments, into output: inout WireWriter) -> Effect {
    guard command.word(1) == "LIST" else { return .ask(.clients(.own)) }
    switch command.count == 2 ? "" : command.word(2) {
    case "" where command.count == 2: return .ask(.clients(.all))
    case "TYPE" where command.count == 4:
      switch command.word(3) {
      case "NORMAL": return .ask(.clients(.all))
      case "MASTER", "REPLICA", "SLAVE", "PUBSUB": return .ask(.clients(.numbered([])))
      default:
        RespReply.error(
          Array("ERR Unknown client type '".utf8) + command.quoted(3).prefix(128)
            + Array("'".utf8), into: &output)
      }
    case "ID" where command.count > 3:
      let numbers = (3..<command.count).compactMap { command.integer($0) }
      guard numbers.count == command.count - 3 else {
        RespReply.error("ERR Invalid client ID", into: &output)
        return .none
      }
      return .ask(.clients(.numbered(numbers)))
    default: RespInterpreter.syntaxError(into: &output)
    }
    return .none
  }
}
