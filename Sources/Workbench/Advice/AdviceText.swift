import Configuration
import Linearizability
import Measurement
import Results

/// Advice as text: the ranking with its evidence, the reason in a sentence, and the changes that
/// would alter it.
package struct AdviceText {
  let ranking: AdviceRanking

  package init(_ ranking: AdviceRanking) { self.ranking = ranking }

  var request: AdviceRequest { ranking.request }

  /// - Parameter evidence: the directory of the runs.
  package func text(evidence: String) -> String {
    let fine = ranking.rows.filter(\.misses.isEmpty)
    var lines = [asked, ""]
    lines += table
    lines += ["", reason(fine), ""] + changeLines(fine)
    lines += [
      "",
      "evidence: a page and the CSV files of each experiment in \(evidence)/, "
        + "\(request.trials) trials each",
      "numbers are means over trials, with the farther end of their 95 % interval where it counts",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  private var asked: String {
    var parts = [
      "\(ConfigValue.plain(request.rate)) operations/s, \(ConfigValue.plain((request.reads * 100).rounded())) % "
        + "reads, values of \(Quantity.text(Int64(request.valueSize), units: Unit.sizes))",
      "survives \(request.failures) \(request.failures == 1 ? "failure" : "failures")",
      request.consistency.rawValue,
    ]
    if let limit = request.readLatency, limit == request.writeLatency {
      parts.append("\(request.percentileLabel) of reads and writes up to \(limit)")
    } else {
      for (operation, limit) in [("reads", request.readLatency), ("writes", request.writeLatency)] {
        if let limit { parts.append("\(request.percentileLabel) of \(operation) up to \(limit)") }
      }
    }
    if let outage = request.outage { parts.append("outages up to \(outage)") }
    return "asked: " + parts.joined(separator: "; ") + "; by \(request.preference.rawValue)"
  }

  // MARK: Ranking

  private var table: [String] {
    let headings = [
      "", "configuration", "nodes", "read \(request.percentileLabel)",
      "write \(request.percentileLabel)", "outage", "msgs/op", "bytes/op", "does all that is asked",
    ]
    var place = 0
    let rows = ranking.rows.map { row -> [String] in
      if row.misses.isEmpty { place += 1 }
      let candidate = row.candidate
      func cell(_ metric: String, _ experiment: AdviceExperiment.Kind, _ scale: Double?) -> String {
        let mean = candidate.mean(metric, experiment)
        guard mean.isFinite else { return "-" }
        if let scale { return AdviceText.ms(mean * scale) }
        return DecimalText.table(mean, decimals: metric == "bytes_per_op" ? 0 : 2) ?? "-"
      }
      return [
        row.misses.isEmpty ? "\(place)." : "-", candidate.name, "\(candidate.nodeCount)",
        cell("read_\(request.percentileLabel)_us", .base, 1),
        cell("write_\(request.percentileLabel)_us", .base, 1),
        cell("longest_outage_ms", .crash, 1_000), cell("messages_per_op", .base, nil),
        cell("bytes_per_op", .base, nil),
        row.misses.isEmpty ? "yes" : "no: " + row.misses.joined(separator: ", "),
      ]
    }
    let all = [headings] + rows
    let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      zip(row, widths).enumerated().map { column, cell in
        let blanks = String(repeating: " ", count: cell.1 - cell.0.count)
        let isText = column <= 1 || column == row.count - 1
        return isText ? cell.0 + blanks : blanks + cell.0
      }.joined(separator: "  ").trimmedEnd
    }
  }

  // MARK: Sentences

  private func value(_ candidate: Candidate, _ experiment: AdviceExperiment.Kind) -> String {
    let (metric, at) = ranking.decisive(experiment)
    let mean = candidate.mean(metric, at)
    guard mean.isFinite else { return "nothing measured" }
    switch request.preference {
    case .latency: return "\(request.percentileLabel) of \(AdviceText.ms(mean))"
    case .availability: return "an outage of \(AdviceText.ms(mean * 1_000))"
    case .cost:
      let bytes = DecimalText.table(mean, decimals: 0) ?? "-"
      return "\(candidate.nodeCount) nodes and \(bytes) bytes per operation"
    }
  }

  func reason(_ fine: [AdviceRanking.Row]) -> String {
    guard let best = fine.first?.candidate else {
      guard let near = ranking.rows.first(where: \.isRanked) else {
        return "No configuration can be advised, because no verdict holds."
      }
      return "No configuration does all that is asked. Nearest is \(near.candidate.name), "
        + "which has \(near.misses.joined(separator: " and "))."
    }
    var text =
      fine.count == 1
      ? "Take \(best.name): only it does all that is asked, with \(value(best, .base))"
      : "Take \(best.name): \(fine.count) configurations do all that is asked, and it has "
        + "\(value(best, .base))"
    guard fine.count > 1 else { return text + "." }
    let next = fine[1].candidate
    text += ", against \(value(next, .base)) of \(next.name)"
    return ranking.isDifferent(best, next)
      ? text + "." : text + ", which the trials do not tell apart from it."
  }

  /// What a changed load does to the ranking.
  struct Change {
    var kind: AdviceExperiment.Kind
    var what: String
    /// The best configuration as asked, and the best under the change.
    var advised: Candidate
    var first: Candidate
    var isDifferent: Bool

    var stays: Bool { first.name == advised.name }
  }

  func changes(_ fine: [AdviceRanking.Row]) -> [Change] {
    guard let best = (fine.first ?? ranking.rows.first(where: \.isRanked))?.candidate else {
      return []
    }
    return AdviceExperiment.Kind.allCases.filter(\.isVariation).compactMap { kind in
      ranking.best(under: kind).map { other in
        Change(
          kind: kind, what: AdviceExperiment(request, kind).difference, advised: best,
          first: other, isDifferent: ranking.isDifferent(other, best, under: kind))
      }
    }
  }

  private func changeLines(_ fine: [AdviceRanking.Row]) -> [String] {
    let lines = changes(fine).map { change -> String in
      guard !change.stays else {
        return "  \(change.what): stays, with \(value(change.advised, change.kind))"
      }
      let doubt = change.isDifferent ? "" : ", which the trials do not tell apart"
      return "  \(change.what): \(change.first.name) comes first, with "
        + "\(value(change.first, change.kind)) against "
        + "\(value(change.advised, change.kind))\(doubt)"
    }
    return lines.isEmpty ? [] : ["what would change it:"] + lines
  }

  /// Microseconds as milliseconds with about three digits.
  static func ms(_ microseconds: Double) -> String {
    let value = microseconds / 1_000
    let decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2
    return (DecimalText.table(value, decimals: decimals) ?? "-") + " ms"
  }
}

extension String {
  /// The string without blanks at its end.
  fileprivate var trimmedEnd: String {
    var text = self
    while text.hasSuffix(" ") { text.removeLast() }
    return text
  }
}
