import WireFormat

// Subcommands are looked up like commands: before a command is carried out, and also before it is
// kept for a transaction, which a refused one ends.

extension RespCommandName {
  /// The subcommands, and how many arguments they take, the two names included; `nil` for a command
  /// without subcommands.
  var subcommands: [(name: String, arity: ClosedRange<Int>)]? {
    switch self {
    case .client:
      [
        ("ID", 2...2), ("INFO", 2...2), ("LIST", 2...(.max)), ("GETNAME", 2...2),
        ("SETNAME", 3...3), ("SETINFO", 4...4), ("NO-EVICT", 3...3),
      ]
    case .command:
      [("COUNT", 2...2), ("DOCS", 2...(.max)), ("INFO", 2...(.max)), ("LIST", 2...(.max))]
    case .config: [("GET", 3...(.max))]
    default: nil
    }
  }
}

extension RespInterpreter {
  /// Refuses a subcommand that is not known, or that has too few or too many arguments.
  /// - Returns: whether it was refused.
  func refusesSubcommand(
    of name: RespCommandName, _ command: RespArguments, into output: inout WireWriter
  ) -> Bool {
    guard command.count > 1, let subcommands = name.subcommands else { return false }
    let word = command.word(1)
    guard let known = subcommands.first(where: { $0.name == word }) else {
      let quoted = command.bytes[command.range(1)].prefix(RespInterpreter.quotedByteCount)
      let names = subcommands.map(\.name).joined(separator: ", ")
      RespReply.error(
        Array("ERR unknown subcommand '".utf8) + quoted
          + Array("'. \(name.rawValue.uppercased()) takes \(names)".utf8), into: &output)
      return true
    }
    guard known.arity.contains(command.count) else {
      RespInterpreter.wrongArity("\(name.rawValue)|\(word.lowercased())", into: &output)
      return true
    }
    return false
  }
}
