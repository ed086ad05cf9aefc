import Results

// Faults in words, if there are several kinds: which protocol stands which fault.
extension Answer {
  /// With more kinds of faults, each protocol has a line instead of each kind.
  private static let mostKinds = 6

  private var kinds: [FaultReport.Kind] {
    guard run.hasFaults, !run.isSwept else { return [] }
    return FaultReport(run: run, palette: Palette(run.protocols), point: 0).kinds
  }

  private static let source = "faults.csv start_ms read_outage_ms write_outage_ms"

  /// With many kinds of faults the longest outage says only which of them is the worst, so the
  /// first sentence counts those that a protocol stands without an outage.
  var withoutOutage: HTML? {
    let kinds = kinds
    guard kinds.count > Answer.mostKinds else { return nil }
    let counts = run.protocols.enumerated().map { index, name in
      (name: name, count: kinds.count { median($0.faults[index]) == 0 })
    }.sorted { $0.count > $1.count }
    let parts = counts.map {
      "<strong>\($0.name)</strong> by \($0.count) of \(kinds.count)" as HTML
    }
    return """
      <b>No outage</b> in the median over trials: \(parts.joined(", ")) kinds of faults.
      """
  }

  /// The outage of each kind of fault; empty with fewer than two, because the longest outage is
  /// then that of the only one.
  var outagesByFault: HTML {
    let kinds = kinds
    guard kinds.count > 1 else { return "" }
    let items = kinds.count <= Answer.mostKinds ? kinds.map(line) : byProtocol(kinds)
    return """
      <p class=how>\(kinds.count <= Answer.mostKinds ? "The outage of each fault" : "The longest outages"), \
      medians over trials; the heat map <a href="#faults">below</a> has all:</p>\
      <ul class=facts\(HTML.source(Answer.source))>\(items.joined("\n"))</ul>
      """
  }

  private func median(_ faults: [Fault]) -> Double? {
    TimeSeries.Spread(faults.compactMap(\.outageMs))?.middle
  }

  private func most(_ faults: [Fault]) -> Double { faults.compactMap(\.outageMs).max() ?? 0 }

  /// `<b>crash leader, disk kept @4 s</b>: none with raft; primary-backup 202 ms ...`
  private func line(_ kind: FaultReport.Kind) -> HTML {
    let rows = zip(run.protocols, kind.faults).compactMap { name, faults in
      median(faults).map { (name: name, median: $0, most: most(faults)) }
    }.sorted { ($0.median, $0.most) < ($1.median, $1.most) }
    let without = rows.filter { $0.most == 0 }.map(\.name)
    let others = rows.filter { $0.most > 0 }.map { row -> HTML in
      row.median > 0
        ? "\(row.name) \(Quantity.milliseconds.phrase(row.median))"
        : "\(row.name) mostly none, but up to \(Quantity.milliseconds.phrase(row.most))"
    }
    var parts: [HTML] = without.isEmpty ? [] : ["none with \(Phrase.list(without))"]
    if !others.isEmpty { parts.append(others.joined(", ")) }
    return "<li><b>\(kind.label)</b>: \(parts.joined("; "))"
  }

  private func byProtocol(_ kinds: [FaultReport.Kind]) -> [HTML] {
    run.protocols.enumerated().map { index, name in
      let medians = kinds.compactMap { kind in
        median(kind.faults[index]).map { (label: kind.label, median: $0) }
      }
      let worst = medians.filter { $0.median > 0 }.sorted { $0.median > $1.median }.prefix(3)
        .map { "\($0.label) \(Quantity.milliseconds.phrase($0.median))" }
      let none =
        kinds.allSatisfy { most($0.faults[index]) == 0 } ? "no outage" : "mostly no outage"
      return "<li><b>\(name)</b>: \(worst.isEmpty ? none : worst.joined(separator: "; "))"
    }
  }
}
