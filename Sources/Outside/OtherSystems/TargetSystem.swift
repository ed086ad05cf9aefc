import Clients
import LoadDriving
import Primitives
import Replication
import Trials
import Workloads

/// A kind of system that trials can drive, with the settings of its requests. Its methods name the
/// dialect, so that the optimiser specialises the loops of this module for it.
package enum TargetSystem: Sendable {
  /// - Parameters:
  ///   - waitReplicas: the number of replicas that must acknowledge a write before its answer.
  ///   - waitTimeout: how long a write waits for them.
  case redis(waitReplicas: Int, waitTimeout: Interval = .seconds(1))
  case etcd

  /// Checks that a server answers and is of this kind.
  /// - Throws: in one line, why the server cannot be driven and what the user should do.
  package func check(_ endpoint: Endpoint, patience: Interval = .seconds(5)) throws {
    switch self {
    case .redis(let replicas, let timeout):
      let dialect = RedisDialect(waitReplicas: replicas, waitTimeout: timeout)
      try TargetProbe.check(endpoint, dialect, patience: patience)
    case .etcd:
      try TargetProbe.check(endpoint, EtcdDialect(endpoint: endpoint), patience: patience)
    }
  }

  /// Runs a trial to its end.
  /// - Parameter progress: called at intervals with the trial's time and the number of operations
  ///   acknowledged so far; returns false to stop.
  /// - Returns: the record, and the load, which holds the history; `nil` if `progress` stopped the
  ///   trial.
  package func run(
    _ setup: TargetSetup, load: consuming KeyValueLoad, progress: (Interval, Int) -> Bool
  ) throws -> (record: TrialRecord, load: KeyValueLoad)? {
    switch self {
    case .redis(let replicas, let timeout):
      let dialect = RedisDialect(waitReplicas: replicas, waitTimeout: timeout)
      var trial = try TargetTrial(setup, load: load, dialect: dialect)
      return try trial.run(progress: progress).map { ($0, trial.driver.clients.load) }
    case .etcd:
      let dialect = EtcdDialect(endpoint: setup.endpoint)
      var trial = try TargetTrial(setup, load: load, dialect: dialect)
      return try trial.run(progress: progress).map { ($0, trial.driver.clients.load) }
    }
  }
}
