import Configuration
import Experiments
import Histories
import Linearizability
import Measurement
import ProtocolList
import Replication
import Simulation
import Sockets
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
  /// What the user should know besides, a sentence each.
  public var notes: [String] = []

  /// Measures and checks what was seen.
  init(_ observation: TrialObservation, _ experiment: Experiment, notes: [String] = []) {
    let settings = MeasurementSettings(
      window: experiment.window.nanoseconds, sloLatency: experiment.sloLatency.nanoseconds)
    self.observation = observation
    metrics = TrialMetrics(observation, settings)
    verdict = ConsistencyCheck(experiment.check.consistency).verdict(of: observation.operations)
    self.notes = notes
  }
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
    var trial = Trial(
      setup, load: KeyValueLoad(experiment.workload, seed: task.seed, populate: Memory.populate))
    guard let stock = trial.run(progress: progress) else { return nil }
    let observation = TrialObservation(
      stock: stock, operations: trial.load.takeOperations(), experiment: experiment)
    return TrialReport(observation, experiment)
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
