// The report: `report.html`, one page that presents the results of a run in words, tables and
// charts.
//
// Layers, from the bottom: `CSVRecords` reads the files of a run directory, `RunData` holds their
// content, `Standing` compares, `Answer` puts that into words, `SVG`, `Axis` and the charts draw,
// and the sections assemble the HTML. A number on the page is a cell of a CSV file, in another unit
// or with fewer digits, and the element around it says in `data-of` which columns it is from. Only
// the ratios between runs are computed here.
//
// The page of one run depends on its CSV files and its experiment, and on those of the run before
// it in the same directory, if there is one. The machine and the time
// in `manifest.json` are shown only where they influence the numbers: for runs in real time, and on
// pages that compare several runs. So equal simulations have equal pages, byte for byte.

/// The content of the files of a run directory.
struct RunData {
  /// The run's name on the page.
  var label: String
  var about: RunFacts
  var protocols: [String] = []
  /// The columns that name a sweep point, such as `workload.clients`.
  var sweepPaths: [String] = []
  /// The columns of `summary.csv` after those that name a row.
  var summaryColumns: [String] = []
  /// The values of each sweep point, in the order of the files.
  var points: [[String]] = []
  /// One per protocol and sweep point, in the order of the files.
  var groups: [Group] = []
  /// The conditions of `expect`, in their order.
  var expectations: [ExpectationResult] = []
  /// The rows of `search.csv`; empty without a search.
  var searches: [SearchResult] = []

  var isSwept: Bool { points.count > 1 }
  var trialCount: Int { groups.reduce(0) { $0 + $1.trials.count } }
  var hasFaults: Bool { groups.contains { $0.trials.contains { !$0.faults.isEmpty } } }

  /// The source of numbers from these columns of `summary.csv`; swept values may stand beside them.
  func summary(_ columns: [String]) -> String {
    (["summary.csv"] + sweepPaths + columns).joined(separator: " ")
  }

  func groups(at point: Int) -> [Group] { groups.filter { $0.point == point } }

  /// `workload.clients = 8, replicas = 3`; empty without a sweep.
  /// - Parameter isShort: whether only the last part of each path is told.
  func pointName(_ point: Int, isShort: Bool = false) -> String {
    zip(sweepPaths, points[point]).map { path, value in
      let name = isShort ? path.split(separator: ".").last.map(String.init) ?? path : path
      return "\(name) = \(value)"
    }.joined(separator: ", ")
  }
}

/// A condition of the experiment's `expect`.
struct ExpectationResult {
  var condition: String
  /// Whether it holds for all rows that it names.
  var holds: Bool { cases.allSatisfy(\.holds) }
  var cases: [Case] = []

  /// A row, or a sweep point, that the condition is about.
  struct Case {
    var place: String
    var holds: Bool
    /// The figures, such as `raft.throughput 3997`.
    var found: String
  }
}

/// The trials of one protocol at one sweep point.
struct Group {
  var protocolIndex: Int
  var name: String
  var point: Int
  /// The number cells of the row of `summary.csv`, by column.
  var summary: [String: Double]
  var verdict: String
  var trials: [Trial] = []
  /// The rows of `breakdown.csv`; empty if nothing was traced.
  var breakdown: [LatencyShare] = []
  /// The rows of `distribution.csv`, over all trials together.
  var distribution: [LatencyPoint] = []
  /// The rows of `severity.csv`: the steps that end at this group's severity.
  var severity: [SeverityRow] = []

  /// Whether its numbers may be compared: a protocol that broke its promise, or may have broken it,
  /// is not ranked.
  var isRanked: Bool { verdict != "violated" && verdict != "undecided" }

  /// Whether it takes part in rankings: a server without replication survives no failure, so it is
  /// shown for comparison only.
  var competes: Bool { isRanked && !Standing.isBaseline(self) }

  /// The nodes that a trial runs, by role; `nil` for another system, which does not tell.
  var nodeCount: NodeCount? {
    guard let nodes = trials.first?.nodes, !nodes.isEmpty else { return nil }
    let replicas = nodes.count { $0.role == "replica" }
    return NodeCount(replicas: replicas, authority: nodes.count - replicas)
  }

  func interval(_ metric: String) -> Interval? {
    summary["\(metric)_mean"].map {
      Interval(
        mean: $0, low: summary["\(metric)_ci95_low"], high: summary["\(metric)_ci95_high"])
    }
  }

