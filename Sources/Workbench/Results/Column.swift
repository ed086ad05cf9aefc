import Trials
import Measurement

/// What the schema says of one column.
struct Field: Sendable, Equatable {
  /// Types of a Frictionless Table Schema.
  enum Kind: String, Sendable { case string, integer, number }

  var name: String
  var kind: Kind
  /// Empty for a pure number and for text.
  var unit = ""
  var meaning: String
  /// Never empty.
  var isRequired = true
  /// Empty: anything of the kind.
  var allowed: [String] = []
}

/// A column of one kind of row.
struct Column<Row>: Sendable {
  var field: Field
  var cell: @Sendable (Row) -> String

  init(
    _ name: String, _ kind: Field.Kind, unit: String = "", _ meaning: String,
    isRequired: Bool = true, allowed: [String] = [], _ cell: @escaping @Sendable (Row) -> String
  ) {
    field = Field(
      name: name, kind: kind, unit: unit, meaning: meaning, isRequired: isRequired,
      allowed: allowed)
    self.cell = cell
  }
}

extension [Column<LatencyRow>] {
  static let latency: Self = [
    Column("operation", .string, "kind of operation, or all") { $0.operation },
    Column("percentile", .number, "0 is the minimum, 100 the maximum") {
      DecimalText.text($0.percentile)
    },
    Column("latency_us", .number, unit: "us", "latency from the intended time") {
      DecimalText.microseconds($0.latencyNs)
    },
    Column("count", .integer, "operations that the percentile is of") { String($0.count) },
  ]
}

extension [Column<TimelineWindow>] {
  static let timeline: Self = [
    Column("window_start_ms", .number, unit: "ms", "start of the window since the trial began") {
      DecimalText.milliseconds($0.start)
    },
    Column("ok", .integer, "operations acknowledged in the window") { String($0.ok) },
    Column("failed", .integer, "operations refused for good in the window") { String($0.failed) },
    Column("unknown", .integer, "operations given up in the window") { String($0.unknown) },
    Column("p50_us", .number, unit: "us", "median latency of those acknowledged", isRequired: false)
    {
      DecimalText.microseconds($0.p50)
    },
    Column("p99_us", .number, unit: "us", "99th percentile of the same", isRequired: false) {
      DecimalText.microseconds($0.p99)
    },
    Column(
      "leader", .integer, "node in charge at the window's start; empty if nobody", isRequired: false
    ) { $0.leader.map { String($0) } ?? "" },
    Column("term", .integer, "term, ballot or view of the node in charge", isRequired: false) {
      $0.term.map { String($0) } ?? ""
    },
  ]
}

extension [Column<FaultRow>] {
  static let faults: Self = [
    Column("kind", .string, "kind of fault") { $0.kind },
    Column("target", .string, "target as the experiment names it", isRequired: false) {
      $0.target
    },
    Column("node", .string, "node or nodes it was resolved to, joined by +", isRequired: false) {
      $0.node
    },
    Column("start_ms", .number, unit: "ms", "start since the trial began") {
      DecimalText.milliseconds($0.startNs)
    },
    Column("end_ms", .number, unit: "ms", "when it was healed; empty if never", isRequired: false) {
      DecimalText.milliseconds($0.endNs)
    },
    Column(
      "outage_ms", .number, unit: "ms",
      "longest time without an acknowledgement that starts in the fault or its recovery",
      isRequired: false
    ) { DecimalText.milliseconds($0.outageNs) },
    Column(
      "time_to_recover_ms", .number, unit: "ms",
      "from the fault's start until throughput is back; empty if it never is", isRequired: false
    ) { DecimalText.milliseconds($0.timeToRecoverNs) },
  ]
}

/// What a node used, and the length of the interval over which it was counted.
struct NodeRow: Sendable {
  var usage: NodeUsage
  var intervalNs: Int64
}

extension [Column<NodeRow>] {
  static let resources: Self = [
    Column("node", .integer, "number of the node") { String($0.usage.node) },
    Column(
      "role", .string, "replica, or authority that decides who is in charge",
      allowed: NodeUsage.Role.allCases.map(\.rawValue)
    ) { $0.usage.role.rawValue },
    count("messages_sent", "messages sent to nodes and clients", \.messagesSent),
    count("messages_received", "messages received from nodes and clients", \.messagesReceived),
    count("bytes_sent", unit: "B", "bytes of the messages sent, frames included", \.bytesSent),
    count("bytes_received", unit: "B", "bytes of the messages received", \.bytesReceived),
    count("fsyncs", "syncs of the disk", \.syncs),
    count("bytes_written", unit: "B", "bytes handed to the disk", \.bytesWritten),
    Column(
      "cpu_busy_share", .number, "share of the interval in which the CPU was busy",
      isRequired: false
    ) { row in
      guard row.intervalNs > 0 else { return "" }
      return DecimalText.text(Double(row.usage.busy) / Double(row.intervalNs))
    },
    count("log_entries", "entries in the log at the interval's end", \.logRecords),
    count("snapshots", "snapshots taken or installed", \.snapshots),
  ]

  private static func count(
    _ name: String, unit: String = "", _ meaning: String,
    _ amount: @escaping @Sendable (NodeUsage) -> Int
  ) -> Column<NodeRow> {
    Column(name, .integer, unit: unit, meaning) { String(amount($0.usage)) }
  }
}
