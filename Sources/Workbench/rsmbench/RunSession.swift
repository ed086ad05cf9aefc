import Trials
import Configuration
import Experiments
import Faults
import Histories
import Replication
import Results
import Runner
import Synchronization

/// Runs the trials of a run on several threads.
final class RunSession: Sendable {
  private struct State {
    var finished: [FinishedTrial] = []
    var failure: (any Error)?
    var notes: [String] = []
  }

  private let plan: ExperimentPlan
  private let directory: RunDirectory
  private let writesHistories: Bool
  private let place: ClusterPlace
  private let progress: ProgressLine
  private let replay: Replay
  private let shard: Shard?
  private let state = Mutex(State())
  /// Once set, running trials are abandoned and no more trials begin.
  private let isStopped: StopFlag

  init(
    plan: ExperimentPlan, directory: RunDirectory, request: RunRequest, isStopped: StopFlag
  ) {
    self.plan = plan
    self.isStopped = isStopped
    self.directory = directory
    shard = request.shard
    writesHistories = request.writesHistories
    replay = request.replay
    place = ClusterPlace(hosts: request.hosts, scratch: request.data ?? directory.path)
    progress = ProgressLine(
      trialsTotal: directory.outline.mostTrials(of: request.shard),
      trialsBefore: directory.finishedBefore.count,
      trialDurationNs: plan.experiment.duration.nanoseconds,
      kind: plan.experiment.runtime == .simulation ? .simulation : .cluster,
      isQuiet: request.isQuiet)
  }

  /// Trials that finished in this session, in no particular order.
  var finished: [FinishedTrial] { state.withLock { $0.finished } }
  /// Notes for the user besides the results.
  var notes: [String] { state.withLock { $0.notes } }
  /// The reason why a trial could not be run or its results not be kept.
  var failure: (any Error)? { state.withLock { $0.failure } }

  /// How long running trials may take to end after a stop, in seconds. Simulated trials notice a
  /// stop at once, except while their histories are checked. The nodes of a cluster end with this
  /// process.
  private static let patience = 0.5

  func runTrials(jobs: Int) {
    var begun = 0
    while !isStopped.isSet {
      let places = directory.outline.next(after: directory.finishedBefore + finished, of: shard)
      if places.isEmpty { break }
      // The numbers distinguish the trials that run at the same time.
      let first = begun
      begun += places.count
      ParallelRun.run(
        count: places.count, jobs: jobs, patience: RunSession.patience,
        stop: { self.isStopped.isSet }, work: { self.runTrial(first + $0, at: places[$0]) })
    }
    progress.end()
  }

  private func runTrial(_ number: Int, at place: TrialPlace) {
    let task = TrialTask(of: plan, place)
    let report: TrialReport
    let name = directory.outline.name(of: place)
    progress.begin(trial: number, name: name, faultsNs: task.experiment.faultStarts)
    do {
      let finished = try CrashNotice.during(crashNotice(task, place)) {
        try self.report(on: task, number)
      }
      guard let finished else { return }
      report = finished
    } catch {
      state.withLock { $0.failure = error }
      isStopped.set()
      return
    }
    if !report.notes.isEmpty { state.withLock { $0.notes += report.notes } }
    let trial = FinishedTrial(
      place: place, seed: task.seed, observation: report.observation, metrics: report.metrics,
      verdict: TrialVerdict(report.verdict, in: report.observation))
    do {
      if writesHistories { try writeHistory(of: report, task, place) }
      try directory.keep(trial)
    } catch {
      state.withLock { $0.failure = error }
      isStopped.set()
      return
    }
    state.withLock { $0.finished.append(trial) }
    progress.finish(
      trial: number, events: report.observation.eventsProcessed,
      summary: "\(name): \(trial.verdict.word.rawValue)")
  }

  /// Writes the operations of a trial, after a header with the data needed to measure them again.
  private func writeHistory(
    of report: TrialReport, _ task: TrialTask, _ place: TrialPlace
  ) throws(RunDirectoryError) {
    let record = report.observation
    let header = [
      "rsmbench history: times are ns since the trial began; :due is when a call was due. The",
      "measured interval goes from :warm-up-end to :measured-end.",
      "{:protocol \"\(task.contender.name)\", :trial \(task.trial), :seed \(task.seed), "
        + ":warm-up-end \(record.warmUpEndNs), :measured-end \(record.measuredEndNs), "
        + ":slo \(task.experiment.sloLatency.nanoseconds)}",
    ]
    try directory.write(to: directory.outline.historyFileName(place)) {
      add throws(RunDirectoryError) in
      try JepsenHistory.write(
        record.history, scans: record.scans, header: header, to: add)
    }
  }

  /// The message printed if a protocol's code traps, which ends this process.
  private func crashNotice(_ task: TrialTask, _ place: TrialPlace) -> String {
    let command = replay.command(plan, place, seed: task.seed)
    // The live progress line does not end in a line feed.
    return (Terminal.standardError.isInteractive ? "\n" : "")
      + "rsmbench: crashed in \(task.contender.name), trial \(task.trial) (seed \(task.seed)); finished "
      + "trials are kept in \(directory.path); to replay: \(command)"
  }

  /// `nil` if the trial was abandoned.
  private func report(on task: TrialTask, _ number: Int) throws -> TrialReport? {
    func shouldContinue(_ time: Interval, _ events: Int) -> Bool {
      progress.advance(trial: number, timeNs: time.nanoseconds, events: events)
      return !isStopped.isSet
    }
    switch task.experiment.runtime {
    case .simulation: return TrialRunner.run(task, progress: shouldContinue)
    case .cluster:
      switch task.contender {
      case .protocol(let choice):
        return try ClusterTrialRunner.run(task, of: choice, at: place, progress: shouldContinue)
      case .target(let choice):
        return try TargetTrialRunner.run(task, of: choice, progress: shouldContinue)
      }
    }
  }
}

extension Experiment {
  /// When the first faults begin, in ns since the start of a trial; chaos begins once.
  fileprivate var faultStarts: [Int64] {
    faults.timed.map(\.at.nanoseconds) + faults.chaos.map(\.from.nanoseconds)
  }
}

extension TrialTask {
  init(of plan: ExperimentPlan, _ place: TrialPlace) {
    let experiment = plan.points[place.point].experiment
    self.init(
      point: place.point, experiment: experiment,
      contender: experiment.contenders[place.protocolIndex], trial: place.trial)
  }
}
