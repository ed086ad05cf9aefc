import Experiments
import Measurement

/// A part of a run that is made apart from the others: the second of three.
public struct Shard: Sendable, Equatable, Codable, CustomStringConvertible {
  /// From 1.
  public var number: Int
  public var count: Int

  public init(number: Int, count: Int) {
    self.number = number
    self.count = count
  }

  public var description: String { "\(number)/\(count)" }
}

/// Which trials are to run. That depends on the trials that are finished and on nothing else, so
/// that it is the same whatever `--jobs` is, after an interruption, and on several machines.
///
/// A run consists of *units*, which know nothing of each other: a trial; with a stopping rule, all
/// trials of a sweep point; in a search, all trials of a row. Shards share the units.
extension RunOutline {
  /// What can run now: all of it at once, and in any order. Empty when the run is complete.
  public func next(after trials: [FinishedTrial], of shard: Shard? = nil) -> [TrialPlace] {
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

  /// Into how many parts the run can be divided.
  public var unitCount: Int {
    search != nil ? searches.count : stopping.isEmpty ? places.count : points.count
  }

  /// How many trials there may be, of the whole run or of a shard.
  public func mostTrials(of shard: Shard? = nil) -> Int {
    // The easy end of a search, some doublings and as many halves.
    let all =
      search.map { places.count / $0.count * min($0.count, 16) } ?? places.count
    return shard.map { max(all / $0.count, 1) } ?? all
  }

  public func isComplete(_ trials: [FinishedTrial]) -> Bool { next(after: trials).isEmpty }

  /// The trials that rows need at a point and do not have yet.
  func round(at point: Int, rows: [Int], _ finished: FinishedTrials) -> [TrialPlace] {
    func places(_ numbers: ClosedRange<Int>) -> [TrialPlace] {
      rows.flatMap { row in
        numbers.map { TrialPlace(point: point, protocolIndex: row, trial: $0) }
      }
    }
    guard !stopping.isEmpty else {
      return places(1...trials).filter { finished[$0] == nil }
    }
    // A trial beyond the least was begun because those before it were not enough.
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

/// Finished trials by their places.
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
  /// Whether the interval of the mean is narrow enough. A mean without an interval never is.
  fileprivate func meets(_ precision: Precision) -> Bool {
    guard let name = MeasureName.named(precision.name) else { return true }
    let estimate = estimate(of: name)
    guard estimate.count == trials.count, let mean = estimate.mean, let margin = estimate.margin
    else { return false }
    return margin <= precision.tolerance * (precision.isShare ? mean.magnitude : 1)
  }
}
