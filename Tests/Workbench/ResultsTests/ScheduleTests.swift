import Configuration
import Experiments
import Measurement
import Testing

@testable import Results

@Suite struct ScheduleTests {
  /// Measured once, because the trials here differ only in their places and one metric.
  private static let pattern = finished(outline.places[0])

  /// A trial with the given throughput.
  private func trial(_ place: TrialPlace, throughput: Double) -> FinishedTrial {
    var trial = Self.pattern
    trial.place = place
    if let index = MetricColumn.all.firstIndex(where: { $0.name == "throughput" }) {
      trial.metrics[index] = throughput
    }
    return trial
  }

  private func stopping(_ text: String) throws -> RunOutline {
    let plan = try ExperimentPlan.read(
      text: "{ trials: { min: 2, max: 6, until: '\(text)' } }", file: "x")
    return RunOutline(
      name: "x", seed: 1, protocols: ["raft", "chain-replication"], trials: 6,
      sweepPaths: ["workload.clients"], points: [["1"], ["2"]], leastTrials: 2,
      stopping: plan.experiment.stopping?.until ?? [])
  }

  /// Runs the trials that the schedule returns until it returns none.
  private func run(
    _ outline: RunOutline, of shard: Shard? = nil, _ throughput: (TrialPlace) -> Double
  ) -> [FinishedTrial] {
    var trials: [FinishedTrial] = []
    while true {
      let next = outline.next(after: trials, of: shard)
      if next.isEmpty { return trials }
      #expect(Set(next).count == next.count)
      #expect(Set(next).isDisjoint(with: trials.map(\.place)))
      trials += next.shuffled().map { trial($0, throughput: throughput($0)) }
    }
  }

  private func counts(_ trials: [FinishedTrial]) -> [Int] {
    TrialGroup.groups(trials).map(\.trials.count)
  }

  @Test("Trials stop when every row of the point is precise enough, or at the maximum")
  func stoppingRule() throws {
    let outline = try stopping("throughput ±2%")
    // At the first point one row varies in its first trials; at the second point it always varies.
    let trials = run(outline) { place in
      switch (place.point, place.protocolIndex, place.trial) {
      case (0, 1, 1): 1_010
      case (1, 0, let number): number % 2 == 0 ? 500 : 1_500
      default: 1_000
      }
    }
    // For 1,010 and 1,000 the margin is ±64 after two trials, ±14 after three.
    #expect(counts(trials) == [3, 3, 6, 6])
    #expect(outline.isComplete(trials))
    #expect(outline.places.count == 24)
  }

  @Test("An absolute tolerance is in the metric's unit")
  func absolute() throws {
    func count(_ text: String) throws -> Int {
      counts(run(try stopping(text)) { Double(1_000 + $0.trial % 2 * 10) })[0]
    }
    #expect(try count("throughput ±70/s") == 2)
    #expect(try count("throughput ±60/s") == 3)
    #expect(try count("throughput ±1") == 6)
  }

  @Test("The next trials depend on the finished ones, not on their order or on an interruption")
  func resumed() throws {
    let outline = try stopping("throughput ±2%")
    let throughput: (TrialPlace) -> Double = {
      Double(1_000 + ($0.trial * 7 + $0.point * 3) % 5 * 9)
    }
    let whole = run(outline, throughput).map(\.place).sorted()
    for count in 0..<whole.count {
      var trials = whole.shuffled().prefix(count).map { trial($0, throughput: throughput($0)) }
      while case let next = outline.next(after: trials), let first = next.randomElement() {
        trials.append(trial(first, throughput: throughput(first)))
      }
      #expect(trials.map(\.place).sorted() == whole)
    }
  }

