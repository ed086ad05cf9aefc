import Experiments
import Histories
import Linearizability
import Measurement
import ProtocolList
import Replication
import Simulation
import Workloads

/// One trial of an experiment: which cell of the comparison, and which repetition.
public struct TrialTask: Sendable {
  /// Position in the plan's sweep.
  public var point: Int
  public var experiment: Experiment
  public var contender: Contender
  /// From 1. Trials of the same number have the same seed for every contender and sweep point, so that
  /// they meet the same arrivals, latencies and faults and differences can be paired.
  public var trial: Int

  public var seed: UInt64 { experiment.seed &+ UInt64(trial - 1) }

  /// All trials of a plan: by sweep point, contender and trial, the order of the CSV files.
  public static func all(of plan: ExperimentPlan) -> [TrialTask] {
    plan.points.enumerated().flatMap { index, point in
      point.experiment.contenders.flatMap { contender in
        (1...max(plan.experiment.trials, 1)).map { trial in
          TrialTask(
            point: index, experiment: point.experiment, contender: contender, trial: trial)
        }
      }
    }
  }
}

/// What a finished trial was seen to do, what that measures, and whether it was right.
public struct TrialReport: Sendable {
  public var observation: TrialObservation
  public var metrics: TrialMetrics
  /// What the checker says of the history.
  public var verdict: Verdict
}

/// Runs trials in the simulator.
public enum TrialRunner {
  /// - Parameters:
  ///   - task: of the simulation runtime.
  ///   - progress: gets the virtual time and the number of events now and then; returns false to
  ///     abandon the trial.
  /// - Returns: `nil` if the trial was abandoned.
  public static func run(
    _ task: TrialTask, progress: @escaping (Interval, Int) -> Bool = { _, _ in true }
  ) -> TrialReport? {
    guard task.experiment.runtime == .simulation, case .protocol(let choice) = task.contender,
      let kind = ProtocolKind(rawValue: choice.name)
    else {
      preconditionFailure(
        "\(task.contender.name) is not a listed protocol, or not for the simulator")
    }
    var visitor = SimulationVisitor(kind: kind, choice: choice, task: task, progress: progress)
    return kind.visit(&visitor)
  }
}

struct SimulationVisitor: ProtocolVisitor {
  let kind: ProtocolKind
  let choice: ProtocolChoice
  let task: TrialTask
  let progress: (Interval, Int) -> Bool

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> TrialReport? {
    let experiment = task.experiment
    var setup = TrialSetup<Core>(
      membership: kind.membership(replicas: choice.replicas),
      options: Core.Options(choice.options))
    setup.environment = experiment.environment
    setup.faults = experiment.faults(for: choice)
    setup.clients = experiment.workload.clients
    setup.arrival = experiment.workload.arrival
    setup.timeout = experiment.workload.timeout
    setup.thinkTime = experiment.workload.thinkTime
    setup.warmUp = experiment.warmUp
    setup.duration = experiment.duration
    setup.window = experiment.window
    setup.seed = task.seed
    var trial = Trial(setup, load: KeyValueLoad(experiment.workload, seed: task.seed))
    guard let stock = trial.run(progress: progress) else { return nil }
    let observation = TrialObservation(
      stock: stock, operations: trial.load.operations, experiment: experiment)
    let settings = MeasurementSettings(
      window: experiment.window.nanoseconds, sloLatency: experiment.sloLatency.nanoseconds)
    return TrialReport(
      observation: observation, metrics: TrialMetrics(observation, settings),
      verdict: ConsistencyCheck(experiment.check.consistency).verdict(of: observation.operations))
  }
}

extension CheckLevel {
  var consistency: Consistency {
    switch self {
    case .linearizable: .linearizable
    case .sequential: .sequential
    case .eventual: .eventual
    case .none: .none
    }
  }
}

extension TrialObservation {
  /// What the simulator saw, in the terms of measurement.
  init(stock: TrialStock, operations: [Operation], experiment: Experiment) {
    let window = experiment.window.nanoseconds
    var violations = stock.violations
    if !stock.finalStatesAgree {
      violations.append("replicas that applied the same entries ended in different states")
    }
    let lost = TrialObservation.lostWrites(operations, surviving: stock)
    if lost > 0 {
      violations.append("\(lost) acknowledged writes are missing from the final state")
    }
    self.init(
      operations: operations, warmUpEnd: experiment.warmUp.nanoseconds,
      measuredEnd: experiment.duration.nanoseconds, clients: experiment.workload.clients,
      faults: stock.faults.map { fault in
        FaultOccurrence(
          kind: fault.kind, target: fault.target,
          node: fault.nodes.map(String.init).joined(separator: "+"),
          startNs: fault.start.nanoseconds, endNs: fault.end?.nanoseconds)
      },
      nodes: stock.nodes.enumerated().map { number, node in
        NodeUsage(
          node: number, role: node.isAuthority ? .authority : .replica,
          messagesSent: node.messagesSent, messagesReceived: node.messagesReceived,
          bytesSent: node.bytesSent, bytesReceived: node.bytesReceived, fsyncs: node.syncs,
          bytesWritten: node.bytesWritten, cpuBusyNs: node.busy.nanoseconds,
          logEntries: node.logRecords)
      },
      leadership: stock.leadership.enumerated().map { index, sample in
        LeadershipSample(
          windowStart: Int64(index) * window, leader: sample.leader, epoch: sample.epoch)
      },
      safetyViolations: violations,
      lostWrites: lost,
      eventsProcessed: stock.eventCount)
  }

  /// Acknowledged updates that are not part of the state in which the cluster came to rest. A
  /// compare-and-swap that did not swap changed nothing and cannot be lost. A cluster that did not come
  /// to rest has no final state yet, and nothing can be said to be missing from it.
  private static func lostWrites(_ operations: [Operation], surviving stock: TrialStock) -> Int {
    guard stock.hasSettled else { return 0 }
    return operations.count { operation in
      guard operation.outcome == .ok, operation.kind != .get else { return false }
      if operation.kind == .compareAndSwap, !operation.swapped { return false }
      let id = RequestID(
        client: ClientID(UInt64(operation.client)), sequence: operation.sequence)
      return !stock.surviving.contains(id)
    }
  }
}
