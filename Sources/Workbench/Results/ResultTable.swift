import Measurement

/// The comparison of a run as text for a terminal, or as JSON with the same content.
public struct ResultTable: Sendable {
  let outline: RunOutline
  let groups: [TrialGroup]

  /// `trials`: the finished ones, in any order.
  public init(outline: RunOutline, trials: [FinishedTrial]) {
    self.outline = outline
    groups = TrialGroup.groups(trials)
  }

  /// Several blocks of aligned lines, no wider than `width` where columns can be moved to a further
  /// block. Violations come last, so that they are seen.
  public func text(width: Int = 100, usesColor: Bool = false) -> String {
    guard !groups.isEmpty else { return "No trial was finished.\n" }
    let width = max(width, 40)
    let blocks = [
      headline + "\n" + overview.render(width: width),
      titled("Latency in ms, mean over trials", latency.render(width: width)),
      titled("Faults, mean over trials", faults?.render(width: width)),
      titled(
        "Differences (> is better: the paired 95 % interval excludes zero; ~ may be equal)",
        rankings),
      titled("Undecided", explanations(.undecided)),
      titled(color("VIOLATED", usesColor), explanations(.violated)),
    ]
    return blocks.compactMap { $0 }.joined(separator: "\n")
  }

  private var headline: String {
    let finished = groups.reduce(0) { $0 + $1.trials.count }
    let planned = outline.places.count
    let trials =
      finished == planned
      ? "\(outline.trials) \(outline.trials == 1 ? "trial" : "trials") each"
      : "\(finished) of \(planned) trials finished"
    return "\(outline.name), seed \(outline.seed), \(trials): mean ± half of the 95 % interval"
  }

  private func titled(_ title: String, _ body: String?) -> String? {
    body.map { title + "\n" + $0 }
  }

  private func color(_ text: String, _ usesColor: Bool) -> String {
    usesColor ? "\u{1B}[1;31m\(text)\u{1B}[0m" : text
  }

  private var keyHeadings: [TextTable.Heading] {
    [.init(text: "protocol", alignment: .left)]
      + outline.sweepPaths.map { .init(text: $0, alignment: .right) }
  }

  private typealias TableColumn = (heading: String, cell: (TrialGroup) -> String)

  private func table(_ columns: [TableColumn]) -> TextTable {
    var table = TextTable(
      headings: keyHeadings + columns.map { .init(text: $0.heading) }, keyCount: keyHeadings.count)
    table.rows = groups.map { group in outline.key(group.place) + columns.map { $0.cell(group) } }
    return table
  }

  private var overview: TextTable {
    func mean(_ metric: String, decimals: Int, scale: Double = 1) -> (TrialGroup) -> String {
      { group in
        DecimalText.fixed(group.estimate(metric).mean.map { $0 * scale }, decimals: decimals) ?? "-"
      }
    }
    return table([
      ("verdict", { $0.verdict == .violated ? "VIOLATED" : $0.verdict.rawValue }),
      ("ops/s", { $0.text("throughput", decimals: 0) }),
      ("avail %", mean("availability", decimals: 2, scale: 100)),
      ("outage ms", { $0.text("longest_outage_ms", decimals: 0) }),
      ("recover ms", { $0.text("time_to_recover_ms", decimals: 0) }),
      ("msgs/op", mean("messages_per_op", decimals: 2)),
      ("bytes/op", mean("bytes_per_op", decimals: 0)),
    ])
  }

  /// Reads, then writes; only the first column of each says which.
  private var latency: TextTable {
    let percentiles = [("p50", "p50"), ("p95", "p95"), ("p99", "p99"), ("p99.9", "p999")]
    return table(
      ["read", "write"].flatMap { operation in
        percentiles.map { label, column -> TableColumn in
          (
            label == "p50" ? "\(operation) p50" : label,
            { group in
              ResultTable.milliseconds(group.estimate("\(operation)_\(column)_us").mean)
            }
          )
        }
      })
  }

  /// Three digits or so.
  static func milliseconds(_ microseconds: Double?) -> String {
    guard let microseconds else { return "-" }
    let value = microseconds / 1000
    let decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3
    return DecimalText.fixed(value, decimals: decimals) ?? "-"
  }

  /// One line per fault and protocol, faults first, so that the protocols stand below each other.
  private var faults: TextTable? {
    var table = TextTable(
      headings: [.init(text: "fault", alignment: .left)] + keyHeadings
        + ["outage ms", "recover ms"].map { .init(text: $0) }, keyCount: 1 + keyHeadings.count)
    for point in outline.points.indices {
      var rows: [(label: String, rows: [[String]])] = []
      for group in groups where group.place.point == point {
        for fault in FaultSummary.all(group.trials) {
          let row =
            [fault.label] + outline.key(group.place)
            + [DecimalText.fixed(fault.outage, decimals: 1) ?? "-", fault.recoveryText]
          if let index = rows.firstIndex(where: { $0.label == fault.label }) {
            rows[index].rows.append(row)
          } else {
            rows.append((fault.label, [row]))
          }
        }
      }
      table.rows += rows.flatMap(\.rows)
    }
    return table.rows.isEmpty ? nil : table
  }

  private var rankings: String? {
    let names = ["throughput": "throughput", "all_p99_us": "p99 latency"]
    var lines: [String] = []
    for point in outline.points.indices {
      let here = groups.filter { $0.place.point == point }
      for metric in Comparison.metrics {
        guard
          let ranking = Ranking(metric: metric, lowerIsBetter: metric != "throughput", here)
        else { continue }
        let values = zip(outline.sweepPaths, outline.points[point]).map { "\($0)=\($1)" }
        let place = values.isEmpty ? "" : " (" + values.joined(separator: ", ") + ")"
        lines.append("\(names[metric] ?? metric)\(place): \(ranking.text(outline, sign: ">"))\n")
      }
    }
    return lines.isEmpty ? nil : lines.joined()
  }

  private func explanations(_ word: TrialVerdict.Word) -> String? {
    let parts = groups.flatMap(\.trials).filter { $0.verdict.word == word }.map { trial in
      let key = outline.key(trial.place).joined(separator: " ")
      let lines = trial.verdict.explanation.split(separator: "\n").map { "  \($0)\n" }
      return "\(key) trial \(trial.place.trial) (seed \(trial.seed))\n" + lines.joined()
    }
    return parts.isEmpty ? nil : parts.joined()
  }
}

extension TrialGroup {
  /// Mean and half the width of its interval: `456 ±6`. If not every trial has the metric: `456 (2 of
  /// 3)`, since the interval would hide what is missing.
  fileprivate func text(_ metric: String, decimals: Int) -> String {
    let estimate = estimate(metric)
    guard let mean = DecimalText.fixed(estimate.mean, decimals: decimals) else { return "-" }
    guard estimate.count == trials.count else {
      return "\(mean) (\(estimate.count) of \(trials.count))"
    }
    guard let low = estimate.low, let high = estimate.high,
      let half = DecimalText.fixed((high - low) / 2, decimals: decimals)
    else { return mean }
    return "\(mean) ±\(half)"
  }
}