  @Test("Shards have no trial in common, and together they have all trials")
  func shards() throws {
    for outline in [outline, try stopping("throughput ±2%"), search(maximum: true)] {
      let whole = Set(run(outline) { Double(1_000 - $0.point) }.map(\.place))
      var seen: Set<TrialPlace> = []
      for number in 1...3 {
        let part = run(outline, of: Shard(number: number, count: 3)) { Double(1_000 - $0.point) }
        #expect(seen.isDisjoint(with: part.map(\.place)))
        seen.formUnion(part.map(\.place))
      }
      #expect(seen == whole)
    }
  }

  // MARK: Search

  /// Two rows, two combinations, and the values 0...99 in each.
  private func search(maximum: Bool) -> RunOutline {
    RunOutline(
      name: "x", seed: 1, protocols: ["raft", "chain-replication"], trials: 2,
      sweepPaths: ["replicas", "workload.clients"],
      points: ["3", "5"].flatMap { replicas in (0..<100).map { [replicas, "\($0)"] } },
      search: SearchOutline(
        count: 100, isMaximum: maximum, condition: "throughput > 0.5", stepsPerDoubling: 7))
  }

  @Test(
    "A search finds the last value that holds in few steps", arguments: [true, false],
    [0, 1, 6, 7, 8, 10, 50, 98, 99, 100])
  func edge(maximum: Bool, edge: Int) {
    let outline = search(maximum: maximum)
    // The condition holds for the first `edge` values from the easy end.
    let trials = run(outline) { place in
      let step = place.point % 100
      return (maximum ? step : 99 - step) < edge ? 1 : 0
    }
    let found = outline.found(trials)
    #expect(found.count == 4)
    for (row, state) in found {
      func value(_ step: Int) -> String { "\(maximum ? step : 99 - step)" }
      #expect(outline.searchedValue(state.good) == (edge == 0 ? "" : value(edge - 1)))
      #expect(outline.searchedValue(state.bad) == (edge == 100 ? "" : value(edge)))
      #expect(state.tried <= 16 + 4)
      #expect(row.firstPoint % 100 == 0)
    }
  }

  @Test(
    "Beside the value found stand those at which each trial, and no trial, holds by itself",
    arguments: [true, false], [(2, 38), (8, nil)] as [(Int, Int?)])
  func spread(maximum: Bool, ends: (later: Int, none: Int?)) {
    let outline = search(maximum: maximum)
    // Trial 1 holds below 36 and trial 2 somewhat longer, so that their mean holds below 36 only.
    // The values tried are 0, 7, ..., 42, and then 38 and 36.
    let trials = run(outline) { place in
      let step = maximum ? place.point % 100 : 99 - place.point % 100
      return step < (place.trial == 1 ? 36 : 36 + ends.later) ? 1 : 0
    }
    for (_, state) in outline.found(trials) {
      func value(_ step: Int) -> String { "\(maximum ? step : 99 - step)" }
      #expect(outline.searchedValue(state.good) == value(35))
      #expect(outline.searchedValue(state.holdsInAll) == value(35))
      #expect(outline.searchedValue(state.holdsInNone) == (ends.none.map(value) ?? ""))
    }
  }

  @Test("search.csv and the table show the values found, only for searches")
  func shown() throws {
    let outline = search(maximum: true)
    let trials = run(outline) { $0.point % 100 < 42 ? 1 : 0 }
    let file = try #require(ResultFile.search(outline))
    let rows = try #require(parseCSV(file.csv(trials)))
    #expect(
      rows[0] == [
        "protocol", "replicas", "path", "condition", "found", "fails_at", "holds_in_all",
        "holds_in_none", "tried",
      ])
    #expect(rows[1].prefix(6) == ["raft", "3", "workload.clients", "throughput > 0.5", "41", "42"])
    let text = ResultTable(outline: outline, trials: trials).text()
    #expect(text.contains("Largest workload.clients such that throughput > 0.5\n"))
    #expect(!text.contains("Differences"))
    #expect(ResultFile.search(plain) == nil, "no search, no file")
  }

  private var plain: RunOutline { RunOutline(name: "x", seed: 1, protocols: ["raft"], trials: 1) }
}
