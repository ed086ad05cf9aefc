/// Makes operations from paired events: assigns digests to values, and collects the names of keys,
/// clients and values.
struct OperationMaking {
  private let events: JepsenEvents
  private let pairs: [JepsenEvents.Pair]
  private let values: EventValues
  private let keys: [Int32: UInt32]
  private let clients: [Int32: UInt32]
  private let isEmptyAbsent: Bool
  private var pieces: [UInt32: ValuePieces] = [:]
  /// By the number of a value; values with pieces are not included.
  private var digests: [Int32: ValueDigest] = [:]

  /// The values that scans returned.
  private(set) var scans = ScannedValues()
  private(set) var keyNames: [UInt32: String] = [:]
  private(set) var clientNames: [UInt32: String] = [:]
  private(set) var valueNames: [ValueDigest: String] = [:]
  private(set) var pieceNames: [UInt32: [ValueDigest: String]] = [:]

  init(_ events: JepsenEvents, _ pairs: [JepsenEvents.Pair], _ values: EventValues) {
    self.events = events
    self.pairs = pairs
    self.values = values
    let calls = pairs.lazy.map { [events = events.events] in events[$0.call] }
    keys = values.identities(
      calls.flatMap { $0.reads.isEmpty ? [$0.key] : $0.reads.map(\.key) }.filter { $0 >= 0 })
    clients = values.identities(calls.map(\.process))
    isEmptyAbsent = !OperationMaking.someAnswerIsNil(events.events, values)
  }

  private static func someAnswerIsNil(
    _ events: [JepsenEvents.Event], _ values: EventValues
  ) -> Bool {
    events.contains { event in
      switch event.kind {
      case .ok where event.function == .get: return values[event.value] == .null
      case .ok where event.function == .scan:
        return event.reads.contains { values[$0.value] == .null }
      case .ok where event.function == .compareAndSwap:
        return event.expected >= 0 && values[event.expected] == .null
      case .fail where event.found >= 0: return values[event.found] == .null
      default: return false
      }
    }
  }

  /// One operation for each pair, in the same order.
  mutating func operations() throws(HistoryError) -> [Operation] {
    try checkKeys()
    try findPieces()
    let end = events.events.isEmpty ? 0 : events.time(of: events.events.count - 1) + 1
    var operations: [Operation] = []
    operations.reserveCapacity(pairs.count)
    for pair in pairs {
      let event = events.events[pair.call]
      let client = event.client ?? clients[event.process] ?? 0
      let key = keys[event.key] ?? 0
      let called = events.time(of: pair.call)
      var operation = Operation(
        client: client, kind: event.function, key: key, outcome: .unknown,
        intended: events.hasTimes ? event.due : nil, invoked: called, returned: end)
      if event.key >= 0 { name(event.key) }
      if clientNames[client] == nil {
        clientNames[client] = event.client == nil ? values[event.process].shortText : "\(client)"
      }
      switch event.function {
      case .get, .delete: break
      case .scan:
        operation.askForScan(ofKeys: event.reads.count)
        for read in event.reads { name(read.key) }
      case .put, .append: operation.argument = try digest(event.value, key, event.line)
      case .compareAndSwap:
        operation.argument = try digest(event.value, key, event.line)
        operation.expected = try digest(event.expected, key, event.line)
      }
      if pair.completion >= 0 {
        operation.returned = events.time(of: pair.completion)
        try complete(&operation, events.events[pair.completion])
      }
      placeAppend(&operation, event)
      operations.append(operation)
    }
    return operations
  }

  private mutating func name(_ key: Int32) {
    guard let number = keys[key], keyNames[number] == nil else { return }
    keyNames[number] = values[key].shortText
  }

  /// Whether the operation is an append of the empty string that stands for no value.
  func isWithoutEffect(_ operation: Operation) -> Bool {
    operation.kind == .append && operation.argument.isAbsent
  }

  private mutating func complete(
    _ operation: inout Operation, _ event: JepsenEvents.Event
  ) throws(HistoryError) {
    switch event.kind {
    case .invoke, .info: break
    case .fail:
      operation.outcome = .failed
      guard operation.kind == .compareAndSwap, event.isMismatch else { break }
      operation.outcome = .ok
      operation.observed =
        event.found < 0 ? .unobserved : try digest(event.found, operation.key, event.line)
    case .ok:
      operation.outcome = .ok
      if operation.kind == .get {
        operation.observed = try digest(event.value, operation.key, event.line)
      } else if operation.kind == .scan {
        try completeScan(&operation, event)
      }
      operation.swapped = operation.kind == .compareAndSwap
    }
    if operation.kind == .append, event.onto >= 0 {
      operation.expected = try digest(event.onto, operation.key, event.line)
    }
  }

