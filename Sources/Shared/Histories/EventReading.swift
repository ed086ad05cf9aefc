/// Reads the event of an EDN map, and contains the parts that both formats share.
enum EventReading {
  /// nil for an event of the nemesis.
  static func event(
    _ value: Edn, _ line: Int, _ values: inout EventValues
  ) throws(HistoryError) -> JepsenEvents.Event? {
    let line = Int32(clamping: line)
    var map = value
    // Newer versions of Jepsen write records: `#jepsen.history.Op{...}`.
    if case .tagged(_, let inner) = value { map = inner }
    guard case .map = map else {
      throw HistoryError(
        line: line, message: "found \(value.shortText), allowed one map per event")
    }
    let process = map["process"] ?? .null
    if process.name == "nemesis" { return nil }
    guard process.isProcess else {
      throw HistoryError(
        line: line,
        message: "found "
          + (process == .null ? "no :process" : "the process \(process.shortText)")
          + ", allowed a whole number or :nemesis")
    }
    guard let type = map["type"]?.name, let kind = kinds[type] else {
      throw HistoryError(
        line: line,
        message: "found " + (map["type"].map { "the type \($0.shortText)" } ?? "no :type")
          + ", allowed :invoke, :ok, :fail, :info")
    }
    guard let name = map["f"]?.name, let function = functions[name] else {
      throw unknownFunction(map["f"]?.shortText, line)
    }
    var event = JepsenEvents.Event(
      line: line, kind: kind, function: function, isOfStore: name == "get" || name == "put",
      process: values.number(of: process))
    if let key = map["key"], key != .null { event.key = values.number(of: key) }
    try add(map["value"], to: &event, &values)
    event.isMismatch = kind == .fail && map["error"]?.name == "mismatch"
    if event.isMismatch, let found = map["observed"] { event.found = values.number(of: found) }
    if let onto = map["onto"] { event.onto = values.number(of: onto) }
    event.index = map["index"]?.integer
    event.time = map["time"]?.integer
    event.due = map["due"]?.integer
    event.client = map["client"]?.integer.flatMap { UInt32(exactly: $0) }
    return event
  }

  /// Adds the value of an event: a transaction, or a value that may be a pair of key and value.
  static func add(
    _ given: Edn?, to event: inout JepsenEvents.Event, _ values: inout EventValues
  ) throws(HistoryError) {
    if event.function == .scan { return try addTransaction(given, to: &event, &values) }
    // In some logs a `:fail` or `:info` event has the reason in place of the value.
    if event.kind == .fail || event.kind == .info { return }
    let isSwap = event.function == .compareAndSwap
    var value = given
    if event.key < 0, let (key, rest) = given?.pair, !isSwap || rest.pair != nil {
      event.key = values.number(of: key)
      value = rest
    }
    let isNeeded =
      event.kind == .invoke
      ? event.function != .get && event.function != .delete : event.function == .get
    guard let value else {
      if isNeeded {
        throw HistoryError(
          line: event.line,
          message: "found no :value, allowed only for the call of a read or a delete")
      }
      return
    }
    if isSwap {
      guard let (expected, new) = value.pair else {
        if event.kind == .invoke {
          throw HistoryError(
            line: event.line,
            message: "found \(value.shortText), allowed [expected new] as the value of a :cas")
        }
        return
      }
      event.expected = values.number(of: expected)
      event.value = values.number(of: new)
    } else if isNeeded {
      event.value = values.number(of: value)
    }
  }

  static func unknownFunction(_ found: String?, _ line: Int32) -> HistoryError {
    HistoryError(
      line: line,
      message: "found " + (found.map { "the operation \($0)" } ?? "no :f")
        + ", allowed :read, :get, :write, :put, :append, :delete, :cas, :txn")
  }

  static let kinds: [String: JepsenEvents.Kind] = [
    "invoke": .invoke, "ok": .ok, "fail": .fail, "info": .info,
  ]

  static let functions: [String: OperationKind] = [
    "read": .get, "get": .get, "write": .put, "put": .put, "append": .append, "delete": .delete,
    "cas": .compareAndSwap, "txn": .scan,
  ]
}

extension Edn {
  fileprivate var isProcess: Bool {
    switch self {
    case .integer(let number): number >= 0
    case .large, .string, .keyword, .symbol: true
    default: false
    }
  }

  fileprivate var integer: Int64? { if case .integer(let number) = self { number } else { nil } }

  /// The two elements of a sequence of two, or of a tuple written as a record of `:key` and
  /// `:value`.
  fileprivate var pair: (Edn, Edn)? {
    switch self {
    case .sequence(let two) where two.count == 2: (two[0], two[1])
    case .tagged(_, let inner):
      if let key = inner["key"], let value = inner["value"] { (key, value) } else { inner.pair }
    default: nil
    }
  }
}
