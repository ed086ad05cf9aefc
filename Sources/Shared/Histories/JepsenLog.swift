/// Reads Jepsen's old text log of one register:
///
///     INFO  jepsen.util - 0<TAB>:invoke<TAB>:write<TAB>4
///
/// with `:read`, `:write v` and `:cas [from to]`. In these logs a compare-and-swap that `:fail`s was
/// answered that the expected value was not there, which is known about the register and is checked.
/// Lines of other kinds, the nemesis' among them, are skipped.
public enum JepsenLog {
  public static func operations(_ text: String) throws(HistoryError) -> [Operation] {
    var events = JepsenEvents()
    var number = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      if let event = try event(line, number) { events.append(event) }
    }
    return try events.operations()
  }

  private static func event(
    _ line: Substring, _ number: Int
  ) throws(HistoryError) -> JepsenEvents.Event? {
    let fields = line.split(separator: "\t")
    guard line.hasPrefix("INFO"), fields.count >= 4,
      let last = fields[0].split(separator: " ").last, let process = UInt32(last),
      let kind = JepsenHistory.kinds[String(fields[1].dropFirst())]
    else { return nil }
    guard let function = JepsenHistory.functions[String(fields[2].dropFirst())] else {
      throw HistoryError(line: number, message: "unknown operation \(fields[2])")
    }
    var event = JepsenEvents.Event(line: number, process: process, kind: kind, function: function)
    // `:timed-out` and other reasons stand where a value would.
    guard fields[3].first != ":" else { return event }
    let value: Edn
    do throws(HistoryError) {
      value = try EdnReader.values(String(fields[3])).first?.value ?? .null
    } catch {
      throw HistoryError(line: number, message: error.message)
    }
    if case .sequence(let pair) = value, pair.count == 2 {
      event.expected = pair[0]
      event.value = pair[1]
    } else {
      event.value = value
    }
    event.isMismatch = function == .compareAndSwap && kind == .fail
    return event
  }
}
