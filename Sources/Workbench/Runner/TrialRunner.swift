import Clients
import Configuration
import Experiments
import Histories
import Linearizability
import Measurement
import ProtocolList
import Replication
import Simulation
import Sockets
import Trials
import Workloads

/// One trial of an experiment: a cell of the comparison, and the number of the repetition.
package struct TrialTask: Sendable {
  /// Index of the point in the plan's sweep.
  package var point: Int
  package var experiment: Experiment
  package var contender: Contender
  /// Counted from 1. Trials of the same number have the same seed for every contender and sweep
  /// point, so that they have the same arrivals, latencies and faults, and differences can be
  /// paired.
  package var trial: Int

  package init(point: Int, experiment: Experiment, contender: Contender, trial: Int) {
    self.point = point
    self.experiment = experiment
    self.contender = contender
    self.trial = trial
  }

  package var seed: UInt64 { experiment.seed &+ UInt64(trial - 1) }
  package var plan: TrialPlan { experiment.plan(of: contender, seed: seed) }

  /// All trials of a plan: by sweep point, contender and trial, the order of the CSV files.
  package static func all(of plan: ExperimentPlan) -> [TrialTask] {
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

/// The observations of a finished trial, the metrics computed from them, and the verdict.
package struct TrialReport: Sendable {
  package var observation: TrialRecord
  package var metrics: TrialMetrics
  /// The checker's verdict on the history.
  package var verdict: Verdict
  /// Notes for the user, a sentence each.
  package var notes: [String] = []

  /// Completes a runtime's record with the load's operations, then measures and checks it.
  init(_ record: TrialRecord, _ load: inout KeyValueLoad, _ experiment: Experiment) {
    var record = record
    record.operations = load.takeOperations()
    record.scans = load.takeScans()
    record.probes = load.takeProbes()
    record.countLostWrites()
    // A runtime in real time counts no events, so operations are counted instead.
    if record.eventsProcessed == 0 { record.eventsProcessed = record.operations.count }
    let settings = MeasurementSettings(
      window: experiment.window, sloLatency: experiment.sloLatency,
      isOpenLoop: experiment.workload.arrival != .closed)
    observation = record
    metrics = TrialMetrics(record, settings)
    if let broken = metrics.brokenInvariant(in: record, pause: experiment.exactPause) {
      fatalError("internal error: the numbers of a trial contradict each other: \(broken)")
    }
    let check = ConsistencyCheck(experiment.check)
    // Linearizability is local: a history is linearizable if its parts on different keys are.
    verdict = check.verdict(of: record.operations, scans: record.scans)
      .worse(check.verdict(of: record.probes))
    notes = record.notes
  }
}

extension Experiment {
  /// How long every client pauses after each operation; nil if that varies. It does in real time,
  /// in an open loop, and with rates, at which clients wait for their next operation.
  fileprivate var exactPause: Interval? {
    guard runtime == .simulation, workload.arrival == .closed,
      workload.rates.allSatisfy({ $0 == nil })
    else { return nil }
    return max(workload.thinkTime, .nanoseconds(1))
  }
}

/// Runs trials in the simulator.
package enum TrialRunner {
  /// - Parameters:
  ///   - task: a trial of the simulation runtime.
  ///   - progress: is called now and then with the virtual time and the number of events; returns
  ///     false to abandon the trial.
  /// - Returns: `nil` if the trial was abandoned.
  package static func run(
    _ task: TrialTask, progress: @escaping (Interval, Int) -> Bool = { _, _ in true }
  ) -> TrialReport? {
    guard task.experiment.runtime == .simulation, case .protocol(let choice) = task.contender else {
      preconditionFailure("\(task.contender.name) is not for the simulator")
    }
    var visitor = SimulationVisitor(choice: choice, task: task, progress: progress)
    return choice.kind.visit(&visitor)
  }
}

struct SimulationVisitor: ProtocolVisitor {
  let choice: ProtocolChoice
  let task: TrialTask
  let progress: (Interval, Int) -> Bool

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> TrialReport? {
    let experiment = task.experiment
    var setup = TrialSetup<Core>(
      membership: choice.kind.membership(replicas: choice.replicas),
      options: Core.Options(choice.options))
    setup.environment = experiment.environment
    setup.plan = task.plan
    var trial = Trial(
      setup, load: KeyValueLoad(experiment.workload, seed: task.seed, populate: Memory.populate))
    guard let record = trial.run(progress: progress) else { return nil }
    // The trial's logs and states are freed first, because measuring and checking the history takes
    // memory, too.
    var load = trial.clients.load
    _ = consume trial
    Memory.giveBack()
    return TrialReport(record, &load, experiment)
  }
}
