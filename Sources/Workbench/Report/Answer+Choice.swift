import Measurement

// What follows for a reader who has to choose a protocol.
extension Answer {
  /// Measures that the same protocols lead in.
  private struct Lead {
    var names: [String]
    var standings: [Standing]
  }

  /// Most measures first.
  private var leads: [Lead] {
    var leads: [Lead] = []
    for standing in told {
      let names = run.protocols.filter { name in standing.leaders.contains { $0.name == name } }
      if let index = leads.firstIndex(where: { $0.names == names }) {
        leads[index].standings.append(standing)
      } else {
        leads.append(Lead(names: names, standings: [standing]))
      }
    }
    return leads.enumerated()
      .sorted { ($1.element.standings.count, $0.offset) < ($0.element.standings.count, $1.offset) }
      .map(\.element)
  }

  /// The standings in which a protocol is better than another.
  private var told: [Standing] { standings.filter { !$0.isLevel && $0.isCompared } }

  /// How often each protocol is the best, or level with the best, over measures and points.
  private var wins: [(name: String, count: Int)] {
    run.protocols.map { name in
      (name, told.count { $0.leaders.contains { $0.name == name } })
    }.filter { $0.count > 0 }.sorted { $0.count > $1.count }
  }

  /// Which protocol to take, and for what.
  var choice: HTML {
    let names = Set(contenders.map(\.name))
    guard !names.isEmpty else { return "" }
    guard names.count > 1 else {
      return
        "<p>Only \(contenders[0].name) can be judged here: there is nothing to compare it with.</p>"
    }
    guard standings.contains(where: \.isCompared) else {
      return """
        <p>\(Phrase.capitalized(Phrase.tooFew)), because a comparison needs at least \
        \(PairedDifference.leastPairs). The numbers below are what was seen, and no ranking.</p>
        """
    }
    guard !told.isEmpty else {
      return """
        <p>\(Phrase.capitalized(Phrase.noDifference)) between \
        \(Phrase.list(run.protocols.filter(names.contains))) in any measure, so take the one that \
        needs the fewest nodes. \(nodes)</p>
        """
    }
    return run.isSwept ? "<p>\(verdictOfWins)</p>" : "\(list)\(same)"
  }

  /// Who wins most often.
  private var verdictOfWins: HTML {
    let wins = wins
    let best = wins.filter { $0.count == wins[0].count }
    let names = Phrase.bold(best.map(\.name))
    let places = run.isSwept ? "comparisons of a measure at a sweep point" : "measures"
    if wins[0].count == told.count {
      return """
        \(names) \(best.count == 1 ? "is the best, or level with it," : "are level at the best") in \
        \(told.count == 1 ? "the one" : told.count == 2 ? "both" : "all \(told.count)") \
        \(told.count == 1 ? "measure" : places) in which the protocols differ.
        """
    }
    return """
      No protocol is best in everything. \(names) \
      \(best.count == 1 ? "is" : "are each") the best, or level with it, in \(wins[0].count) of \
      the \(told.count) \(places) in which the protocols differ.
      """
  }

  /// For each set of leaders the measures in which they lead, with the numbers and the nodes.
  private var list: HTML {
    let items = leads.map { lead -> HTML in
      let measures = lead.standings.map(reason)
      return """
        <li\(HTML.source("resources.csv node"))>\(Phrase.bold(lead.names, "or")) for \
        \(Phrase.list(measures))\(needed(lead.names))
        """
    }
    return """
      <h3>Which to take</h3><p>\(verdictOfWins) By what matters most:</p>\
      <ul class=facts>\(items.joined("\n"))</ul>
      """
  }

  /// `p99 of reads (0.4 ms, others 119 to 185 ms)`
  private func reason(_ standing: Standing) -> HTML {
    let metric = standing.metric
    var others: HTML = ""
    if !standing.followers.isEmpty { others += ", worse \(range(standing.followers, metric))" }
    if !standing.scattered.isEmpty {
      others += ", too scattered to tell: \(Phrase.list(standing.scattered.map(\.name)))"
    }
    return """
      <span\(HTML.source(metric.source))><b>\(metric.inSentence)</b> \
      (\(range(standing.leaders, metric))\(others))</span>
      """
  }

  /// The means of groups, from the smallest to the largest.
  func range(_ groups: [Group], _ metric: Metric) -> HTML {
    let sorted = groups.compactMap { $0.interval(metric.name) }.sorted { $0.mean < $1.mean }
    guard let low = sorted.first, let high = sorted.last else { return "-" }
    let (first, last) = (low.meanText(metric.quantity), high.meanText(metric.quantity))
    return first == last
      ? "\(metric.quantity.withUnit(first))" : "\(first) to \(metric.quantity.withUnit(last))"
  }

  private func needed(_ names: [String]) -> HTML {
    let counts = names.map { name in run.groups.first { $0.name == name }?.nodeCount }
    guard let first = counts[0], !counts.contains(nil) else { return "" }
    guard Set(counts).count > 1 else {
      return "; \(names.count > 1 ? "each needs" : "needs") \(first.all) nodes in all"
    }
    let rest = zip(names, counts).dropFirst().map { "\($0) \($1?.all ?? 0)" as HTML }
    return "; \(names[0]) needs \(first.all) nodes in all, \(rest.joined(", "))"
  }

  /// The measures that decide nothing.
  private var same: HTML {
    let level = standings.filter { $0.isLevel && $0.isCompared && $0.canTell }
    guard !level.isEmpty else { return "" }
    return """
      <p>For \(Phrase.list(level.map { "\($0.metric.inSentence)" as HTML })): \
      \(Phrase.noDifference).</p>
      """
  }

  // MARK: Nodes

  /// The nodes that each protocol needs in all, those of an authority included; empty if no row
  /// tells.
  var nodes: HTML {
    var order: [[NodeCount]] = []
    var names: [[NodeCount]: [String]] = [:]
    for name in run.protocols {
      // A search tries other points with each protocol, so only the different counts matter.
      let counts = Set(run.groups.filter { $0.name == name }.compactMap(\.nodeCount))
        .sorted { ($0.replicas, $0.authority) < ($1.replicas, $1.authority) }
      guard !counts.isEmpty else { continue }
      if names[counts] == nil { order.append(counts) }
      names[counts, default: []].append(name)
    }
    guard !order.isEmpty else { return "" }
    let parts = order.map { counts -> HTML in
      func span(_ number: (NodeCount) -> Int) -> String {
        let (low, high) = (counts.map(number).min() ?? 0, counts.map(number).max() ?? 0)
        return low == high ? "\(low)" : "\(low) to \(high)"
      }
      let authority: HTML =
        counts[0].authority == 0
        ? ""
        : """
         (\(span(\.replicas)) replicas, and \(span(\.authority)) nodes of the authority that decides \
        which of them are in charge)
        """
      let word = span(\.all) == "1" ? "node" : "nodes"
      return "\(span(\.all)) \(word) for \(Phrase.list(names[counts] ?? []))\(authority)"
    }
    return """
      <span\(HTML.source("resources.csv node"))><b>Nodes in all</b>: \(parts.joined("; ")).</span>
      """
  }
}
