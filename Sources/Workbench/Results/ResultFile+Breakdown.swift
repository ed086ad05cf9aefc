import Trials

/// A row of `breakdown.csv`.
struct BreakdownRow: Sendable {
  var operation: String
  /// `nil` for the whole latency.
  var part: LatencyPart?
  var sums: StoredBreakdown
  var forgotten: Int

  /// Reads and writes, each with the whole latency and all its parts.
  static func rows(_ trials: [FinishedTrial]) -> [BreakdownRow] {
    let trial = TrialBreakdown(trials)
    return [("read", trial.read), ("write", trial.write)].flatMap { operation, sums in
      ([nil] + LatencyPart.allCases.map { $0 }).map { part in
        BreakdownRow(
          operation: operation, part: part, sums: sums, forgotten: trial.forgotten)
      }
    }
  }
}

extension [Column<BreakdownRow>] {
  static let breakdown: Self = [
    Column("operation", .string, "kind of operation", allowed: ["read", "write"]) {
      $0.operation
    },
    Column(
      "part", .string,
      "total: the whole latency; its parts: "
        + LatencyPart.allCases.map { "\($0.rawValue): \($0.meaning)" }.joined(separator: "; "),
      allowed: ["total"] + LatencyPart.allCases.map(\.rawValue)
    ) { $0.part?.rawValue ?? "total" },
    Column(
      "mean_us", .number, unit: "us",
      "mean over the traced operations that were answered; the parts add up to the total",
      isRequired: false
    ) { DecimalText.text($0.sums.all.meanUs($0.part)) },
    Column("share", .number, "the part's share of the total", isRequired: false) {
      DecimalText.text($0.sums.all.share($0.part))
    },
    Column(
      "slowest_us", .number, unit: "us",
      "mean over the slowest hundredth of each trial's operations, at least one of each",
      isRequired: false
    ) { DecimalText.text($0.sums.slowest.meanUs($0.part)) },
    Column("slowest_share", .number, "the part's share of that", isRequired: false) {
      DecimalText.text($0.sums.slowest.share($0.part))
    },
    Column(
      "members_us", .number, unit: "us",
      "how much of mean_us was the wait for other nodes: on the way to them, at them and back; the "
        + "last acknowledgement that the answer needed decides which node counts, so this is the "
        + "wait for the quorum's or the chain's last member",
      isRequired: false
    ) { DecimalText.text($0.sums.all.membersUs($0.part)) },
    Column(
      "slowest_members_us", .number, unit: "us",
      "how much of slowest_us was the wait for other nodes", isRequired: false
    ) { DecimalText.text($0.sums.slowest.membersUs($0.part)) },
    Column("operations", .integer, "traced operations of this kind that were answered") {
      String($0.sums.all.count)
    },
    Column(
      "forgotten", .integer,
      "traced operations, reads and writes, that are left out: their answers came so late that the "
        + "steps before had been forgotten, or on real processes a node has lost what it had noted"
    ) { String($0.forgotten) },
  ]
}

extension ResultFile {
  /// Only of an experiment that traces.
  static func breakdown(_ outline: RunOutline) -> ResultFile? {
    guard outline.traces else { return nil }
    let columns = [Column<BreakdownRow>].breakdown
    return ResultFile(
      name: "breakdown", meaning: "Where the time of a protocol's operations went, by cause.",
      fields: outline.keyFields + columns.map(\.field),
      primaryKey: outline.keyFields.map(\.name) + ["operation", "part"]
    ) { trials in
      TrialGroup.groups(trials).flatMap { group in
        let key = outline.key(group.place)
        return columns.cells(of: BreakdownRow.rows(group.trials)).map { key + $0 }
      }
    }
  }
}

/// `breakdown.speedscope.json`: the same as a file for https://www.speedscope.app, a viewer of
/// flame graphs. One profile per protocol and sweep point; each operation's mean latency is a stack
/// of the operation and one of its parts, which weighs as many nanoseconds as the part takes. On
/// top of a part lies the wait for other nodes.
enum SpeedscopeFile {
  static let name = "breakdown.speedscope.json"

  static func text(_ outline: RunOutline, _ trials: [FinishedTrial]) -> String {
    let operations = ["read", "write"]
    let frames = operations + LatencyPart.allCases.map(\.meaning) + ["waiting for other nodes"]
    let profiles = TrialGroup.groups(trials).map { group -> JSONText in
      let rows = BreakdownRow.rows(group.trials)
      var samples: [JSONText] = []
      var weights: [JSONText] = []
      var end: Int64 = 0
      for row in rows {
        guard let part = row.part, let mean = row.sums.all.meanUs(part), mean > 0,
          let operation = operations.firstIndex(of: row.operation)
        else { continue }
        let weight = Int64((mean * 1000).rounded())
        let ofMembers = Int64(((row.sums.all.membersUs(part) ?? 0) * 1000).rounded())
        let place = operations.count + part.index
        let stack = [operation, place, frames.count - 1]
        for (depth, weight) in [(2, weight - ofMembers), (3, ofMembers)] where weight > 0 {
          samples.append(.array(stack.prefix(depth).map { .integer($0) }))
          weights.append(.integer(Int(weight)))
          end += weight
        }
      }
      return .object([
        .init("type", "sampled"),
        .init("name", .string(outline.key(group.place).joined(separator: " "))),
        .init("unit", "nanoseconds"), .init("startValue", .integer(0)),
        .init("endValue", .integer(Int(end))), .init("samples", .array(samples)),
        .init("weights", .array(weights)),
      ])
    }
    return JSONText.object([
      .init("$schema", "https://www.speedscope.app/file-format-schema.json"),
      .init("name", .string("\(outline.name), seed \(outline.seed)")),
      .init("exporter", "rsmbench"),
      .init(
        "shared",
        .object([
          .init("frames", .array(frames.map { .object([.init("name", .string($0))]) }))
        ])),
      .init("profiles", .array(profiles)),
    ]).text
  }
}
