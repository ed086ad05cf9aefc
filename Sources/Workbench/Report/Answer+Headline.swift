import Measurement
import Results

// The first sentences: they answer the question of the experiment with numbers.
extension Answer {
  /// The most measures that the first sentences tell; the lists below them have all.
  private static let mostSentences = 3

  /// The rows that are compared: their verdict holds, and they survive a failure.
  var contenders: [Group] { run.groups.filter(\.competes) }

  var headline: HTML {
    guard !contenders.isEmpty else {
      return """
        <p class=lead>No protocol on this page can be recommended, because no verdict holds.</p>
        """
    }
    let sentences =
      !run.searches.isEmpty ? thresholds : run.isSwept ? sweepSentences : measureSentences
    return sentences.prefix(Answer.mostSentences).map { "<p class=lead>\($0)</p>" as HTML }.joined()
  }

  private var measureSentences: [HTML] {
    guard let withoutOutage else { return question.metrics.compactMap { comparison($0) } }
    let others = question.metrics.filter { $0.name != Metric.outage.name }
    return [withoutOutage] + others.compactMap { comparison($0) }
  }

  /// `Shortest outage: raft 201 ms; then multi-paxos 212 ms ...`
  private func comparison(_ metric: Metric) -> HTML? {
    let groups = contenders.filter { $0.interval(metric.name) != nil }
    guard !groups.isEmpty else { return nil }
    let standing = standings.first { $0.metric.name == metric.name && $0.isCompared }
    func values(_ groups: [Group]) -> HTML {
      groups.map { "\($0.name) \($0.meanPhrase(metric))" as HTML }.joined(", ")
    }
    var html: HTML
    if let standing, !standing.isLevel {
      let leaders = standing.leaders.map { "<strong>\($0.name)</strong> \($0.meanPhrase(metric))" }
        .map { $0 as HTML }
      html = "<b>\(metric.best)</b>: \(leaders.joined(", "))"
      if !standing.followers.isEmpty { html += "; worse: \(values(standing.followers))" }
      if !standing.scattered.isEmpty {
        html += "; too scattered to tell: \(values(standing.scattered))"
      }
      if !standing.neverRecovered.isEmpty {
        html += "; not after every fault: \(Phrase.list(standing.neverRecovered.map(\.name)))"
      }
    } else {
      let phrases = Set(groups.map { $0.meanPhrase(metric) })
      let isEqual = groups.count > 1 && phrases.count == 1
      html =
        isEqual
        ? "<b>\(metric.title)</b>: \(groups[0].meanPhrase(metric)) with each protocol"
        : "<b>\(metric.title)</b>: \(values(groups.sorted(by: metric)))"
      if groups.count > 1, !isEqual {
        html +=
          standing == nil
          ? "; \(Phrase.tooFew)" : "; \(Phrase.noDifference)"
      }
    }
    let others = run.groups.filter { $0.isRanked && !$0.competes }
      .filter { $0.interval(metric.name) != nil }
    if !others.isEmpty { html += "; for comparison, without replication: \(values(others))" }
    return "<span\(HTML.source(metric.source))>\(html).</span>"
  }

  // MARK: The thresholds of a search

  private var thresholds: [HTML] {
    let isMaximum = run.about.setting("find.maximum") != nil
    // The path searched is the last; the columns before it are those of the other swept values.
    func place(_ row: SearchResult) -> String {
      zip(run.sweepPaths, row.place).map { "\($0) = \($1)" }.joined(separator: ", ")
    }
    return Phrase.ordered(run.searches.map(place)).map { here in
      let rows = run.searches.filter { place($0) == here }
      let sorted = rows.enumerated().sorted { a, b in
        let sizes = [a, b].map { SweepAxis.size($0.element.found) ?? 0 }
        let isBefore = isMaximum ? sizes[0] > sizes[1] : sizes[0] < sizes[1]
        return sizes[0] == sizes[1] ? a.offset < b.offset : isBefore
      }.map(\.element)
      let found = sorted.map { row -> HTML in
        let value: HTML =
          row.found.isEmpty
          ? "at no value tried"
          : row.failsAt.isEmpty
            ? "\(row.found), the last value tried" : "\(row.found) (not at \(row.failsAt))"
        return "<strong>\(row.protocolName)</strong> \(value)"
      }
      return """
        <span\(HTML.source("\(RunData.searchName) found fails_at"))><b>\
        \(isMaximum ? "Largest" : "Smallest") \(HTML.breakable(rows[0].path))</b> at which \
        <code>\(rows[0].condition)</code>\(here.isEmpty ? "" : ", at \(here)"): \
        \(found.joined("; ")).</span>
        """
    }
  }
}

extension Group {
  /// The mean with its unit, for sentences.
  func meanPhrase(_ metric: Metric) -> String {
    interval(metric.name).map { metric.quantity.withUnit($0.meanText(metric.quantity)) } ?? "-"
  }
}

extension [Group] {
  /// From the best mean of a metric to the worst.
  func sorted(by metric: Metric) -> [Group] {
    func mean(_ group: Group) -> Double {
      (group.interval(metric.name)?.mean ?? 0) * (metric.lowerIsBetter ? 1 : -1)
    }
    return sorted { (mean($0), $0.protocolIndex) < (mean($1), $1.protocolIndex) }
  }
}
