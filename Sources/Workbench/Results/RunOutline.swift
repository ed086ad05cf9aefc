// Everything that a run writes and prints: the CSV files and their schema, the run directory, the
// comparison table, the progress line. It is given finished trials and knows no protocol and no
// runtime. README says which files there are, and `list columns` what they hold.
//
// Nothing here depends on the order in which trials finish: every trial has its place in the outline,
// and rows appear in the order of the places. Wall-clock times appear in `manifest.json` alone.

import Experiments

/// What a run consists of, before it begins.
public struct RunOutline: Sendable, Equatable, Codable {
  public var name: String
  public var seed: UInt64
  /// Paths of the swept values, such as `workload.clients`; each is a column of every file.
  public var sweepPaths: [String]
  /// One per sweep point: the values' text in the order of `sweepPaths`. A run without a sweep has one
  /// point without values.
  public var points: [[String]]
  /// What is compared, by the names in the files: the protocols in the order of the experiment, then
  /// other systems.
  public var protocols: [String]
  /// The row that others are compared with: index into `protocols`.
  public var baseline: Int?
  /// Trials of each protocol at each point; with a stopping rule, the most of them.
  public var trials: Int
  /// The fewest, and how precise results have to be that stop there or later.
  public var leastTrials: Int
  public var stopping: [Precision]
  public var search: SearchOutline?
  /// Conditions that the results are expected to meet.
  public var expect: [String]
  /// The names of faults, which conditions may use.
  public var faults: [String]

  public init(
    name: String, seed: UInt64, protocols: [String], trials: Int, sweepPaths: [String] = [],
    points: [[String]] = [[]], baseline: Int? = nil, expect: [String] = [],
    leastTrials: Int? = nil, stopping: [Precision] = [], search: SearchOutline? = nil,
    faults: [String] = []
  ) {
    self.name = name
    self.seed = seed
    self.protocols = protocols
    self.trials = trials
    self.sweepPaths = sweepPaths
    self.points = points
    self.baseline = baseline
    self.expect = expect
    self.leastTrials = leastTrials ?? trials
    self.stopping = stopping
    self.search = search
    self.faults = faults
  }

  /// The place of every trial that there may be, in the order of the files: by point, then
  /// protocol, then number.
  public var places: [TrialPlace] {
    points.indices.flatMap { point in
      protocols.indices.flatMap { index in
        (0..<trials).map { TrialPlace(point: point, protocolIndex: index, trial: $0 + 1) }
      }
    }
  }

  /// The cells that say which trial a row belongs to, as far as a protocol and a point do.
  func key(_ place: TrialPlace) -> [String] {
    [protocols[place.protocolIndex]] + points[place.point]
  }

  /// `history-PROTOCOL-TRIAL.edn`; with a sweep the point's number, counted from 1, comes before the
  /// trial's.
  public func historyFileName(_ place: TrialPlace) -> String {
    "history-\(stem(place, showsPoint: points.count > 1)).edn"
  }

  func fragmentName(_ place: TrialPlace) -> String { stem(place, showsPoint: true) + ".json" }

  private func stem(_ place: TrialPlace, showsPoint: Bool) -> String {
    let point = showsPoint ? "\(place.point + 1)-" : ""
    return "\(protocols[place.protocolIndex])-\(point)\(place.trial)"
  }
}

/// Which trial of a run.
public struct TrialPlace: Sendable, Hashable, Comparable, Codable {
  /// Index into `RunOutline.points`.
  public var point: Int
  /// Index into `RunOutline.protocols`.
  public var protocolIndex: Int
  /// Counted from 1.
  public var trial: Int

  public init(point: Int, protocolIndex: Int, trial: Int) {
    self.point = point
    self.protocolIndex = protocolIndex
    self.trial = trial
  }

  public static func < (a: TrialPlace, b: TrialPlace) -> Bool {
    (a.point, a.protocolIndex, a.trial) < (b.point, b.protocolIndex, b.trial)
  }
}
