import Configuration
import Foundation
import Measurement

@testable import Report

/// A small run directory with known numbers; values that a test does not set are the same
/// everywhere.
struct SampleRun {
  var name = "sample"
  var description = "A sample"
  var protocols = ["raft", "chain-replication"]
  /// Verdicts by protocol; protocols not named are linearizable.
  var verdicts: [String: String] = [:]
  var sweepPath: String?
  var points = [""]
  var trials = 7
  var isComplete = true
  /// The metrics of a protocol's trial `trial` at a point; metrics not named are 1, and no fault is
  /// metastable.
  var metrics: @Sendable (_ name: String, _ point: Int, _ trial: Int) -> [String: Double] = {
    name, point, trial in
    let slower = name == "raft" ? 1.0 : 2.0
    return [
      "throughput": 1000 / slower + Double(trial) + 10 * Double(point),
      "read_p99_us": 500 * slower + Double(trial), "write_p99_us": 900 * slower + Double(trial),
      "longest_outage_ms": 200 / slower + Double(trial), "time_to_recover_ms": 210 / slower,
      "messages_per_op": 4 / slower + Double(trial) / 100, "bytes_per_op": 400,
      "availability": 0.98, "lost_writes": 0,
    ]
  }
  /// Protocols that need an authority, which has three nodes more.
  var authority: Set<String> = []
  var hasFaults = true
  /// The name that the experiment gives to the fault, and what survives of the crashed node's disk.
  var faultName = ""
  var disk = "kept"
  /// `workload.arrival` of the experiment; a closed loop if nil.
  var arrival: String?
  /// Further fields of the experiment, and of its `workload`, each with a comma behind it.
  var fields = ""
  var workload = ""
  /// Whether the experiment draws its faults at random.
  var chaos = false
  /// The conditions of the experiment's `expect`, as it is written in the file.
  var expect: [String] = []
  /// Rows of `search.csv`; without any there is no such file.
  var searches: [(protocolName: String, found: String, failsAt: String)] = []
  var runtime = "simulation"
  /// Rows of `expectations.csv`; without any there is no such file.
  var expectations: [(condition: String, place: String, holds: Bool)] = []
  var seed = "1"
  var host = "first"
  var started = "2026-11-28T12:00:00Z"
  /// The seed of the first trial.
  var firstSeed = 901

  /// Writes the files below a folder and returns the path of the run's directory.
  func write(below folder: URL) throws -> String {
    let directory = folder.appending(path: "\(name)-\(seed)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    for (file, text) in files {
      try Data(text.utf8).write(to: directory.appending(path: file))
    }
    return directory.path
  }

  var files: [String: String] {
    var content = [
      "summary.csv": summary, "trials.csv": trialTable, "latency.csv": latency,
      "timeline.csv": timeline, "faults.csv": faults, "resources.csv": resources,
      "distribution.csv": distribution,
    ]
    if sweepPath?.hasPrefix("faults.") ?? false { content["severity.csv"] = severity }
    if !expectations.isEmpty {
      content["expectations.csv"] =
        [["expectation", "place", "holds", "found"]]
        + expectations.map { [$0.condition, $0.place, "\($0.holds)", "1"] }
    }
    if !searches.isEmpty {
      content["search.csv"] =
        [["protocol", "path", "condition", "found", "fails_at", "tried"]]
        + searches.map {
          [$0.protocolName, "workload.clients", "read_p99 < 10ms", $0.found, $0.failsAt, "7"]
        }
    }
    let conditions = expect.map { JSONValue.quoted($0) }.joined(separator: ", ")
    let find = searches.isEmpty ? "" : ", \"find\": { \"maximum\": \"workload.clients\" }"
    let tables = content.mapValues { rows in
      rows.map { $0.joined(separator: ",") + "\r\n" }.joined()
    }
    let quoted = JSONValue.quoted(description)
    return tables.merging([
      "experiment.json5": """
      { "name": "\(name)", "description": \(quoted), "replicas": 3, "duration": "2s",
        \(fields)
        "slo": { "latency": "100ms" },
        "workload": { \(workload) "arrival": \(arrival ?? "\"closed\"") }, "expect": [\(conditions)]\(find),
        "faults": [\(chaos ? "{ \"chaos\": {} }" : "")] }

      """,
      "manifest.json": """
      { "name": "\(name)", "seed": \(seed), "runtime": "\(runtime)", "complete": \(isComplete),
        "trials_planned": 14, "trials_finished": 14, "warnings": [], "version": "0.1.0",
        "git_revision": null, "host": "\(host)", "cores": 2, "operating_system": "Linux",
        "started_at": "\(started)", "wall_time_s": 1.5 }

      """,
    ]) { first, _ in first }
  }

  private var key: [String] { ["protocol"] + (sweepPath.map { [$0] } ?? []) }

  private func key(_ name: String, _ point: Int) -> [String] {
    [name] + (sweepPath == nil ? [] : [points[point]])
  }

  private var places: [(name: String, point: Int)] {
    points.indices.flatMap { point in protocols.map { ($0, point) } }
  }

  private func value(_ metric: String, _ name: String, _ point: Int, _ trial: Int) -> Double {
    metrics(name, point, trial)[metric] ?? (metric == "metastable_faults" ? 0 : 1)
  }

