import Measurement

/// One CSV file of a run: its columns and how its rows are made from trials.
struct ResultFile: Sendable {
  var name: String
  var meaning: String
  var fields: [Field]
  /// The columns that together identify a row; empty if rows may repeat.
  var primaryKey: [String]
  var rows: @Sendable ([FinishedTrial]) -> [[String]]

  var fileName: String { name + ".csv" }

  /// `trials` may be in any order; rows follow the order of the places.
  func csv(_ trials: [FinishedTrial]) -> [UInt8] {
    var text = CSVText(header: fields.map(\.name))
    for row in rows(trials.sorted { $0.place < $1.place }) { text.append(row) }
    return text.bytes
  }

  static func all(_ outline: RunOutline) -> [ResultFile] {
    let trialColumns =
      outline.keyFields + [
        Field(name: "trial", kind: .integer, meaning: "number of the trial, from 1")
      ]
    func perTrial<Row>(
      _ name: String, _ meaning: String, _ columns: [Column<Row>], key: [String],
      _ cells: @escaping @Sendable (FinishedTrial) -> [[String]]
    ) -> ResultFile {
      ResultFile(
        name: name, meaning: meaning, fields: trialColumns + columns.map(\.field),
        primaryKey: key.isEmpty ? [] : trialColumns.map(\.name) + key
      ) { trials in
        trials.flatMap { trial in
          let which = outline.key(trial.place) + [String(trial.place.trial)]
          return cells(trial).map { which + $0 }
        }
      }
    }
    return [
      summary(outline),
      trials(outline, trialColumns),
      perTrial(
        "latency", "Percentiles of latency per trial and operation.", .latency,
        key: ["operation", "percentile"]
      ) { $0.latencyCells },
      perTrial(
        "timeline", "What happened in each window of each trial.", .timeline,
        key: ["window_start_ms"]
      ) { $0.timelineCells },
      perTrial("faults", "Each fault of each trial and what it did.", .faults, key: []) {
        $0.faultCells
      },
      perTrial(
        "resources",
        "What each node of each trial used in the measured interval; other systems do not tell.",
        .resources,
        key: ["node"]
      ) { $0.resourceCells },
      distribution(outline),
      differences(outline),
      expectations(outline),
    ] + [breakdown(outline), search(outline), severity(outline)].compactMap { $0 }
  }

  private static func trials(_ outline: RunOutline, _ trialColumns: [Field]) -> ResultFile {
    let metrics = MetricColumn.all.map {
      Field(
        name: $0.name, kind: .number, unit: $0.unit, meaning: $0.meaning, isRequired: false)
    }
    let seed = Field(name: "seed", kind: .integer, meaning: "seed of the trial")
    return ResultFile(
      name: "trials", meaning: "Every metric and the verdict of each trial.",
      fields: trialColumns + [seed] + metrics + [verdict("verdict on the trial's history")],
      primaryKey: trialColumns.map(\.name)
    ) { trials in
      trials.map { trial in
        outline.key(trial.place) + [String(trial.place.trial), String(trial.seed)]
          + trial.metrics.map { DecimalText.text($0) } + [trial.verdict.word.rawValue]
      }
    }
  }

  static func verdict(_ meaning: String) -> Field {
    Field(
      name: "verdict", kind: .string, meaning: meaning,
      allowed: TrialVerdict.Word.allCases.map(\.rawValue))
  }
}

extension RunOutline {
  /// The first columns of every file.
  var keyFields: [Field] {
    [
      Field(
        name: "protocol", kind: .string,
        meaning:
          "replication protocol or a configuration of one by its name, or the name of another system",
        allowed: protocols)
    ]
      + sweepPaths.enumerated().map { index, path in
        Field(
          name: path, kind: kind(ofSweep: index), meaning: "swept value of \(path)",
          isRequired: !points.contains { $0[index].isEmpty })
      }
  }

  private func kind(ofSweep index: Int) -> Field.Kind {
    let texts = points.map { $0[index] }
    if texts.allSatisfy({ Int($0) != nil }) { return .integer }
    let isNumber = texts.allSatisfy { text in
      Double(text) != nil && text.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
    }
    return isNumber ? .number : .string
  }
}