  private mutating func completeScan(
    _ operation: inout Operation, _ event: JepsenEvents.Event
  ) throws(HistoryError) {
    var found: [ScannedValues.Version] = []
    for read in event.reads {
      let key = keys[read.key] ?? 0
      found.append(
        ScannedValues.Version(key: key, value: try digest(read.value, key, event.line)))
    }
    scans.add(found, to: &operation)
  }

  /// Checks that either all calls name a key or no call does, and that a completion names the key
  /// of its call.
  private func checkKeys() throws(HistoryError) {
    guard let first = pairs.first.map({ events.events[$0.call] }) else { return }
    for pair in pairs {
      let call = events.events[pair.call]
      guard (call.key >= 0) == (first.key >= 0) else {
        throw HistoryError(
          line: call.line,
          message: (call.key >= 0 ? "found a key" : "found no key")
            + ", allowed in all calls or in none; the call in line \(first.line) has "
            + (first.key >= 0 ? "one" : "none"))
      }
      guard pair.completion >= 0, events.events[pair.completion].key >= 0 else { continue }
      let completion = events.events[pair.completion]
      guard completion.reads.map(\.key) == call.reads.map(\.key) || call.function != .scan else {
        throw HistoryError(
          line: completion.line,
          message: "found reads of other keys than those of the call in line \(call.line), allowed "
            + "the same in the same order")
      }
      guard completion.key == call.key else {
        throw HistoryError(
          line: completion.line,
          message: "found key \(values[completion.key].shortText), allowed only "
            + (call.key >= 0
              ? "\(values[call.key].shortText), the key" : "a value without a key, as")
            + " of the call in line \(call.line)")
      }
    }
  }
}

// MARK: - Values

extension OperationMaking {
  private mutating func digest(
    _ number: Int32, _ key: UInt32, _ line: Int32
  ) throws(HistoryError) -> ValueDigest {
    if let pieces = pieces[key], let text = values.plainText(number),
      let digest = pieces.digest(text)
    {
      if !digest.isAbsent { pieceNames[key, default: [:]][digest] = values[number].shortText }
      return digest
    }
    if let digest = digests[number] { return digest }
    guard let digest = values.digest(number, isEmptyAbsent: isEmptyAbsent) else {
      throw HistoryError(
        line: line,
        message: "found the value \(values[number].shortText), allowed nil, a number, a string, a "
          + "keyword, true and false")
    }
    digests[number] = digest
    guard !digest.isAbsent else { return digest }
    let name = values[number].shortText
    if let other = valueNames.updateValue(name, forKey: digest), other != name {
      throw HistoryError(
        line: line, message: "the values \(other) and \(name) cannot be told apart by their digests"
      )
    }
    return digest
  }

  /// Splits the strings of keys with appends into pieces.
  private mutating func findPieces() throws(HistoryError) {
    var written: [Int32: [String]] = [:]
    var observed: [Int32: [String]] = [:]
    var unsuited: Set<Int32> = []
    for pair in pairs where events.events[pair.call].function == .append {
      let event = events.events[pair.call]
      guard case .string = values[event.value] else {
        throw HistoryError(
          line: event.line,
          message: "found an append of \(values[event.value].shortText), allowed a string")
      }
      written[event.key] = []
    }
    if written.isEmpty { return }
    for pair in pairs {
      let call = events.events[pair.call]
      guard written[call.key] != nil else { continue }
      func add(_ number: Int32, to texts: inout [Int32: [String]]) {
        guard number >= 0, values[number] != .null else { return }
        if let text = values.plainText(number) {
          texts[call.key, default: []].append(text)
        } else {
          unsuited.insert(call.key)
        }
      }
      if call.function != .get && call.function != .delete { add(call.value, to: &written) }
      add(call.expected, to: &observed)
      guard pair.completion >= 0 else { continue }
      let completion = events.events[pair.completion]
      if call.function == .get, completion.kind == .ok { add(completion.value, to: &observed) }
      add(completion.found, to: &observed)
    }
    for (key, texts) in written where !unsuited.contains(key) {
      pieces[keys[key] ?? 0] = ValuePieces(
        written: texts, observed: observed[key] ?? [], empty: isEmptyAbsent ? .absent : .empty)
    }
  }

  /// Sets the value to which an append was applied, if the pieces of observed values show it.
  private func placeAppend(_ operation: inout Operation, _ call: JepsenEvents.Event) {
    guard call.function == .append, let pieces = pieces[operation.key],
      let text = values.plainText(call.value), let piece = pieces.number(text),
      let behind = pieces.behind[piece]
    else { return }
    operation.expected = behind
  }
}
