import Experiments
import Measurement

/// A part of a run that is run separately, such as the second of three.
package struct Shard: Sendable, Equatable, Codable, CustomStringConvertible {
  /// Counted from 1.
  package var number: Int
  package var count: Int

  package init(number: Int, count: Int) {
    self.number = number
    self.count = count
  }

  package var description: String { "\(number)/\(count)" }
}

/// Which trials to run next. That depends only on the finished trials, so it is the same for every
/// `--jobs`, after an interruption, and on several machines.
///
/// A run consists of *units* that do not influence each other: a trial; with a stopping rule, all
/// trials of a sweep point; in a search, all trials of a row. Shards divide the units.
extension RunOutline {
  /// The trials that can run now, in parallel and in any order. Empty when the run is complete.
  package func next(after trials: [FinishedTrial], of shard: Shard? = nil) -> [TrialPlace] {
    let finished = FinishedTrials(trials)
    func isMine(_ unit: Int) -> Bool {
      shard.map { unit % $0.count == $0.number - 1 } ?? true
    }
    if let search {
      return searches.filter { isMine($0.unit) }.flatMap { row in
        search.next(row, in: self, finished).places
      }
    }
    guard stopping.isEmpty else {
      return points.indices.filter(isMine).flatMap {
        round(at: $0, rows: Array(protocols.indices), finished)
      }
    }
    return places.enumerated().filter { isMine($0.offset) && finished[$0.element] == nil }
      .map(\.element)
  }

  /// The number of units, and so the largest number of shards.
  package var unitCount: Int {
    search != nil ? searches.count : stopping.isEmpty ? places.count : points.count
  }

  /// An upper bound of the trials of the whole run or of a shard; for a search, an estimate.
  package func mostTrials(of shard: Shard? = nil) -> Int {
    // A search tries the easy end, some doublings and as many halvings: 16 values are assumed.
    let all =
      search.map { places.count / $0.count * min($0.count, 16) } ?? places.count
    return shard.map { max(all / $0.count, 1) } ?? all
  }

  package func isComplete(_ trials: [FinishedTrial]) -> Bool { next(after: trials).isEmpty }

  /// The trials that the rows still need at a point.
  func round(at point: Int, rows: [Int], _ finished: FinishedTrials) -> [TrialPlace] {
    func places(_ numbers: ClosedRange<Int>) -> [TrialPlace] {
      rows.flatMap { row in
        numbers.map { TrialPlace(point: point, protocolIndex: row, trial: $0) }
      }
    }
    guard !stopping.isEmpty else {
      return places(1...trials).filter { finished[$0] == nil }
    }
    // A trial beyond the least number was begun because the trials before it were not enough.
    let begun = rows.map { finished.last(point: point, row: $0) }.max() ?? 0
    let count = max(leastTrials, begun)
    let missing = places(1...count).filter { finished[$0] == nil }
    guard missing.isEmpty, count < trials else { return missing }
    let groups = rows.map { row in
      TrialGroup(
        trials: (1...count).compactMap {
          finished[TrialPlace(point: point, protocolIndex: row, trial: $0)]
        })
    }
    let isPrecise = groups.allSatisfy { group in stopping.allSatisfy(group.meets) }
    return isPrecise ? [] : places((count + 1)...(count + 1))
  }
}

/// Finished trials, indexed by their places.
struct FinishedTrials {
  private var byPlace: [TrialPlace: FinishedTrial] = [:]
  private var lastNumbers: [TrialPlace: Int] = [:]

  init(_ trials: [FinishedTrial]) {
    for trial in trials {
      byPlace[trial.place] = trial
      let row = trial.place.ofRow
      lastNumbers[row] = max(lastNumbers[row] ?? 0, trial.place.trial)
    }
  }

  subscript(place: TrialPlace) -> FinishedTrial? { byPlace[place] }

  func last(point: Int, row: Int) -> Int {
    lastNumbers[TrialPlace(point: point, protocolIndex: row, trial: 0)] ?? 0
  }

  func group(point: Int, row: Int) -> TrialGroup? {
    let trials = (1...max(last(point: point, row: row), 1)).compactMap {
      self[TrialPlace(point: point, protocolIndex: row, trial: $0)]
    }
    return trials.isEmpty ? nil : TrialGroup(trials: trials)
  }
}

extension TrialGroup {
  /// Whether the interval of the mean is narrow enough; false for a mean without an interval.
  fileprivate func meets(_ precision: Precision) -> Bool {
    guard let name = MeasureName.named(precision.name) else { return true }
    let estimate = estimate(of: name)
    guard estimate.count == trials.count, let mean = estimate.mean, let margin = estimate.margin
    else { return false }
    return margin <= precision.tolerance * (precision.isShare ? mean.magnitude : 1)
  }
}
