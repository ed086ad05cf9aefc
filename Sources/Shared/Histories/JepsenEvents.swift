/// Pairs the events of a Jepsen history, calls and completions, into operations.
///
/// - `:ok` happened, `:fail` certainly did not, `:info` may have happened at any time after its call.
///   A call without a completion is unknown too.
/// - `:f` is `:read` or `:get`, `:write` or `:put`, `:append`, `:delete`, or `:cas` with `[from to]`.
/// - Events whose process is not a number (the nemesis) are skipped.
/// - The empty string stands for no value, as stores that lack nil record it; an append of it, which
///   does nothing, is left out.
struct JepsenEvents {
  enum Kind { case invoke, ok, fail, info }

  struct Event {
    var line: Int
    var process: UInt32
    var kind: Kind
    var function: OperationKind
    var key: Edn = .integer(0)
    /// Written, observed or, for a compare-and-swap, the new value.
    var value = Edn.null
    var expected = Edn.null
    /// What a compare-and-swap that failed found, if the event says so.
    var found: Edn?
    /// Whether a failed compare-and-swap was answered that the expected value was not there.
    var isMismatch = false
    /// The client, where processes are retired after an unknown outcome.
    var client: UInt32?
    var time: Int64?
  }

  private var events: [Event] = []

  mutating func append(_ event: Event) { events.append(event) }

  func operations() throws(HistoryError) -> [Operation] {
    let times = self.times()
    let keys = self.keys()
    var operations: [Operation] = []
    var open: [UInt32: [Int]] = [:]
    let end = (times.last ?? 0) + 1
    for (event, time) in zip(events, times) {
      if event.kind == .invoke {
        open[event.process, default: []].append(operations.count)
        var operation = Operation(
          client: event.client ?? event.process, kind: event.function,
          key: keys[event.key] ?? 0, outcome: .unknown, invoked: time, returned: end)
        if event.function != .get && event.function != .delete {
          operation.argument = try digest(event.value, event.line)
          operation.expected = try digest(event.expected, event.line)
        }
        operations.append(operation)
        continue
      }
      guard let index = open[event.process]?.first else {
        throw HistoryError(
          line: event.line, message: "process \(event.process) completes what it did not call")
      }
      open[event.process]?.removeFirst()
      operations[index].returned = time
      try complete(&operations[index], event)
    }
    return operations.filter { $0.kind != .append || !$0.argument.isAbsent }
  }

  private func complete(_ operation: inout Operation, _ event: Event) throws(HistoryError) {
    guard operation.kind == event.function else {
      throw HistoryError(
        line: event.line, message: "process \(event.process) completes another operation")
    }
    switch event.kind {
    case .invoke, .info:
      return
    case .fail:
      operation.outcome = .failed
      guard operation.kind == .compareAndSwap, event.isMismatch else { return }
      operation.outcome = .ok
      operation.observed =
        try event.found.map { value throws(HistoryError) in
          try digest(value, event.line)
        } ?? .unobserved
    case .ok:
      operation.outcome = .ok
      if operation.kind == .get { operation.observed = try digest(event.value, event.line) }
      operation.swapped = operation.kind == .compareAndSwap
    }
  }

  /// The events' times if all have one and they say no less than the order of the events; otherwise
  /// their places.
  private func times() -> [Int64] {
    let places = events.indices.map(Int64.init)
    let given = events.compactMap(\.time)
    guard given.count == events.count else { return places }
    for i in events.indices.dropFirst() {
      let reordered = given[i] < given[i - 1]
      let tied =
        given[i] == given[i - 1] && events[i].kind == .invoke && events[i - 1].kind != .invoke
      if reordered || tied { return places }
    }
    return given
  }

  /// Keys that are numbers keep them; otherwise keys are numbered as they appear.
  private func keys() -> [Edn: UInt32] {
    var numbers: [Edn: UInt32] = [:]
    var areNumbers = true
    for event in events where numbers[event.key] == nil {
      numbers[event.key] = UInt32(numbers.count)
      if case .integer(let n) = event.key, UInt32(exactly: n) != nil { continue }
      areNumbers = false
    }
    guard areNumbers else { return numbers }
    for event in events {
      if case .integer(let n) = event.key { numbers[event.key] = UInt32(truncatingIfNeeded: n) }
    }
    return numbers
  }

  private func digest(_ value: Edn, _ line: Int) throws(HistoryError) -> ValueDigest {
    switch value {
    case .null: return .absent
    case .integer(let n): return ValueDigest(hash: UInt64(bitPattern: n), length: 8)
    case .string(let text):
      if text.isEmpty { return .absent }
      return ValueDigest(written: text) ?? ValueDigest(Array(text.utf8))
    case .keyword(let text): return ValueDigest(Array(text.utf8))
    default: throw HistoryError(line: line, message: "a value must be nil, a number or a string")
    }
  }
}

extension ValueDigest {
  /// Sixteen hexadecimal digits, a point, the length in bytes.
  var written: String {
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits + ".\(length)"
  }

  init?(written text: String) {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].count == 16, let hash = UInt64(Substring(parts[0]), radix: 16),
      let length = Int32(Substring(parts[1])), length >= 0
    else { return nil }
    self.init(hash: hash, length: length)
  }
}
