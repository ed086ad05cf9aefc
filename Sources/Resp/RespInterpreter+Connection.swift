import Replication
import StateMachines

// Commands about the connection and the server, which need no store.

extension RespInterpreter {
  mutating func converse(
    _ name: RespCommandName, _ command: RespArguments, into output: inout WireWriter
  ) {
    switch name {
    case .ping:
      if command.count == 1 {
        RespReply.status("PONG", into: &output)
      } else {
        RespReply.bulk(command.value(1), into: &output)
      }
    case .echo: RespReply.bulk(command.value(1), into: &output)
    case .select: select(command, into: &output)
    case .hello: hello(command, into: &output)
    case .client: client(command, into: &output)
    case .command: commands(command, into: &output)
    case .config:
      if command.word(1) == "GET" {
        // Nothing can be configured through this protocol.
        RespReply.array(count: 0, into: &output)
      } else {
        unknownSubcommand("CONFIG", command, into: &output)
      }
    case .auth:
      RespReply.error(
        "ERR AUTH <password> called without any password configured for the default user. "
          + "Are you sure your configuration is correct?", into: &output)
    default: RespReply.error("ERR '\(name.rawValue)' is not supported", into: &output)
    }
  }

  private func select(_ command: RespArguments, into output: inout WireWriter) {
    switch DecimalInteger.parse(command.bytes, in: command.range(1)) {
    case 0?: RespReply.ok(into: &output)
    case nil:
      RespReply.error(KeyValueResponse.Refusal.notAnInteger.respText, into: &output)
    default:
      RespReply.error("ERR DB index is out of range: the only database is 0", into: &output)
    }
  }

  /// `HELLO [2 [AUTH user password] [SETNAME name]]`.
  private mutating func hello(_ command: RespArguments, into output: inout WireWriter) {
    var newName: [UInt8]?
    if command.count > 1 {
      guard let version = DecimalInteger.parse(command.bytes, in: command.range(1)) else {
        return RespReply.error(
          "ERR Protocol version is not an integer or out of range", into: &output)
      }
      guard version == 2 else {
        return RespReply.error("NOPROTO unsupported protocol version", into: &output)
      }
      var position = 2
      while position < command.count {
        guard command.word(position) == "SETNAME", position + 1 < command.count else {
          return RespReply.error(
            "ERR Syntax error in HELLO option '\(command.text(position))'", into: &output)
        }
        newName = command.value(position + 1)
        position += 2
      }
    }
    if let newName {
      guard RespInterpreter.isName(newName) else {
        return RespInterpreter.badName(into: &output)
      }
      name = newName
    }
    RespReply.array(count: 14, into: &output)
    for (field, value) in [("server", "rsmbench"), ("version", "1.0.0")] {
      RespReply.bulk(field, into: &output)
      RespReply.bulk(value, into: &output)
    }
    for (field, value) in [("proto", 2), ("id", connection)] as [(String, Int64)] {
      RespReply.bulk(field, into: &output)
      RespReply.integer(value, into: &output)
    }
    for (field, value) in [("mode", "standalone"), ("role", "master")] {
      RespReply.bulk(field, into: &output)
      RespReply.bulk(value, into: &output)
    }
    RespReply.bulk("modules", into: &output)
    RespReply.array(count: 0, into: &output)
  }

  private mutating func client(_ command: RespArguments, into output: inout WireWriter) {
    let arities = ["ID": 2, "GETNAME": 2, "SETNAME": 3, "SETINFO": 4]
    let subcommand = command.word(1)
    guard let arity = arities[subcommand] else {
      return unknownSubcommand("CLIENT", command, into: &output)
    }
    guard command.count == arity else {
      return RespInterpreter.wrongArity("client|\(subcommand.lowercased())", into: &output)
    }
    switch subcommand {
    case "ID": RespReply.integer(connection, into: &output)
    case "GETNAME":
      if name.isEmpty { RespReply.null(into: &output) } else { RespReply.bulk(name, into: &output) }
    case "SETNAME":
      let newName = command.value(2)
      guard RespInterpreter.isName(newName) else {
        return RespInterpreter.badName(into: &output)
      }
      name = newName
      RespReply.ok(into: &output)
    default:
      // Libraries tell their name and version unasked; nothing here depends on them.
      RespReply.ok(into: &output)
    }
  }

  /// Clients ask for descriptions of the commands in order to help at the prompt. There are none.
  private func commands(_ command: RespArguments, into output: inout WireWriter) {
    switch command.count == 1 ? "" : command.word(1) {
    case "COUNT": RespReply.integer(Int64(RespCommandName.allCases.count), into: &output)
    case "DOCS", "INFO", "LIST": RespReply.array(count: 0, into: &output)
    case "" where command.count == 1: RespReply.array(count: 0, into: &output)
    default: unknownSubcommand("COMMAND", command, into: &output)
    }
  }

  /// Printable and without blanks, as Redis wants it.
  private static func isName(_ bytes: [UInt8]) -> Bool {
    bytes.allSatisfy { (33...126).contains($0) }
  }

  private static func badName(into output: inout WireWriter) {
    RespReply.error(
      "ERR Client names cannot contain spaces, newlines or special characters.", into: &output)
  }

  /// Texts from the client that are repeated in errors are cut to this many bytes.
  private static let quotedByteCount = 128

  func unknown(_ command: RespArguments, into output: inout WireWriter) {
    let limit = RespInterpreter.quotedByteCount
    var text = Array("ERR unknown command '".utf8)
    text += command.bytes[command.range(0)].prefix(limit)
    text += Array("', with args beginning with: ".utf8)
    var room = limit
    for position in 1..<max(command.count, 1) where room > 0 {
      let quoted = command.bytes[command.range(position)].prefix(room)
      text += [UInt8(ascii: "'")] + quoted + Array("' ".utf8)
      room -= quoted.count + 3
    }
    RespReply.error(text, into: &output)
  }

  private func unknownSubcommand(
    _ name: String, _ command: RespArguments, into output: inout WireWriter
  ) {
    let quoted = command.bytes[command.range(1)].prefix(RespInterpreter.quotedByteCount)
    let text = "ERR \(name) '\(String(decoding: quoted, as: UTF8.self))' is not supported"
    RespReply.error(text, into: &output)
  }
}
