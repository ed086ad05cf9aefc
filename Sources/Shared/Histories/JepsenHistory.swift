/// Reads and writes histories in Jepsen's form.
///
/// What `edn(_:)` writes, one event per line:
///
///     {:process 0, :type :invoke, :f :write, :value [7 "00000000000000ab.128"], :time 1200, :index 0, :client 0}
///     {:process 0, :type :ok, :f :write, :value [7 "00000000000000ab.128"], :time 5100, :index 1, :client 0}
///
/// | operation | `:f` | `:value` |
/// | --- | --- | --- |
/// | get | `:read` | `[key nil]`, and `[key value]` when answered |
/// | put, append, delete | `:write`, `:append`, `:delete` | `[key value]`, `[key nil]` for a delete |
/// | compare-and-swap | `:cas` | `[key [expected new]]` |
///
/// A value is the text of its digest, no value is `nil`. Acknowledged is `:ok`, failed is `:fail`,
/// unknown is `:info`. A compare-and-swap that was answered but did not swap is `:fail` with `:error
/// :mismatch` and `:observed`, the value found, since tools that know only swaps must leave it out. As
/// Jepsen asks, a process is never used again after `:info`: its client, `:client`, goes on under the
/// next number. Of equal times calls come first, so that the order of the lines is the order of time.
public enum JepsenHistory {
  /// `operations`: in order of invocation.
  public static func edn(_ operations: [Operation]) -> String {
    let clients = (operations.map(\.client).max() ?? 0) + 1
    var retired: [UInt32: UInt32] = [:]
    var events: [(time: Int64, isReturn: Bool, operation: Int, process: UInt32)] = []
    for (i, operation) in operations.enumerated() {
      let lives = retired[operation.client, default: 0]
      let process = operation.client &+ lives &* clients
      if operation.outcome == .unknown { retired[operation.client] = lives + 1 }
      events.append((operation.invoked, false, i, process))
      events.append((max(operation.returned, operation.invoked), true, i, process))
    }
    events.sort {
      ($0.time, $0.isReturn ? 1 : 0, $0.operation) < ($1.time, $1.isReturn ? 1 : 0, $1.operation)
    }
    var text = ""
    for (index, event) in events.enumerated() {
      let operation = operations[event.operation]
      text += "{:process \(event.process), :type \(type(operation, event.isReturn)), "
      text += ":f \(function(operation.kind)), :value \(value(operation, event.isReturn)), "
      text += ":time \(event.time), :index \(index), :client \(operation.client)"
      if event.isReturn, operation.isRefusal {
        text += ", :error :mismatch"
        if operation.observed != .unobserved {
          text += ", :observed \(literal(operation.observed))"
        }
      }
      text += "}\n"
    }
    return text
  }

  private static func type(_ operation: Operation, _ isReturn: Bool) -> String {
    guard isReturn else { return ":invoke" }
    switch operation.outcome {
    case .ok: return operation.isRefusal ? ":fail" : ":ok"
    case .failed: return ":fail"
    case .unknown: return ":info"
    }
  }

  private static func function(_ kind: OperationKind) -> String {
    switch kind {
    case .get: ":read"
    case .put: ":write"
    case .delete: ":delete"
    case .append: ":append"
    case .compareAndSwap: ":cas"
    }
  }

  private static func value(_ operation: Operation, _ isReturn: Bool) -> String {
    let key = operation.key
    switch operation.kind {
    case .get where isReturn && operation.outcome == .ok:
      return "[\(key) \(literal(operation.observed))]"
    case .get, .delete:
      return "[\(key) nil]"
    case .put, .append:
      return "[\(key) \(literal(operation.argument))]"
    case .compareAndSwap:
      return "[\(key) [\(literal(operation.expected)) \(literal(operation.argument))]]"
    }
  }

  private static func literal(_ value: ValueDigest) -> String {
    value.isAbsent ? "nil" : "\"\(value.written)\""
  }

  /// Reads one map per event, or one vector of such maps. The key is `:key`, or the first of a `:value`
  /// of two; without either there is one register. An unknown `:f` is an error.
  public static func operations(edn text: String) throws(HistoryError) -> [Operation] {
    var values = try EdnReader.values(text)
    if values.count == 1, case .sequence(let inner) = values[0].value {
      let line = values[0].line
      values = inner.map { (line, $0) }
    }
    var events = JepsenEvents()
    for (line, value) in values {
      if let event = try event(value, line) { events.append(event) }
    }
    return try events.operations()
  }

  private static func event(_ map: Edn, _ line: Int) throws(HistoryError) -> JepsenEvents.Event? {
    guard case .map = map else { throw HistoryError(line: line, message: "an event must be a map") }
    guard case .integer(let process) = map["process"] else { return nil }
    guard let process = UInt32(exactly: process) else {
      throw HistoryError(line: line, message: "a process must be in 0 ..< 2^32")
    }
    guard case .keyword(let type) = map["type"], let kind = kinds[type] else {
      throw HistoryError(line: line, message: ":type must be :invoke, :ok, :fail or :info")
    }
    guard case .keyword(let name) = map["f"], let function = functions[name] else {
      throw HistoryError(line: line, message: ":f is none of \(functions.keys.sorted())")
    }
    var event = JepsenEvents.Event(line: line, process: process, kind: kind, function: function)
    var value = map["value"] ?? .null
    if let key = map["key"] {
      event.key = key
    } else if case .sequence(let pair) = value, pair.count == 2,
      function != .compareAndSwap || pair[1].isSequence
    {
      event.key = pair[0]
      value = pair[1]
    }
    if function == .compareAndSwap {
      if case .sequence(let pair) = value, pair.count == 2 {
        event.expected = pair[0]
        event.value = pair[1]
      } else if kind == .invoke {
        throw HistoryError(line: line, message: "the value of a :cas must be [expected new]")
      }
    } else {
      event.value = value
    }
    event.isMismatch = map["error"] == .keyword("mismatch")
    event.found = map["observed"]
    if case .integer(let time) = map["time"] { event.time = time }
    if case .integer(let client) = map["client"] { event.client = UInt32(exactly: client) }
    return event
  }

  static let kinds: [String: JepsenEvents.Kind] = [
    "invoke": .invoke, "ok": .ok, "fail": .fail, "info": .info,
  ]

  static let functions: [String: OperationKind] = [
    "read": .get, "get": .get, "write": .put, "put": .put, "append": .append, "delete": .delete,
    "cas": .compareAndSwap,
  ]
}

extension Operation {
  /// A compare-and-swap that was answered and did not swap.
  var isRefusal: Bool { kind == .compareAndSwap && outcome == .ok && !swapped }
}

extension Edn {
  fileprivate var isSequence: Bool { if case .sequence = self { true } else { false } }
}
