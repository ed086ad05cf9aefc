import Replication

/// A metric as a column of `trials.csv` and `summary.csv`.
package struct MetricColumn: Sendable {
  package let name: String
  /// Empty for a pure number.
  package let unit: String
  package let meaning: String
  /// By default `.skewed` for columns in `us` and `ms`, and `.amount` for all others.
  package let kind: ValueKind
  /// nil if the metric is not applicable; the cell is then empty.
  package let value: @Sendable (TrialMetrics) -> Double?

  /// Every metric, in the order of the files.
  package static let all: [MetricColumn] =
    rates + latencies("read", \.readLatency) + latencies("write", \.writeLatency)
    + latencies("all", \.latency) + costs

  private static let rates: [MetricColumn] = [
    MetricColumn(
      "throughput", "ops/s",
      "operations acknowledged in the measured interval, whenever they were due, per second"
    ) {
      $0.throughput
    },
    MetricColumn(
      "goodput", "ops/s",
      "due operations acknowledged within the SLO's latency and not lost later, per second"
    ) {
      $0.goodput
    },
    MetricColumn(
      "operations_due", "",
      "operations whose intended time is in the measured interval: acknowledged + failed + unknown"
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
      "due operations that may or may not have taken effect, with those still open at the end",
      .skewed
    ) {
      Double($0.unknown)
    },
    MetricColumn(
      "availability", "",
      "open loop: share of due operations acknowledged within the SLO's latency, without those still "
        + "open at the end after less than that; closed loop: 1 - the share of the clients' time in "
        + "which they had waited for longer than the SLO's latency", .share
    ) {
      $0.availability
    },
    MetricColumn("nines", "", "minus the decimal logarithm of 1 - availability") { $0.nines },
    MetricColumn("uptime", "", "share of busy windows with an acknowledgement", .share) {
      $0.uptime
    },
    outage("longest_outage_ms", "the longer one of longest read and longest write outage") {
      [$0.longestReadOutage, $0.longestWriteOutage].compactMap { $0 }.max()
    },
    outage(
      "longest_read_outage_ms",
      "longest time without an acknowledged read while one was asked for, less the median of such "
        + "times; seen by the probes, or by the load where there are none"
    ) { $0.longestReadOutage },
    outage("longest_write_outage_ms", "the same of writes") { $0.longestWriteOutage },
    outage("fault_outage_ms", "largest outage of a fault, of reads or writes") {
      $0.faults.compactMap(\.outage).max()
    },
    outage("time_to_recover_ms", "largest time to recover, if every fault has one") {
      let times = $0.faults.map(\.timeToRecover)
      return times.contains(nil) ? nil : times.compactMap { $0 }.max()
    },
    MetricColumn(
      "never_recovered", "", "faults after which throughput was not back at the trial's end",
      .skewed
    ) { metrics in
      metrics.faults.isEmpty
        ? nil
        : Double(metrics.faults.count { $0.recovery == .never || $0.recovery == .metastable })
    },
    MetricColumn(
      "metastable_faults", "",
      "open loop: faults that are over, and after which most operations stayed unanswered within "
        + "slo.latency although no more came due than before", .skewed
    ) { metrics in
      metrics.faults.isEmpty
        ? nil : Double(metrics.faults.count { $0.recovery == .metastable })
    },
    MetricColumn(
      "lost_requests", "", "acknowledgements that faults cost until throughput was back", .skewed
    ) { metrics in
      let lost = metrics.faults.compactMap(\.lostRequests)
      return lost.isEmpty ? nil : lost.reduce(0, +)
    },
    MetricColumn(
      "client_wait_mean_us", "us", "mean time for which due operations waited for a free client"
    ) {
      $0.clientWait.mean.map { $0 / 1e3 }
    },
    MetricColumn("client_wait_p99_us", "us", "99th percentile of the same") {
      $0.clientWait.percentile(99)?.microseconds
    },
  ]

  private static func outage(
    _ name: String, _ meaning: String, _ value: @escaping @Sendable (TrialMetrics) -> Interval?
  ) -> MetricColumn {
    MetricColumn(name, "ms", meaning) { value($0)?.milliseconds }
  }

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
    MetricColumn("stale_reads", "", "reads that missed a write over before they began", .skewed) {
      $0.staleness.map { Double($0.staleReads) }
    },
    MetricColumn("staleness_mean_ms", "ms", "mean age of values read, fresh ones as 0") {
      $0.staleness?.meanLag.map { $0 / 1e6 }
    },
    MetricColumn("staleness_max_ms", "ms", "largest age of a value read") {
      $0.staleness?.maximumLag.milliseconds
    },
    MetricColumn(
      "staleness_mean_versions", "", "mean versions that a read was behind, fresh ones as 0",
      .skewed
    ) {
      $0.staleness?.meanVersions
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
    MetricColumn(
      "safety_violations", "",
      "broken promises that the runtime saw itself; at most 16 are kept and counted", .skewed
    ) {
      Double($0.safetyViolations)
    },
  ]

  /// The percentiles that have a column for reads, for writes and for all operations, such as
  /// `read_p99_us`.
  package static let latencyPercentiles: [(label: String, percentile: Double)] = [
    ("p50", 50), ("p95", 95), ("p99", 99), ("p999", 99.9), ("max", 100),
  ]

  private static func latencies(
    _ name: String, _ distribution: @escaping @Sendable (TrialMetrics) -> LatencyDistribution
  ) -> [MetricColumn] {
    let mean = MetricColumn(
      "\(name)_mean_us", "us", "mean latency, \(name); a lower bound if some were not answered"
    ) {
      distribution($0).mean.map { $0 / 1e3 }
    }
    return [mean]
      + latencyPercentiles.map { label, p in
        MetricColumn(
          "\(name)_\(label)_us", "us",
          "latency, \(name), percentile \(p); a lower bound if it falls among those not answered"
        ) {
          distribution($0).percentile(p).map(\.time.microseconds)
        }
      }
      + [
        MetricColumn("\(name)_censored", "", "due operations without an answer, \(name)", .skewed) {
          Double(distribution($0).censored)
        }
      ]
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
