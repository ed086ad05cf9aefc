import CLinux
import Clients
import Configuration
import Experiments
import Histories
import LoadDriving
import Measurement
import OtherSystems
import Primitives
import Replication
import Sockets
import Trials
import Workloads

/// Runs trials on other systems, which the user has started.
package enum TargetTrialRunner {
  /// Checks that all targets answer and are the systems that the experiment names. Throws a
  /// one-line error about the first target that is not.
  package static func check(_ targets: [TargetChoice]) throws {
    for target in targets {
      let endpoint = try endpoint(of: target)
      do {
        try targetSystem(target).check(endpoint)
      } catch {
        throw TargetError("target \(target.name): \(error)")
      }
    }
  }

  /// - Parameters:
  ///   - task: a trial of a target.
  ///   - progress: is called now and then with the trial's time and the number of acknowledged
  ///     operations; returns false to abandon the trial.
  /// - Returns: `nil` if the trial was abandoned.
  package static func run(
    _ task: TrialTask, of target: TargetChoice, progress: (Interval, Int) -> Bool
  ) throws -> TrialReport? {
    let experiment = task.experiment
    let workload = experiment.workload
    var setup = TargetSetup(name: target.name, endpoint: try endpoint(of: target))
    setup.plan = task.plan
    setup.connections = connections(to: target, workload)
    // The store outlives the trial, so keys must differ from those of other trials and of the user.
    let trial36 = String(UInt64.random(in: 1 << 30..<1 << 36), radix: 36)
    linux_prefer_throughput()
    let load = KeyValueLoad(
      workload, seed: task.seed, keyPrefix: "rsmbench-\(trial36)-", populate: Memory.populate)
    let system = targetSystem(target, waitTimeout: workload.timeout)
    guard var ended = try system.run(setup, load: load, progress: progress) else { return nil }
    return TrialReport(ended.record, &ended.load, experiment)
  }

  private static func targetSystem(
    _ target: TargetChoice, waitTimeout: Interval = .seconds(1)
  ) -> TargetSystem {
    switch target.kind {
    case .redis: .redis(waitReplicas: target.wait, waitTimeout: waitTimeout)
    case .etcd: .etcd
    }
  }

  /// Redis answers a pipeline in order, so clients share connections as with the project's own
  /// nodes. If a connection carries one request at a time (`WAIT` delays all later commands, and so
  /// does etcd's gateway), each client has its own connection, up to a limit.
  private static func connections(to target: TargetChoice, _ workload: WorkloadSpec) -> Int {
    guard target.kind == .etcd || target.wait > 0 else {
      return workload.connections.count(clients: workload.clients)
    }
    return min(max(workload.clients, 1), TargetLimits.connections)
  }

  private static func endpoint(of target: TargetChoice) throws(TargetError) -> Endpoint {
    guard let endpoint = Endpoint(target.address) else {
      throw TargetError("target \(target.name): \(target.address) is no address")
    }
    return endpoint
  }
}