  /// The values of a metric in the order of the trials; nil for a trial without one.
  func values(_ metric: String) -> [Double?] { trials.map { $0.metrics[metric] } }
}

/// A mean over trials, with its 95 % interval; nil for an end that the trials do not bound.
struct Interval: Equatable {
  var mean: Double
  var low: Double?
  var high: Double?
}

/// One trial.
struct Trial {
  var number: Int
  /// As text, because a seed may be larger than a `Double` can hold.
  var seed: String
  var metrics: [String: Double] = [:]
  var verdict: String
  var latency: [LatencyPoint] = []
  var windows: [Window] = []
  var faults: [Fault] = []
  var nodes: [NodeUse] = []
}

/// A row of `latency.csv`, or of `distribution.csv`.
struct LatencyPoint {
  var operation: String
  var percentile: Double
  var microseconds: Double
  var isLowerBound: Bool
  /// Answered operations; `censored` counts the unanswered ones.
  var count: Double
  var censored: Double
}

/// A row of `timeline.csv`.
struct Window {
  var startMs: Double
  var lengthMs: Double
  var ok: Double
  /// By column, of those below.
  var latencies: [String: Double] = [:]
  var leaderChanges: Double

  /// Percentiles of reads and of writes.
  static let latencyColumns = ["read_p50_us", "read_p99_us", "write_p50_us", "write_p99_us"]

  var perSecond: Double { lengthMs > 0 ? ok * 1000 / lengthMs : 0 }
}

/// A row of `faults.csv`.
struct Fault {
  var kind: String
  var target: String
  var node: String
  var startMs: Double
  var endMs: Double?
  /// By column: `read_outage_ms` and the columns after it.
  var times: [String: Double]
  var recovery: String
  /// The name that the experiment gives to the fault; empty without one.
  var givenName = ""
  /// The part of a crashed node's disk that survives: `kept`, `torn` or `lost`; empty for other
  /// faults.
  var disk = ""

  var outageMs: Double? {
    [times["read_outage_ms"], times["write_outage_ms"]].compactMap { $0 }.max()
  }
  /// What happens: `crash leader, disk kept`.
  var what: String {
    (target.isEmpty ? kind : "\(kind) \(target)") + (disk.isEmpty ? "" : ", disk \(disk)")
  }
  /// The name that the experiment gives to it, without the number of a repetition, and otherwise
  /// what happens.
  var name: String {
    givenName.isEmpty ? what : givenName.replacing(#/\.\d+$/#, with: "")
  }
  /// The name and what happens; only the latter if it repeats the name, as of `crash-leader`.
  var title: String {
    func plain(_ text: String) -> String { text.replacing("-", with: " ") }
    return plain(what).hasPrefix(plain(name)) ? what : "\(name): \(what)"
  }

  static let columns = [
    "read_outage_ms", "write_outage_ms", "detect_ms", "elect_ms", "first_ack_ms", "recover_ms",
    "hangover_ms", "lost_requests",
  ]
}

/// A row of `breakdown.csv`.
struct LatencyShare {
  var operation: String
  /// `total`, or the name of a part.
  var part: String
  var meanUs: Double?
  var share: Double?
  var slowestUs: Double?
  var slowestShare: Double?
}

/// A row of `resources.csv`.
struct NodeUse {
  var node: String
  var role: String
  var messagesSent: Double
  var busyShare: Double?
}

/// The number of nodes that a configuration needs.
struct NodeCount: Hashable {
  var replicas: Int
  /// The nodes of the authority that decides which replicas are in charge.
  var authority: Int

  var all: Int { replicas + authority }
}

/// A row of `search.csv`: the threshold at which a condition stops to hold.
struct SearchResult {
  var protocolName: String
  /// The values of the other swept paths.
  var place: [String]
  var path: String
  var condition: String
  /// The last value that holds and the nearest that does not; empty if none was tried.
  var found: String
  var failsAt: String
}

/// A row of `severity.csv`: the step from a milder fault to that of the group that has the row.
struct SeverityRow {
  /// What is swept, such as `faults.slow.slow`.
  var path: String
  var milder: String
  /// The change in percent of the throughput at the mildest severity.
  var percent: Double?
  var p: Double?
  /// `jump`, `reversal` or `none`.
  var zone: String
}