  private var summary: [[String]] {
    let pooled = ["read", "write"].flatMap { operation in
      MetricColumn.latencyPercentiles.map { "\(operation)_\($0.label)_us_pooled" }
    }
    let columns = MetricColumn.all.flatMap {
      ["\($0.name)_mean", "\($0.name)_ci95_low", "\($0.name)_ci95_high"]
    }
    let counts = ["read_count", "read_censored", "write_count", "write_censored"]
    let header = key + columns + pooled + ["never_recovered"] + counts + ["trials", "verdict"]
    return [header]
      + places.map { name, point in
        let cells = MetricColumn.all.flatMap { metric -> [String] in
          let values = (1...trials).map { value(metric.name, name, point, $0) }
          let estimate = Estimate(values, metric.kind)
          return [estimate.mean, estimate.low, estimate.high].map { $0.map { "\($0)" } ?? "" }
        }
        let slow = name == "raft" ? 1.0 : 2.0
        let latencies = [1.0, 2.0].flatMap { kind in
          [300, 400, 500, 900, 250_000].map { "\($0 * slow * kind)" }
        }
        return key(name, point) + cells + latencies + ["0", "900", "1", "900", "0"]
          + ["\(trials)", verdicts[name] ?? "linearizable"]
      }
  }

  private func eachTrial(_ rows: (String, Int, Int) -> [[String]]) -> [[String]] {
    places.flatMap { name, point in
      (1...trials).flatMap { trial in
        rows(name, point, trial).map { key(name, point) + ["\(trial)"] + $0 }
      }
    }
  }

  private var trialTable: [[String]] {
    [key + ["trial", "seed"] + MetricColumn.all.map(\.name) + ["verdict"]]
      + eachTrial { name, point, trial in
        [
          ["\(firstSeed + trial - 1)"]
            + MetricColumn.all.map { "\(value($0.name, name, point, trial))" }
            + [verdicts[name] ?? "linearizable"]
        ]
      }
  }

  private var latency: [[String]] {
    let columns = ["operation", "percentile", "latency_us", "is_lower_bound", "count", "censored"]
    return [key + ["trial"] + columns]
      + eachTrial { name, _, trial in
        ["get", "put"].flatMap { operation in
          zip(["50", "99", "99.9", "100"], [301, 501, 901, 249_999]).map { percentile, latency in
            [operation, percentile, "\(latency + trial)", "false", "300", "0"]
          }
        }
      }
  }

  /// The slowest tenth of raft's reads have no answer.
  private var distribution: [[String]] {
    let columns = ["operation", "percentile", "latency_us", "is_lower_bound", "count", "censored"]
    return [key + columns]
      + places.flatMap { name, point in
        ["read", "write"].flatMap { operation in
          zip(["0", "50", "90", "99", "100"], [150, 300, 400, 1_000_500, 2_000_000]).map { row in
            let isBound = name == "raft" && operation == "read" && row.1 > 1_000_000
            return key(name, point) + [operation, row.0, "\(row.1)", "\(isBound)", "900", "90"]
          }
        }
      }
  }

  /// Chain replication loses 30 % by the first step, and raft nothing.
  private var severity: [[String]] {
    let columns = ["path", "milder", "step", "step_percent", "p_holm", "zone"]
    return [key + columns]
      + places.filter { $0.point > 0 }.map { name, point in
        let isJump = name != "raft" && point == 1
        return key(name, point) + [sweepPath ?? "", points[point - 1]]
          + (isJump ? ["-300", "-30.25", "0.0012", "jump"] : ["-1", "-0.1", "0.9", "none"])
      }
  }

  private var timeline: [[String]] {
    let columns = [
      "window_start_ms", "window_ms", "due", "ok", "failed", "unknown", "p50_us", "p99_us",
      "leader", "term", "leader_changes", "read_p50_us", "read_p99_us", "write_p50_us",
      "write_p99_us",
    ]
    return [key + ["trial"] + columns]
      + eachTrial { _, _, trial in
        (0..<20).map { window in
          let isDown = hasFaults && (5..<8).contains(window)
          return [
            "\(window * 100)", "100", "100", isDown ? "0" : "\(100 + trial)", "0", "0",
            isDown ? "" : "30\(window)", isDown ? "" : "50\(window)", isDown ? "" : "1", "2",
            window == 8 || window == 0 ? "1" : "0",
          ] + ["20", "25", "60", "65"].map { isDown ? "" : "\($0)\(window)" }
        }
      }
  }

  private var faults: [[String]] {
    let columns =
      ["kind", "target", "node", "start_ms", "end_ms"] + Fault.columns
      + ["recovery", "name", "disk"]
    return [key + ["trial"] + columns]
      + eachTrial { name, _, trial in
        guard hasFaults else { return [] }
        let slow = name == "raft" ? 1 : 2
        return [
          ["crash", "leader", "0", "500", "1000", "\(200 / slow + trial)", "\(190 / slow)"]
            + ["50", "150", "210", "\(220 / slow)", "0", "30", "recovered", faultName, disk]
        ]
      }
  }

  private var resources: [[String]] {
    let columns = [
      "node", "role", "messages_sent", "messages_received", "bytes_sent", "bytes_received",
      "fsyncs", "bytes_written", "cpu_busy_share", "log_entries", "snapshots",
    ]
    return [key + ["trial"] + columns]
      + eachTrial { name, _, _ in
        (0..<(authority.contains(name) ? 6 : 3)).map { node in
          let role = node < 3 ? "replica" : "authority"
          return ["\(node)", role, "\(1000 * (node + 1))", "1000", "5000", "5000", "20", "9000"]
            + ["0.\(node + 1)", "100", "0"]
        }
      }
  }
}

/// A test's own folder, removed with this object.
final class Folder {
  let url = FileManager.default.temporaryDirectory.appending(path: "report-\(UUID())")

  init() throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}
