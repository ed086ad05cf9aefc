/// One metric as a column of `trials.csv` and `summary.csv`.
public struct MetricColumn: Sendable {
  public let name: String
  /// Empty for a pure number.
  public let unit: String
  public let meaning: String
  /// Times are skewed unless something else is said.
  public let kind: ValueKind
  /// nil: not applicable, an empty cell.
  public let value: @Sendable (TrialMetrics) -> Double?

  /// Every metric, in the order of the files.
  public static let all: [MetricColumn] =
    rates + latencies("read", \.readLatency) + latencies("write", \.writeLatency)
    + latencies("all", \.latency) + costs

  private static let rates: [MetricColumn] = [
    MetricColumn(
      "throughput", "ops/s",
      "operations due in the measured interval and acknowledged before its end, per second"
    ) {
      $0.throughput
    },
    MetricColumn("goodput", "ops/s", "the same, within the SLO's latency and not lost later") {
      $0.goodput
    },
    MetricColumn(
      "operations_due", "",
      "operations whose intended time was measured, without those in flight at the end for less than the SLO"
    ) {
      Double($0.due)
    },
    MetricColumn("acknowledged", "", "due operations that were acknowledged") {
      Double($0.acknowledged)
    },
    MetricColumn("failed", "", "due operations that certainly did not take effect", .skewed) {
      Double($0.failed)
    },
    MetricColumn(
      "unknown", "",
      "operations whose intended time was measured and that may or may not have taken effect, with those in flight at the end",
      .skewed
    ) {
      Double($0.unknown)
    },
    MetricColumn("availability", "", "share of due operations acknowledged within the SLO", .share)
    {
      $0.availability
    },
    MetricColumn("nines", "", "minus the decimal logarithm of 1 - availability") { $0.nines },
    MetricColumn("uptime", "", "share of busy windows with an acknowledgement", .share) {
      $0.uptime
    },
    MetricColumn("longest_outage_ms", "ms", "longest time without an acknowledgement") {
      $0.longestOutage.map { Double($0) / 1e6 }
    },
    MetricColumn("fault_outage_ms", "ms", "largest outage of a fault") {
      $0.faults.compactMap(\.outage).max().map { Double($0) / 1e6 }
    },
    MetricColumn("time_to_recover_ms", "ms", "largest time to recover, if every fault has one") {
      let times = $0.faults.map(\.timeToRecover)
      guard !times.contains(nil) else { return nil }
      return times.compactMap { $0 }.max().map { Double($0) / 1e6 }
    },
  ]

  private static let costs: [MetricColumn] = [
    MetricColumn(
      "messages_per_op", "", "messages sent by nodes per acknowledged operation, probes included"
    ) {
      $0.messagesPerOperation
    },
    MetricColumn(
      "bytes_per_op", "B", "bytes sent by nodes per acknowledged operation, probes included"
    ) {
      $0.bytesPerOperation
    },
    MetricColumn(
      "fsyncs_per_op", "", "fsyncs of all nodes per acknowledged operation, probes included"
    ) {
      $0.fsyncsPerOperation
    },
    MetricColumn("busiest_node_share", "", "largest share of all messages handled by one node") {
      $0.busiestNodeShare
    },
    MetricColumn("stale_reads", "", "gets that missed a write over before they began", .skewed) {
      $0.staleness.map { Double($0.staleReads) }
    },
    MetricColumn("staleness_mean_ms", "ms", "mean age of values read, fresh ones as 0") {
      $0.staleness?.meanLag.map { $0 / 1e6 }
    },
    MetricColumn("staleness_max_ms", "ms", "largest age of a value read") {
      $0.staleness.map { Double($0.maximumLag) / 1e6 }
    },
    MetricColumn("staleness_max_versions", "", "most versions that a read was behind", .skewed) {
      $0.staleness.map { Double($0.maximumVersions) }
    },
    MetricColumn(
      "lost_writes", "",
      "acknowledged writes that disappeared; empty if not all could be read back", .skewed
    ) {
      $0.lostWrites.map(Double.init)
    },
    MetricColumn("safety_violations", "", "broken promises that the runtime saw itself", .skewed) {
      Double($0.safetyViolations)
    },
  ]

  /// Of reads, writes and all, as `read_p99_us` has them.
  public static let latencyPercentiles: [(label: String, percentile: Double)] = [
    ("p50", 50), ("p95", 95), ("p99", 99), ("p999", 99.9), ("max", 100),
  ]

  private static func latencies(
    _ name: String, _ histogram: @escaping @Sendable (TrialMetrics) -> Histogram
  ) -> [MetricColumn] {
    let mean = MetricColumn("\(name)_mean_us", "us", "mean latency, \(name)") {
      histogram($0).mean.map { $0 / 1e3 }
    }
    return [mean]
      + latencyPercentiles.map { label, p in
        MetricColumn("\(name)_\(label)_us", "us", "latency, \(name), percentile \(p)") {
          histogram($0).percentile(p).map { Double($0) / 1e3 }
        }
      }
  }

  init(
    _ name: String, _ unit: String, _ meaning: String, _ kind: ValueKind? = nil,
    _ value: @escaping @Sendable (TrialMetrics) -> Double?
  ) {
    self.name = name
    self.unit = unit
    self.meaning = meaning
    self.kind = kind ?? (["us", "ms"].contains(unit) ? .skewed : .amount)
    self.value = value
  }
}
