import Linearizability
import Configuration
import Environments
import Faults
import Replication
import Trials
import Workloads

/// One experiment, complete: every default is filled in and every value has been checked.
///
/// Times are counted from the start of a trial. A trial lasts `duration`, the first `warmUp` of it
/// is not measured, and faults start before `duration`. The measured interval is thus `duration -
/// warmUp`.
package struct Experiment: Sendable, Equatable {
  /// The version of the file format that this code reads.
  package static let format = 1

  package var name = "experiment"
  package var description = ""
  package var runtime = ExperimentRuntime.simulation
  package var size = ClusterSize.replicas(3)
  /// The compared protocols, in the order of the file.
  package var protocols: [ProtocolChoice] = []
  /// The options that all rows of a protocol share: one entry per protocol.
  var sharedOptions: [ProtocolChoice] = []
  /// The name of the row with which the others are compared.
  package var baseline: String?
  /// Other systems; their rows follow those of the protocols. Only in the cluster runtime.
  package var targets: [TargetChoice] = []
  package var workload = WorkloadSpec()
  /// Reads per second, and also writes per second, that probe the cluster beside the load; `nil`
  /// for no probes.
  package var probeRate: Double? = 200
  /// One in this many operations is traced, to say where its time went; `nil` for none.
  package var traceEvery: Int?
  /// What servers and clients do against overload.
  package var overload = OverloadCures()
  /// After how long without an update the session of a client expires.
  package var sessionExpiry = RequestLimits.usualSessionExpiry
  package var environment = Environment.standard
  package var faults = FaultScript()
  package var warmUp = Interval.seconds(1)
  package var duration = Interval.seconds(10)
  /// The length of one row of the timeline.
  package var window = Interval.milliseconds(100)
  /// An operation counts as available if it is acknowledged within this time.
  package var sloLatency = Interval.milliseconds(100)
  /// Trials of each row at each point; with a stopping rule, the largest number.
  package var trials = 5
  package var stopping: StoppingRule?
  package var seed: UInt64 = 1
  package var check = Consistency.linearizable
  /// Conditions that the results are expected to meet, as written in the file.
  package var expect: [String] = []
  /// Empty in the experiment of a sweep point.
  package var sweep: [SweepAxis] = []
  /// `nil` in the experiment of a sweep point.
  package var search: Search?

  /// All rows of the comparison, in the order of the results.
  package var contenders: [Contender] {
    protocols.map { .protocol($0) } + targets.map { .target($0) }
  }

  /// The script for one protocol. A baseline without replication may have fewer replicas than the
  /// script names, so groups name only replicas that exist.
  package func faults(for choice: ProtocolChoice) -> FaultScript {
    var script = faults
    for index in script.timed.indices {
      guard case .partition(.groups(let groups, let clients)) = script.timed[index].action else {
        continue
      }
      let existing = groups.map { $0.filter { $0 < choice.replicas } }
      let kept = existing.indices.filter { !existing[$0].isEmpty || $0 == clients }
      script.timed[index].action = .partition(
        .groups(kept.map { existing[$0] }, clients: clients.flatMap { kept.firstIndex(of: $0) }))
    }
    return script
  }
}

package enum ExperimentRuntime: String, Sendable, CaseIterable {
  /// Virtual time from one seed.
  case simulation
  /// Real processes, TCP and disks.
  case cluster
}

package enum ClusterSize: Sendable, Equatable {
  /// The same number for every protocol, except that the unreplicated baseline has one.
  case replicas(Int)
  /// Each protocol's own minimum for this many failures.
  case tolerates(Int)
}

/// One dimension of a sweep: a path in the file and the values it takes in turn.
package struct SweepAxis: Sendable, Equatable {
  package var path: String
  package var values: [JSONValue]
  /// Axes with the same number vary together.
  package var zip: Int?

  package init(path: String, values: [JSONValue], zip: Int? = nil) {
    self.path = path
    self.values = values
    self.zip = zip
  }
}

/// One cell of the product of all axes. A sweep without axes has one point without values.
package struct SweepPoint: Sendable, Equatable {
  package struct Value: Sendable, Equatable {
    package var path: String
    /// The value as the CSV files show it: `64`, `ycsb-a`.
    package var text: String
  }

  package var values: [Value]
  package var experiment: Experiment
}
