import Replication
import StateMachines
import WireFormat

// Commands about the connection and the server, which do not need the store.

extension RespInterpreter {
  mutating func converse(
    _ name: RespCommandName, _ command: RespArguments, _ version: inout RespVersion,
    into output: inout WireWriter
  ) {
    switch name {
    case .ping:
      if command.count == 1 {
        RespReply.status("PONG", into: &output)
      } else if command.count == 2 {
        RespReply.bulk(command.value(1), into: &output)
      } else {
        RespInterpreter.wrongArity("ping", into: &output)
      }
    case .echo: RespReply.bulk(command.value(1), into: &output)
    case .select: select(command, into: &output)
    case .hello: hello(command, &version, into: &output)
    case .client: client(command, version, into: &output)
    case .command: commands(command, version, into: &output)
    case .config:
      config(command, version, into: &output)
    case .persist: RespReply.integer(0, into: &output)
    case .role:
      RespReply.array(count: 3, into: &output)
      RespReply.bulk("master", into: &output)
      RespReply.integer(0, into: &output)
      RespReply.array(count: 0, into: &output)
    case .auth: authenticate(command, into: &output)
    default: RespReply.error("ERR '\(name.rawValue)' is not supported", into: &output)
    }
  }

  /// The settings that clients read before they begin. They cannot be changed by a command.
  private func config(
    _ command: RespArguments, _ version: RespVersion, into output: inout WireWriter
  ) {
    let wanted = (2..<command.count).map { Array(command.text($0).lowercased().utf8) }
    let found = settings.filter { setting in
      wanted.contains {
        $0.count <= limits.maximumPatternByteCount
          && GlobPattern.matches($0, Array(setting.name.utf8))
      }
    }
    RespReply.map(count: found.count, version, into: &output)
    for (field, value) in found {
      RespReply.bulk(field, into: &output)
      RespReply.bulk(value, into: &output)
    }
  }

  private func authenticate(_ command: RespArguments, into output: inout WireWriter) {
    guard command.count <= 3 else { return RespInterpreter.syntaxError(into: &output) }
    if command.count == 3 {
      if RespInterpreter.isUser(command.value(1), into: &output) { RespReply.ok(into: &output) }
    } else {
      RespReply.error(
        "ERR AUTH <password> called without any password configured for the default user. "
          + "Are you sure your configuration is correct?", into: &output)
    }
  }

  /// Accepts the only user, which has no password: any password will do, as in Redis.
  private static func isUser(_ name: [UInt8], into output: inout WireWriter) -> Bool {
    if name == Array("default".utf8) { return true }
    RespReply.error(
      "WRONGPASS invalid username-password pair or user is disabled.", into: &output)
    return false
  }

  private func select(_ command: RespArguments, into output: inout WireWriter) {
    switch command.integer(1) {
    case 0?: RespReply.ok(into: &output)
    case nil: RespInterpreter.notAnInteger(into: &output)
    default:
      RespReply.error("ERR DB index is out of range", into: &output)
    }
  }

  /// The Redis version whose replies these are; clients use it to see which commands they may use.
  public static let spokenVersion = "7.0.0"

  /// `HELLO [version [AUTH user password] [SETNAME name]]`.
  private mutating func hello(
    _ command: RespArguments, _ version: inout RespVersion, into output: inout WireWriter
  ) {
    var newName: [UInt8]?
    var newVersion = version
    if command.count > 1 {
      guard let number = DecimalInteger.parse(command.bytes, in: command.range(1)) else {
        return RespReply.error(
          "ERR Protocol version is not an integer or out of range", into: &output)
      }
      guard let known = RespVersion(rawValue: number) else {
        return RespReply.error("NOPROTO unsupported protocol version", into: &output)
      }
      newVersion = known
      var position = 2
      while position < command.count {
        let rest = command.count - position - 1
        switch command.word(position) {
        case "AUTH" where rest >= 2:
          guard RespInterpreter.isUser(command.value(position + 1), into: &output) else { return }
          position += 3
        case "SETNAME" where rest >= 1:
          newName = command.value(position + 1)
          position += 2
        default:
          let quoted = command.bytes[command.range(position)]
            .prefix(RespInterpreter.quotedByteCount)
          return RespReply.error(
            Array("ERR Syntax error in HELLO option '".utf8) + quoted + Array("'".utf8),
            into: &output)
        }
      }
    }
    if let newName {
      guard RespInterpreter.isName(newName) else {
        return RespInterpreter.badName(into: &output)
      }
      name = newName
    }
    version = newVersion
    RespReply.map(count: 7, version, into: &output)
    for (field, value) in [("server", "rsmbench"), ("version", RespInterpreter.spokenVersion)] {
      RespReply.bulk(field, into: &output)
      RespReply.bulk(value, into: &output)
    }
    for (field, value) in [("proto", version.rawValue), ("id", connection)] as [(String, Int64)] {
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

  private mutating func client(
    _ command: RespArguments, _ version: RespVersion, into output: inout WireWriter
  ) {
    switch command.word(1) {
    case "ID": RespReply.integer(connection, into: &output)
    case "GETNAME":
      if name.isEmpty {
        RespReply.null(version, into: &output)
      } else {
        RespReply.bulk(name, into: &output)
      }
    case "SETNAME":
      let newName = command.value(2)
      guard RespInterpreter.isName(newName) else {
        return RespInterpreter.badName(into: &output)
      }
      name = newName
      RespReply.ok(into: &output)
    case "NO-EVICT":
      // No client is ever closed to free memory, so the setting has no effect.
      guard ["ON", "OFF"].contains(command.word(2)) else {
        return RespInterpreter.syntaxError(into: &output)
      }
      RespReply.ok(into: &output)
    default:
      // Libraries send their name and version by themselves; the server does not use them.
      RespReply.ok(into: &output)
    }
  }

  /// Whether a name consists of printable characters without blanks, as Redis demands.
  private static func isName(_ bytes: [UInt8]) -> Bool {
    bytes.allSatisfy { (33...126).contains($0) }
  }

  private static func badName(into output: inout WireWriter) {
    RespReply.error(
      "ERR Client names cannot contain spaces, newlines or special characters.", into: &output)
  }

  /// Texts of the client that are repeated in errors are cut to this number of bytes.
  static let quotedByteCount = 128

  /// Why common commands of Redis are missing here, for the error message.
  private static let absences: [String: String] = {
    var absences: [String: String] = [:]
    for word in ["SETEX", "PSETEX", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "GETEX"] {
      absences[word] = "expiry is not supported"
    }
    return absences
  }()

  func unknown(_ command: RespArguments, into output: inout WireWriter) {
    if let reason = RespInterpreter.absences[command.word(0)] {
      return RespReply.error(
        "ERR unknown command '\(command.text(0))': \(reason)", into: &output)
    }
    let limit = RespInterpreter.quotedByteCount
    var text = Array("ERR unknown command '".utf8)
    text += command.quoted(0).prefix(limit)
    text += Array("', with args beginning with: ".utf8)
    var room = limit
    for position in 1..<max(command.count, 1) where room > 0 {
      let quoted = command.quoted(position).prefix(room)
      text += [UInt8(ascii: "'")] + quoted + Array("' ".utf8)
      room -= quoted.count + 3
    }
    RespReply.error(text, into: &output)
  }
}
