/// Writes and reads histories in Jepsen's format.
///
/// `write` writes one event per line (wrapped here):
///
///     {:process 0, :type :invoke, :f :write, :value [7 "00000000000000ab.128"], :time 1200,
///      :index 0, :client 0, :due 1100}
///     {:process 0, :type :ok, :f :write, :value [7 "00000000000000ab.128"], :time 5100,
///      :index 1, :client 0}
///
/// | operation | `:f` | `:value` |
/// | --- | --- | --- |
/// | get | `:read` | `[key nil]`, and `[key value]` when answered |
/// | put, append | `:write`, `:append` | `[key value]` |
/// | delete | `:delete` | `[key nil]` |
/// | compare-and-swap | `:cas` | `[key [expected new]]` |
/// | scan | `:txn` | `[[:r key nil] ...]`, and `[[:r key value] ...]` when answered |
///
/// A value is written as the text of its digest, and no value as `nil`. An acknowledged operation
/// is `:ok`, a failed one `:fail`, an unknown one `:info`. A compare-and-swap that was answered but
/// did not swap is `:fail` with `:error :mismatch` and the value found as `:observed`, because
/// tools that know only swaps must leave it out. As Jepsen requires, a process is not used again
/// after `:info`: its client (`:client`) continues as a new process. If times are equal, calls come
/// first, so that the order of the lines is the order of time. `:due` is the time at which a call
/// was due, which in an open loop may be earlier than the call. `:onto` is the value to which an
/// append was applied, if a value observed later shows it.
public enum JepsenHistory {
  /// Writes a history piece by piece.
  /// - Parameters:
  ///   - operations: in order of invocation.
  ///   - scans: the values that its scans returned.
  ///   - header: lines that are written before the events as comments.
  ///   - sink: receives the text in pieces of about 64 KiB.
  public static func write<Failure: Error>(
    _ operations: [Operation], scans: ScannedValues = ScannedValues(), header: [String] = [],
    to sink: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    var text = EventText(scans)
    for line in header { text.add("; \(line)\n") }
    let processes = processes(operations)
    for (index, event) in order(operations).enumerated() {
      let i = Int(event.code >> 1)
      text.add(
        operations[i], isReturn: event.code & 1 == 1, time: event.time, process: processes[i],
        index: index)
      if text.bytes.count >= 1 << 16 {
        try sink(text.bytes)
        text.bytes.removeAll(keepingCapacity: true)
      }
    }
    if !text.bytes.isEmpty { try sink(text.bytes) }
  }

  /// The whole history as one text.
  public static func edn(
    _ operations: [Operation], scans: ScannedValues = ScannedValues(), header: [String] = []
  ) -> String {
    var bytes: [UInt8] = []
    write(operations, scans: scans, header: header) { bytes += $0 }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The process of each operation: its client's number, or a new number after each unknown
  /// outcome.
  private static func processes(_ operations: [Operation]) -> [UInt32] {
    let clients = (operations.map(\.client).max() ?? 0) &+ 1
    var retired: [UInt32: UInt32] = [:]
    return operations.map { operation in
      let lives = retired[operation.client, default: 0]
      if operation.outcome == .unknown { retired[operation.client] = lives + 1 }
      return operation.client &+ lives &* clients
    }
  }

  /// Calls and returns in order of time. The code of a call is twice the operation's position; the
  /// code of its return is one more.
  private static func order(_ operations: [Operation]) -> [(time: Int64, code: UInt64)] {
    var events: [(time: Int64, code: UInt64)] = []
    events.reserveCapacity(2 * operations.count)
    for (i, operation) in operations.enumerated() {
      events.append((operation.invoked, UInt64(i) << 1))
      events.append((max(operation.returned, operation.invoked), UInt64(i) << 1 | 1))
    }
    events.sort { a, b in
      a.time != b.time
        ? a.time < b.time
        : a.code & 1 != b.code & 1 ? a.code & 1 == 0 : a.code < b.code
    }
    return events
  }

  /// Reads one map per event, or one vector of such maps; see `RecordedHistory`.
  public static func operations(edn text: String) throws(HistoryError) -> [Operation] {
    try RecordedHistory(edn: Array(text.utf8)).operations
  }
}

/// The text of events, as bytes because a history has millions of events.
private struct EventText {
  var bytes: [UInt8] = []
  private let scans: ScannedValues

  init(_ scans: ScannedValues) { self.scans = scans }

  mutating func add(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func add(_ number: some BinaryInteger) { add(String(number)) }

  mutating func add(
    _ operation: Operation, isReturn: Bool, time: Int64, process: UInt32, index: Int
  ) {
    add("{:process ")
    add(process)
    add(isReturn ? EventText.completion(operation) : ", :type :invoke, :f ")
    add(EventText.function(operation.kind))
    add(", :value [")
    if operation.kind == .scan {
      addReads(operation, isReturn)
    } else {
      add(operation.key)
      add(" ")
      addValue(operation, isReturn)
    }
    add("], :time ")
    add(time)
    add(", :index ")
    add(index)
    add(", :client ")
    add(operation.client)
    if !isReturn {
      add(", :due ")
      add(operation.intended)
    }
    if isReturn, operation.isRefusal {
      add(", :error :mismatch")
      if operation.observed != .unobserved {
        add(", :observed ")
        add(operation.observed)
      }
    }
    if isReturn, operation.kind == .append, !operation.expected.isAbsent {
      add(", :onto ")
      add(operation.expected)
    }
    add("}\n")
  }

  private mutating func addValue(_ operation: Operation, _ isReturn: Bool) {
    switch operation.kind {
    case .get where isReturn && operation.outcome == .ok: add(operation.observed)
    case .get, .scan, .delete: add("nil")
    case .put, .append: add(operation.argument)
    case .compareAndSwap:
      add("[")
      add(operation.expected)
      add(" ")
      add(operation.argument)
      add("]")
    }
  }

  /// The reads of a scan. One without an answer is taken to ask for keys with consecutive numbers.
  private mutating func addReads(_ scan: Operation, _ isReturn: Bool) {
    let isAnswered = scan.outcome == .ok
    for place in 0..<scan.scanLength {
      let version =
        isAnswered
        ? scans.versions[Int(scans[scan.scanned.lowerBound + place])]
        : ScannedValues.Version(key: scan.key &+ UInt32(place), value: .absent)
      add(place == 0 ? "[:r " : " [:r ")
      add(version.key)
      add(" ")
      add(isReturn ? version.value : .absent)
      add("]")
    }
  }

  private mutating func add(_ value: ValueDigest) {
    guard !value.isAbsent else { return add("nil") }
    add("\"")
    add(value.written)
    add("\"")
  }

  private static func completion(_ operation: Operation) -> String {
    switch operation.outcome {
    case .ok: operation.isRefusal ? ", :type :fail, :f " : ", :type :ok, :f "
    case .failed: ", :type :fail, :f "
    case .unknown: ", :type :info, :f "
    }
  }

  private static func function(_ kind: OperationKind) -> String {
    switch kind {
    case .get: ":read"
    case .put: ":write"
    case .delete: ":delete"
    case .append: ":append"
    case .compareAndSwap: ":cas"
    case .scan: ":txn"
    }
  }
}

extension Operation {
  /// A compare-and-swap that was answered and did not swap.
  var isRefusal: Bool { kind == .compareAndSwap && outcome == .ok && !swapped }
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
