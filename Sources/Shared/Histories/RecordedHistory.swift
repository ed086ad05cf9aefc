/// A history recorded by another tool, with the names that its file uses.
///
/// - `:ok` took effect, `:fail` certainly did not, `:info` may have taken effect at any time after
///   its call. The outcome of a call without a completion is unknown too.
/// - `:f` is `:read` or `:get`, `:write` or `:put`, `:append`, `:delete`, or `:cas` with `[from
///   to]`.
/// - `:txn` with a `:value` such as `[[:r 1 nil] [:r 2 nil]]` is a scan, and with `[[:w 1 7]]` a
///   write.
/// - The key is `:key`, or the first element of a `:value` with two; without either there is only
///   one key.
/// - Events of the nemesis are skipped.
/// - If no answer in the history is nil, the empty string stands for no value, because stores
///   without nil record it so. An append of the empty string then has no effect and is left out.
/// - The events are ordered by `:index` if all have one, otherwise by line; if the order of the
///   lines makes no sense, by `:time`.
public struct RecordedHistory: Sendable {
  public enum Format: String, Sendable {
    case edn = "Jepsen EDN"
    case log = "Jepsen log"
  }

  public let format: Format
  /// In order of invocation.
  public private(set) var operations: [Operation] = []
  /// The values that their scans returned.
  public private(set) var scans = ScannedValues()
  /// The lines of each operation's call and completion; the completion's is nil if there is none.
  public private(set) var lines: [(call: Int, completion: Int?)] = []
  /// Whether operations have the times of the file; otherwise they have the positions of their
  /// events.
  public private(set) var hasTimes = false
  /// The key by which the events were ordered; nil for the order of the lines.
  public private(set) var order: String?
  /// The line of the first call of each kind.
  public private(set) var firstLines: [OperationKind: Int] = [:]
  /// Whether some operation is called `:get` or `:put`, as in histories of a key-value store.
  public private(set) var isOfStore = false

  private var keyNames: [UInt32: String] = [:]
  private var clientNames: [UInt32: String] = [:]
  private var valueNames: [ValueDigest: String] = [:]
  /// Names of values, for keys whose values are digested by their pieces.
  private var pieceNames: [UInt32: [ValueDigest: String]] = [:]

  /// Reads a file of either format, which its first character decides.
  /// - Throws: an error that says what was found and what is allowed, with the line.
  public init(_ bytes: [UInt8]) throws(HistoryError) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw HistoryError(
        line: 1 + Int32(bytes.prefix(RecordedHistory.validCount(bytes)).count { $0 == 10 }),
        message: "found bytes that are no text, allowed UTF-8")
    }
    let first = text.unicodeScalars.first { !$0.properties.isWhitespace && $0 != "\u{FEFF}" }
    if let first, !"{[(#;,".unicodeScalars.contains(first) {
      try self.init(log: text)
    } else {
      try self.init(edn: bytes)
    }
  }

  /// Reads one map per event, or one vector of such maps.
  public init(edn bytes: [UInt8]) throws(HistoryError) {
    var values = EventValues()
    var events = JepsenEvents()
    var reader = EdnReader(bytes)
    try reader.enterSequence()
    while let (line, value) = try reader.next() {
      if let event = try EventReading.event(value, line, &values) { events.append(event) }
    }
    try self.init(.edn, &events, &values)
  }

  /// Reads Jepsen's old text log; see `JepsenLog`.
  public init(log text: String) throws(HistoryError) {
    var values = EventValues()
    var events = try JepsenLog.events(text, &values)
    try self.init(.log, &events, &values)
  }

  private init(
    _ format: Format, _ events: inout JepsenEvents, _ values: inout EventValues
  ) throws(HistoryError) {
    self.format = format
    let pairs = try events.pairs()
    hasTimes = events.hasTimes
    switch events.order {
    case .lines: order = nil
    case .indices: order = ":index"
    case .times: order = ":time"
    }
    var making = OperationMaking(events, pairs, values)
    let all = try making.operations()
    for (operation, pair) in zip(all, pairs) {
      let call = events.events[pair.call]
      if call.isOfStore { isOfStore = true }
      if firstLines[operation.kind] == nil { firstLines[operation.kind] = Int(call.line) }
      if making.isWithoutEffect(operation) { continue }
      operations.append(operation)
      lines.append(
        (Int(call.line), pair.completion < 0 ? nil : Int(events.events[pair.completion].line)))
    }
    scans = making.scans
    keyNames = making.keyNames
    clientNames = making.clientNames
    valueNames = making.valueNames
    pieceNames = making.pieceNames
  }

  /// The number of bytes before the first byte that is not valid UTF-8.
  private static func validCount(_ bytes: [UInt8]) -> Int {
    var low = 0
    var high = bytes.count
    while low < high {
      let middle = (low + high + 1) / 2
      // A prefix may end inside a character, whose start is at most three bytes before the end.
      let isValid = (0...3).contains { back in
        back <= middle && String(validating: bytes[..<(middle - back)], as: UTF8.self) != nil
      }
      if isValid { low = middle } else { high = middle - 1 }
    }
    return low
  }
}

// MARK: - Names

extension RecordedHistory {
  /// The key as it is written in the file.
  public func name(ofKey key: UInt32) -> String { keyNames[key] ?? "\(key)" }

  /// The process, or the client if the file names clients.
  public func name(ofClient client: UInt32) -> String { clientNames[client] ?? "\(client)" }

  /// A value of a key as it is written in the file, with its middle left out if it is long.
  public func name(of value: ValueDigest, ofKey key: UInt32) -> String {
    if value.isAbsent { return "nil" }
    return pieceNames[key]?[value] ?? valueNames[value] ?? value.written
  }
}
