/// Reads Jepsen's transactions: a `:value` of micro-operations such as `[[:r 1 nil] [:r 2 nil]]`.
///
/// A transaction that only reads is a scan, and one that writes one key and does nothing else is a
/// put. Other transactions are refused, because the checker orders operations that write at most
/// one key.
extension EventReading {
  static func addTransaction(
    _ value: Edn?, to event: inout JepsenEvents.Event, _ values: inout EventValues
  ) throws(HistoryError) {
    event.isTransaction = true
    // In some histories a `:fail` or `:info` event has the reason in place of the value.
    if event.kind == .fail || event.kind == .info { return }
    let line = event.line
    guard case .sequence(let steps)? = value, !steps.isEmpty else {
      throw refused(value?.shortText ?? "no :value", line)
    }
    for step in steps {
      guard case .sequence(let parts) = step, parts.count == 3, let name = parts[0].name else {
        throw refused(step.shortText, line)
      }
      let key = values.number(of: parts[1])
      guard !event.reads.contains(where: { $0.key == key }) else {
        throw refused("the key \(parts[1].shortText) twice", line)
      }
      switch name {
      case "r":
        event.reads.append(JepsenEvents.Read(key: key, value: values.number(of: parts[2])))
      case "w" where steps.count == 1:
        event.function = .put
        event.value = values.number(of: parts[2])
      default: throw refused(step.shortText, line)
      }
      if event.key < 0 { event.key = key }
    }
  }

  private static func refused(_ found: String, _ line: Int32) -> HistoryError {
    HistoryError(
      line: line,
      message: "found \(found) in a :txn, allowed one that only reads, each key once, such as "
        + "[[:r 1 nil] [:r 2 nil]], or that only writes one key, such as [[:w 1 7]]")
  }
}
