import Faults
import Measurement
import Replication
import Trials

/// The schema's description of one column.
struct Field: Sendable, Equatable {
  /// Types of a Frictionless Table Schema.
  enum Kind: String, Sendable { case string, integer, number, boolean }

  var name: String
  var kind: Kind
  /// Empty for a number without a unit and for text.
  var unit = ""
  var meaning: String
  /// Whether the cell is never empty.
  var isRequired = true
  /// The values allowed; empty if any value of the kind is allowed.
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
    Column("percentile", .number, "0 is the fastest answer, 100 the slowest operation") {
      DecimalText.text($0.percentile)
    },
    Column(
      "latency_us", .number, unit: "us",
      "latency from the intended time, over the operations due in the measured interval"
    ) {
      DecimalText.microseconds($0.latency.time.nanoseconds)
    },
    Column(
      "is_lower_bound", .boolean,
      "whether the percentile may fall among operations without an answer"
    ) { $0.latency.isLowerBound ? "true" : "false" },
    Column("count", .integer, "operations that were answered") { String($0.count) },
    Column(
      "censored", .integer,
      "operations without an answer: they count with the time until the service next answered one of "
        + "their class, or until the end"
    ) { String($0.censored) },
  ]
}

extension [Column<TimelineWindow>] {
  static let timeline: Self = [
    Column("window_start_ms", .number, unit: "ms", "start of the window since the trial began") {
      DecimalText.milliseconds($0.startNs)
    },
    Column("window_ms", .number, unit: "ms", "length of the window") {
      DecimalText.milliseconds($0.lengthNs)
    },
    Column("due", .integer, "operations that came due in the window") { String($0.due) },
    Column("ok", .integer, "operations acknowledged in the window") { String($0.ok) },
    Column("failed", .integer, "operations refused for good in the window") { String($0.failed) },
    Column("unknown", .integer, "operations given up in the window") { String($0.unknown) },
    Column("p50_us", .number, unit: "us", "median latency of those acknowledged", isRequired: false)
    {
      DecimalText.microseconds($0.p50Ns)
    },
    Column("p99_us", .number, unit: "us", "99th percentile of the same", isRequired: false) {
      DecimalText.microseconds($0.p99Ns)
    },
    Column(
      "leader", .integer, "node in charge at the window's start; empty if nobody", isRequired: false
    ) { $0.leader.map { String($0) } ?? "" },
    Column("term", .integer, "term, ballot or view of the node in charge", isRequired: false) {
      $0.term.map { String($0) } ?? ""
    },
    Column(
      "leader_changes", .integer, "how often a node took charge after the window's start"
    ) { String($0.leaderChanges) },
    latency("read_p50_us", "median latency of the reads among them", \.reads.p50Ns),
    latency("read_p99_us", "99th percentile of the reads", \.reads.p99Ns),
    latency("write_p50_us", "median latency of the writes among them", \.writes.p50Ns),
    latency("write_p99_us", "99th percentile of the writes", \.writes.p99Ns),
  ]

  private static func latency(
    _ name: String, _ meaning: String, _ time: @escaping @Sendable (TimelineWindow) -> Int64?
  ) -> Column<TimelineWindow> {
    Column(name, .number, unit: "us", meaning, isRequired: false) {
      DecimalText.microseconds(time($0))
    }
  }
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
    time(
      "read_outage_ms",
      "longest time without an acknowledged read while one was asked for, which starts in the fault or "
        + "its recovery and before the next fault, less the median of such times; 0 if it is like "
        + "those without a fault; seen by the probes, or by the load where there are none",
      \.readOutageNs),
    time("write_outage_ms", "the same of writes", \.writeOutageNs),
    time(
      "detect_ms",
      "from the fault's start until a replica tried to take charge in a newer term, ballot or view; "
        + "empty if none did", \.detectionNs),
    time(
      "elect_ms", "from the fault's start until a replica was in charge anew; empty if none was",
      \.electionNs),
    time(
      "first_ack_ms",
      "from the fault's start until its outage of reads and writes ended; 0 without an outage",
      \.firstAcknowledgementNs),
    time(
      "recover_ms",
      "from the fault's start until throughput is back to what comes due (open loop) or to 90 % of its "
        + "mean before the fault (closed loop), as far as chance can be told apart; empty if it is not "
        + "before the next fault", \.timeToRecoverNs),
    time(
      "hangover_ms", "from the fault's end until throughput is back; empty without an end",
      \.hangoverNs),
    Column(
      "lost_requests", .number,
      "acknowledgements that were missing until throughput was back, or the next fault began",
      isRequired: false
    ) { DecimalText.text($0.lostRequests) },
    Column(
      "recovery", .string,
      "whether throughput came back: never, or cut short by the next fault; metastable: the fault is "
        + "over and no more comes due than before it, but less than half of the operations are "
        + "answered within slo.latency; unknown without anything to compare with",
      isRequired: false,
      allowed: FaultMetrics.Recovery.allCases.map(\.rawValue)
    ) { $0.recovery?.rawValue ?? "" },
    Column(
      "name", .string,
      "the fault's name in the experiment; of a repetition with its number, as kill.2",
      isRequired: false
    ) { $0.name ?? "" },
    Column(
      "disk", .string,
      "the part of a crashed node's disk that survives: what was synced (kept), that and a random part "
        + "of what was being written (torn), or nothing (lost); empty if the fault is no crash",
      isRequired: false, allowed: DiskFate.allCases.map(\.rawValue)
    ) { $0.disk ?? "" },
  ]

  private static func time(
    _ name: String, _ meaning: String, _ time: @escaping @Sendable (FaultRow) -> Int64?
  ) -> Column<FaultRow> {
    Column(name, .number, unit: "ms", meaning, isRequired: false) {
      DecimalText.milliseconds(time($0))
    }
  }
}

/// The resources that a node used, and the length of the interval over which they were counted.
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
    count(
      "bytes_sent", unit: "B",
      "bytes of the messages handed to connections, frames included; some may leave later or never",
      \.bytesSent),
    count("bytes_received", unit: "B", "bytes of the messages received", \.bytesReceived),
    count("fsyncs", "syncs of the disk", \.syncs),
    count("bytes_written", unit: "B", "bytes handed to the disk", \.bytesWritten),
    Column(
      "cpu_busy_share", .number, "share of the interval in which the CPU was busy",
      isRequired: false
    ) { row in
      guard row.intervalNs > 0 else { return "" }
      return DecimalText.text(Double(row.usage.busyNs) / Double(row.intervalNs))
    },
    count("log_entries", "entries in the log at the interval's end", \.logRecords),
    count("snapshots_taken", "snapshots taken of the own state", \.snapshots.taken),
    count("snapshots_sent", "snapshots begun to be sent to others", \.snapshots.sent),
    count(
      "snapshots_installed", "snapshots of others put in the place of the own state",
      \.snapshots.installed),
    count(
      "requests_refused", "requests that were refused because too many others were unanswered",
      \.refused),
    count(
      "requests_dropped",
      "requests that were dropped because their clients had stopped waiting; 0 on real processes",
      \.droppedLate),
  ]

  private static func count(
    _ name: String, unit: String = "", _ meaning: String,
    _ amount: @escaping @Sendable (NodeUsage) -> Int
  ) -> Column<NodeRow> {
    Column(name, .integer, unit: unit, meaning) { String(amount($0.usage)) }
  }
}
