// The files and the text that a run writes: the CSV files and their schema, the run directory, the
// comparison table, the progress line. The module is given finished trials and knows no protocol
// and no runtime. README lists the files, and `list columns` their columns.
//
// The order in which trials finish does not matter: every trial has its place in the outline, and
// rows appear in the order of the places. Wall-clock times appear in `manifest.json` alone.

import Experiments

/// The trials of a run as known before it begins.
package struct RunOutline: Sendable, Equatable, Codable {
  package var name: String
  package var seed: UInt64
  /// Paths of the swept values, such as `workload.clients`; each is a column of every file.
  package var sweepPaths: [String]
  /// The sweep points, each as the values' text in the order of `sweepPaths`. A run without a sweep
  /// has one point without values.
  package var points: [[String]]
  /// The names in the files of the compared rows: the protocols in the order of the experiment,
  /// then other systems.
  package var protocols: [String]
  /// The row with which the others are compared: an index into `protocols`.
  package var baseline: Int?
  /// The trials of each protocol at each point; with a stopping rule, their largest number.
  package var trials: Int
  /// The smallest number of trials, and the precisions that allow stopping at it or later.
  package var leastTrials: Int
  package var stopping: [Precision]
  package var search: SearchOutline?
  /// Operations are traced, at least at one sweep point.
  package var traces: Bool
  /// Conditions that the results are expected to meet.
  package var expect: [String]
  /// The names of faults, which conditions may use.
  package var faults: [String]

  package init(
    name: String, seed: UInt64, protocols: [String], trials: Int, sweepPaths: [String] = [],
    points: [[String]] = [[]], baseline: Int? = nil, expect: [String] = [],
    leastTrials: Int? = nil, stopping: [Precision] = [], search: SearchOutline? = nil,
    faults: [String] = [], traces: Bool = false
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
    self.traces = traces
  }

  /// The place of every possible trial in the order of the files: by point, then protocol, then
  /// number.
  package var places: [TrialPlace] {
    points.indices.flatMap { point in
      protocols.indices.flatMap { index in
        (0..<trials).map { TrialPlace(point: point, protocolIndex: index, trial: $0 + 1) }
      }
    }
  }

  /// The first cells of a row: the protocol and the values of the sweep point.
  func key(_ place: TrialPlace) -> [String] {
    [protocols[place.protocolIndex]] + points[place.point]
  }

  /// `history-PROTOCOL-TRIAL.edn`; with a sweep, `history-PROTOCOL-POINT-TRIAL.edn`, with points
  /// counted from 1.
  package func historyFileName(_ place: TrialPlace) -> String {
    "history-\(stem(place, showsPoint: points.count > 1)).edn"
  }

  func fragmentName(_ place: TrialPlace) -> String { stem(place, showsPoint: true) + ".json" }

  private func stem(_ place: TrialPlace, showsPoint: Bool) -> String {
    let point = showsPoint ? "\(place.point + 1)-" : ""
    return "\(protocols[place.protocolIndex])-\(point)\(place.trial)"
  }
}

/// Identifies a trial of a run.
package struct TrialPlace: Sendable, Hashable, Comparable, Codable {
  /// Index into `RunOutline.points`.
  package var point: Int
  /// Index into `RunOutline.protocols`.
  package var protocolIndex: Int
  /// Counted from 1.
  package var trial: Int

  package init(point: Int, protocolIndex: Int, trial: Int) {
    self.point = point
    self.protocolIndex = protocolIndex
    self.trial = trial
  }

  package static func < (a: TrialPlace, b: TrialPlace) -> Bool {
    (a.point, a.protocolIndex, a.trial) < (b.point, b.protocolIndex, b.trial)
  }
}
