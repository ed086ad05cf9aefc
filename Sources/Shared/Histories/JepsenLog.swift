/// Jepsen's old text log:
///
///     INFO  jepsen.util - 0<TAB>:invoke<TAB>:write<TAB>4
///
/// with the operations of `RecordedHistory`. In these logs a compare-and-swap with `:fail` and no
/// reason was refused because the register did not have the expected value. That is a fact about
/// the register, so it is checked. Lines of the nemesis, messages of Jepsen itself and the stack
/// traces below them are skipped; any other line is an error.
public enum JepsenLog {
  public static func operations(_ text: String) throws(HistoryError) -> [Operation] {
    try RecordedHistory(log: text).operations
  }

  static func events(
    _ text: String, _ values: inout EventValues
  ) throws(HistoryError) -> JepsenEvents {
    var events = JepsenEvents()
    var number: Int32 = 0
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      number += 1
      if let event = try event(line, number, &values) { events.append(event) }
    }
    return events
  }

  private static let levels: Set<Substring> = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]

  /// Whether a log level is among the first words, as in messages of Jepsen itself. Lines of
  /// `jepsen.util` about a process are events and not messages.
  private static func isMessage(_ words: [Substring]) -> Bool {
    guard words.prefix(4).contains(where: levels.contains) else { return false }
    let logger = words.firstIndex { $0 == "jepsen.util" || $0 == "jepsen.util:" }
    guard let logger else { return true }
    let message = words[(logger + 1)...].first { $0 != "-" }
    return message.flatMap { Int($0) } == nil
  }

  /// Whether a line is part of an exception that Jepsen reports: `java.io.IOException: text`,
  /// `Caused by: java.io.IOException`, `at java.lang.Thread.run(Thread.java:745)`, `... 8 more`.
  private static func isStackTrace(_ words: [Substring]) -> Bool {
    switch words[0] {
    case "at", "...": return words.count > 1
    case "Caused": return words.count > 1 && words[1] == "by:"
    default:
      let name = words[0].last == ":" ? words[0].dropLast() : words[0]
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      return parts.count > 1
        && parts.allSatisfy { part in
          part.first?.isLetter == true
            && part.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "$" }
        }
    }
  }

  /// nil for a message, a stack trace, an event of the nemesis or a blank line.
  private static func event(
    _ line: Substring, _ number: Int32, _ values: inout EventValues
  ) throws(HistoryError) -> JepsenEvents.Event? {
    let words = line.split(whereSeparator: \.isWhitespace)
    let place = words.indices.dropFirst().first {
      words[$0].first == ":" && EventReading.kinds[String(words[$0].dropFirst())] != nil
    }
    guard let place, place + 1 < words.count, words[place + 1].first == ":",
      let kind = EventReading.kinds[String(words[place].dropFirst())]
    else {
      if words.isEmpty || isMessage(words) || isStackTrace(words) { return nil }
      throw HistoryError(
        line: number,
        message: "found \"\(Edn.shortened(String(line)))\", allowed EDN maps, or lines such as "
          + "INFO jepsen.util - 0 :invoke :read nil")
    }
    if words[place - 1] == ":nemesis" { return nil }
    guard let process = UInt32(words[place - 1]) else {
      throw HistoryError(
        line: number,
        message: "found the process \(words[place - 1]), allowed a whole number or :nemesis")
    }
    let name = String(words[place + 1].dropFirst())
    guard let function = EventReading.functions[name] else {
      throw EventReading.unknownFunction(String(words[place + 1]), number)
    }
    var event = JepsenEvents.Event(
      line: number, kind: kind, function: function, isOfStore: name == "get" || name == "put",
      process: values.number(of: .integer(Int64(process))))
    let rest = words[(place + 2)...].joined(separator: " ")
    var value: Edn?
    if kind == .invoke || kind == .ok {
      do throws(HistoryError) {
        value = try EdnReader.values(rest).first?.value
      } catch {
        throw HistoryError(line: number, message: error.message)
      }
    }
    try EventReading.add(value, to: &event, &values)
    if function == .compareAndSwap, kind == .fail {
      // If there is a reason in place of the value or after it, the swap failed for that reason.
      let values = try? EdnReader.values(rest)
      if values?.count == 1, case .sequence? = values?.first?.value { event.isMismatch = true }
    }
    return event
  }
}
