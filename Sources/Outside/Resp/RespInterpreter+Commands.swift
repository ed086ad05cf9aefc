import WireFormat

// COMMAND: clients ask for the list of commands, and for the positions of keys in them.

extension RespInterpreter {
  func commands(
    _ command: RespArguments, _ version: RespVersion, into output: inout WireWriter
  ) {
    let all = RespCommandName.allCases
    switch command.count == 1 ? "" : command.word(1) {
    case "COUNT":
      RespReply.integer(Int64(all.count), into: &output)
    // The texts for interactive help: there are none.
    case "DOCS": RespReply.map(count: 0, version, into: &output)
    case "LIST":
      guard command.count == 2 else { return RespInterpreter.syntaxError(into: &output) }
      RespReply.array(count: all.count, into: &output)
      for name in all { RespReply.bulk(name.rawValue, into: &output) }
    case "INFO" where command.count > 2:
      RespReply.array(count: command.count - 2, into: &output)
      for position in 2..<command.count {
        let name = RespCommandName.named(command.bytes, in: command.range(position))
        if let name {
          describe(name, version, into: &output)
        } else {
          RespReply.null(version, into: &output)
        }
      }
    default:
      RespReply.array(count: all.count, into: &output)
      for name in all { describe(name, version, into: &output) }
    }
  }

  private func describe(
    _ name: RespCommandName, _ version: RespVersion, into output: inout WireWriter
  ) {
    let facts = name.facts
    RespReply.array(count: 10, into: &output)
    RespReply.bulk(name.rawValue, into: &output)
    RespReply.integer(Int64(facts.arity), into: &output)
    words(facts.flags, version, into: &output)
    for number in [facts.keys.first, facts.keys.last, facts.keys.step] {
      RespReply.integer(Int64(number), into: &output)
    }
    words(facts.categories, version, into: &output)
    RespReply.set(count: facts.tips.count, version, into: &output)
    for tip in facts.tips { RespReply.bulk(tip, into: &output) }
    RespReply.set(count: facts.keyFlags.isEmpty ? 0 : 1, version, into: &output)
    if !facts.keyFlags.isEmpty { describeKeys(facts, version, into: &output) }
    RespReply.set(count: 0, version, into: &output)
  }

  /// Describes the positions of the keys: from the first to the last, in steps.
  private func describeKeys(
    _ facts: RespCommandFacts, _ version: RespVersion, into output: inout WireWriter
  ) {
    func spec(_ name: String, _ type: String, _ numbers: [(String, Int)]) {
      RespReply.bulk(name, into: &output)
      RespReply.map(count: 2, version, into: &output)
      RespReply.bulk("type", into: &output)
      RespReply.bulk(type, into: &output)
      RespReply.bulk("spec", into: &output)
      RespReply.map(count: numbers.count, version, into: &output)
      for (field, number) in numbers {
        RespReply.bulk(field, into: &output)
        RespReply.integer(Int64(number), into: &output)
      }
    }
    RespReply.map(count: 3, version, into: &output)
    RespReply.bulk("flags", into: &output)
    words(facts.keyFlags, version, into: &output)
    spec("begin_search", "index", [("index", facts.keys.first)])
    let last = facts.keys.last < 0 ? -1 : 0
    spec("find_keys", "range", [("lastkey", last), ("keystep", facts.keys.step), ("limit", 0)])
  }

  private func words(
    _ words: [String], _ version: RespVersion, into output: inout WireWriter
  ) {
    RespReply.set(count: words.count, version, into: &output)
    for word in words { RespReply.status(word, into: &output) }
  }
}
