import Measurement

/// The answer in words, made from the numbers: whether the verdicts hold, which protocol leads in
/// which metric, which differences are too small to tell, and what follows.
struct Answer {
  let run: RunData
  let standings: [Standing]

  init(_ run: RunData) {
    self.run = run
    standings = Standing.all(run)
  }

  var html: HTML {
    let lead: HTML = "<p class=lead>\(headline)</p>"
    // Bad verdicts come first.
    var html = run.groups.allSatisfy(\.isRanked) ? lead + verdicts : verdicts + lead
    html += expectations
    html += metastability
    html += run.isSwept ? leadersByPoint : facts(at: 0)
    html += baseline
    html += method
    return html
  }

  // MARK: The sentence above all

  /// How often each protocol is the best, or level with the best, over measures and points.
  private var wins: [(name: String, measures: [String], count: Int)] {
    let told = standings.filter { !$0.isLevel && $0.isCompared }
    return run.protocols.map { name in
      let won = told.filter { $0.leaders.contains { $0.name == name } }
      var measures: [String] = []
      for standing in won where !measures.contains(standing.metric.inSentence) {
        measures.append(standing.metric.inSentence)
      }
      return (name, measures, won.count)
    }.filter { $0.count > 0 }.sorted { $0.count > $1.count }
  }

  /// The measures in which a protocol is not among the best, by those that are.
  private func othersWins(than name: String) -> [HTML] {
    var order: [[String]] = []
    var measures: [[String]: [String]] = [:]
    for standing in standings where !standing.isLevel && standing.isCompared {
      let leaders = standing.leaders.map(\.name)
      guard !leaders.contains(name) else { continue }
      if measures[leaders] == nil { order.append(leaders) }
      measures[leaders, default: []].append(standing.metric.inSentence)
    }
    return order.map { "\(Phrase.bold($0)) in \(Phrase.list(measures[$0] ?? []))" }
  }

  private var headline: HTML {
    let told = standings.filter { !$0.isLevel && $0.isCompared }.count
    let contenders = run.groups.filter { $0.isRanked && !Standing.isBaseline($0) }
    guard !contenders.isEmpty else {
      return "No protocol on this page can be recommended, because no verdict holds."
    }
    guard Set(contenders.map(\.name)).count > 1 else {
      return "Only \(contenders[0].name) can be judged here: there is nothing to compare it with."
    }
    guard standings.contains(where: \.isCompared) else {
      return """
        With fewer than \(PairedDifference.leastPairs) trials no difference can be told from \
        chance. The numbers below are what was seen, and no ranking.
        """
    }
    let ranked = Set(contenders.map(\.name))
    guard told > 0 else {
      return """
        No difference between \(Phrase.list(run.protocols.filter(ranked.contains))) can be told \
        from chance in any measure.
        """
    }
    let wins = wins
    let best = wins.filter { $0.count == wins[0].count }
    let names = Phrase.bold(best.map(\.name))
    let places = run.isSwept ? "comparisons of a measure at a sweep point" : "measures"
    if wins[0].count == told {
      return """
        \(names) \(best.count == 1 ? "is the best, or level with it," : "are level at the best") in \
        \(told == 1 ? "the one" : "all \(told)") \(told == 1 ? "measure" : places) in which the \
        protocols differ.
        """
    }
    var html: HTML = """
      No protocol is best in everything. \(names) \
      \(best.count == 1 ? "is" : "are each") the best, or level with it, in \(wins[0].count) of \
      the \(told) \(places) in which the protocols differ
      """
    if best.count == 1, !run.isSwept {
      html += " (\(Phrase.list(best[0].measures)))"
      let others = othersWins(than: best[0].name)
      if !others.isEmpty { html += "; \(others.joined("; "))" }
    }
    return html + "."
  }

  // MARK: Verdicts

  private var verdicts: HTML {
    let trials = run.groups.flatMap(\.trials)
    func count(_ verdict: String) -> Int { trials.count { $0.verdict == verdict } }
    let bad = run.groups.filter { !$0.isRanked }
    guard !bad.isEmpty else {
      let words = Phrase.ordered(trials.map(\.verdict))
      if words == ["unchecked"] {
        return "<p>No history was checked, because the experiment asks for no check.</p>"
      }
      let counts = Set(run.groups.map(\.trials.count))
      let each =
        run.groups.count > 1 && counts.count == 1 ? ", \(counts.first ?? 0) of each row," : ""
      let all =
        trials.count == 1 ? "The only trial is" : "All \(trials.count) trials\(each) are"
      return """
        <p class="verdict good"><span aria-hidden=true>✓</span> \
        \(all) <strong>\(Phrase.list(words))</strong>: every \
        history was checked\(lostWrites).</p>
        """
    }
    let lines = bad.map { group -> HTML in
      let hit = group.trials.count { $0.verdict == group.verdict }
      let place = run.isSwept ? " at \(run.pointName(group.point))" : ""
      let reason =
        group.verdict == "violated"
        ? "violates the consistency that was asked for"
        : "could not be judged, because the check gave up"
      return """
        <li><strong>\(group.name)</strong>\(place) \(reason) in \(hit) of \(group.trials.count) \
        trials
        """
    }
    return """
      <div class="verdict bad"><p><span aria-hidden=true>✗</span> <strong>Not every verdict \
      holds.</strong> These rows are shown, and never ranked:</p><ul>\(lines.joined())</ul></div>
      """
  }

  private var lostWrites: HTML {
    let known = run.groups.flatMap(\.trials).map { $0.metrics["lost_writes"] }
    guard !known.isEmpty, !known.contains(nil) else { return "" }
    let lost = known.compactMap { $0 }.reduce(0, +)
    return lost == 0 ? ", and no acknowledged write was lost" : ""
  }

  // MARK: One sweep point

  private func facts(at point: Int) -> HTML {
    let here = standings.filter { $0.point == point }
    let items = here.filter { !$0.isLevel && $0.isCompared }.map {
      "<li\(HTML.source($0.metric.source))>\(sentence($0))" as HTML
    }
    var html: HTML = items.isEmpty ? "" : "<ul class=facts>\(items.joined("\n"))</ul>"
    let level = here.filter { $0.isLevel && $0.isCompared }
    let told = level.filter(\.canTell)
    if !told.isEmpty {
      html += """
        <p>Not different, as far as these trials tell: \(Phrase.list(told.map(range))).\(offered)</p>
        """
    }
    let untold = level.filter { !$0.canTell }
    if !untold.isEmpty {
      html += """
        <p>Too few trials to tell: \(Phrase.list(untold.map(range))). Its sign test needs \
        \(Standing.leastSigns) trials.</p>
        """
    }
    return html
  }

  /// A measure in which no protocol leads, with the range of its means.
  private func range(_ standing: Standing) -> HTML {
    let values = standing.ranked.compactMap { $0.interval(standing.metric.name)?.mean }
    let low = values.min() ?? 0
    let high = values.max() ?? 0
    let quantity = standing.metric.quantity
    let range =
      quantity.phrase(low) == quantity.phrase(high)
      ? quantity.phrase(low) : "\(quantity.text(low)) to \(quantity.phrase(high))"
    return """
      \(standing.metric.inSentence) \
      <span\(HTML.source(standing.metric.source))>(\(range))</span>
      """
  }

  private var offered: HTML {
    guard let rate = run.about.setting("workload.arrival.open") else { return "" }
    return " All were offered \(rate), so throughput can hardly differ."
  }

  private func sentence(_ standing: Standing) -> HTML {
    let metric = standing.metric
    func value(_ group: Group) -> HTML {
      "\(group.interval(metric.name)?.phrase(metric.quantity) ?? "-")"
    }
    func values(_ groups: [Group]) -> HTML {
      Phrase.list(groups.map { "\($0.name), \(value($0))" as HTML })
    }
    let best = standing.ranked[0]
    let level = Array(standing.leaders.dropFirst())
    var html: HTML = "<b>\(metric.best)</b>: <strong>\(best.name)</strong>, \(value(best))"
    if !level.isEmpty { html += "; level with it: \(values(level))" }
    if !standing.scattered.isEmpty {
      html += "; too scattered to tell from it: \(values(standing.scattered))"
    }
    if !standing.followers.isEmpty { html += "; worse: \(values(standing.followers))" }
    if !standing.neverRecovered.isEmpty {
      html += """
        ; not in every trial: \(Phrase.list(standing.neverRecovered.map(\.name)))
        """
    }
    return html + "."
  }

  // MARK: A sweep

  /// Points and measures in which nothing can be compared have no row and no column.
  private var leadersByPoint: HTML {
    let compared = standings.filter(\.isCompared)
    let metrics = Metric.answered.filter { metric in
      compared.contains { $0.metric.name == metric.name }
    }
    let points = run.points.indices.filter { point in compared.contains { $0.point == point } }
    guard !points.isEmpty else { return "" }
    let rows = points.map { point -> HTML in
      let cells = metrics.map { metric -> HTML in
        guard
          let standing = compared.first(where: {
            $0.point == point && $0.metric.name == metric.name
          })
        else { return "<td class=muted>not compared" }
        if standing.isLevel { return "<td class=muted>no difference" }
        let best = standing.ranked[0].interval(metric.name)?.mean
        return """
          <td>\(Phrase.list(standing.leaders.map(\.name))) <small>\
          \(best.map(metric.quantity.phrase) ?? "")</small>
          """
      }
      return "<tr><th scope=row>\(run.points[point].joined(separator: ", "))\(cells.joined())"
    }
    let heads = metrics.map { "<th scope=col>\($0.title)" as HTML }
    let axis = run.sweepPaths.map(HTML.breakable).joined(", ")
    return """
      <p class=how>Who is the best, or level with it, and the mean of the best.</p>\
      <div class=scroll tabindex=0 role=region aria-label="Leaders"><table class=leaders\
      \(HTML.source(run.summary(metrics.map(\.name))))>\
      <thead><tr><th scope=col>\(axis)\(heads.joined())</thead><tbody>
      \(rows.joined("\n"))</tbody></table></div>
      """
  }

  // MARK: What the words rest on

  private var baseline: HTML {
    guard !run.isSwept, let group = run.groups.first(where: Standing.isBaseline),
      let throughput = group.interval(Metric.throughput.name)
    else { return "" }
    var html: HTML = """
      <p class=muted\
      \(HTML.source("\(Metric.throughput.source) \(Metric.outage.name)"))>For comparison, \(group.name), a single server that survives no failure and \
      is ranked in nothing: \(throughput.phrase(.perSecond))
      """
    if run.hasFaults, let outage = group.interval(Metric.outage.name) {
      html += ", longest outage \(outage.phrase(.milliseconds))"
    }
    return html + ".</p>"
  }

  private var method: HTML {
    let compared = standings.reduce(0) { $0 + $1.corrected.count { $0 != nil } }
    guard compared > 0 else { return "" }
    return """
      <p class=muted>Numbers are means over trials with their 95 % intervals. Two protocols are \
      called different only if trials of equal seeds say so at the 5 % level, by Student's t test \
      of the paired differences (availability: sign test) with Holm's correction over the \
      \(compared) comparisons on this page.</p>
      """
  }
}

/// Small pieces of sentences.
enum Phrase {
  /// `a`, `a and b`, `a, b and c`.
  static func list(_ items: [HTML]) -> HTML {
    guard items.count > 1 else { return items.first ?? "" }
    return "\(items.dropLast().joined(", ")) and \(items[items.count - 1])"
  }

  static func list(_ items: [String]) -> HTML { list(items.map { "\($0)" as HTML }) }

  static func bold(_ items: [String]) -> HTML {
    list(items.map { "<strong>\($0)</strong>" as HTML })
  }

  /// A title inside a sentence: its first letter becomes lower case.
  static func inSentence(_ title: String) -> String {
    title.prefix(1).lowercased() + title.dropFirst()
  }

  /// The words without repetitions, in order of first appearance.
  static func ordered(_ words: [String]) -> [String] {
    var result: [String] = []
    for word in words where !result.contains(word) { result.append(word) }
    return result
  }
}

extension HTML {
  static func + (left: HTML, right: HTML) -> HTML {
    var sum = left
    sum += right
    return sum
  }
}
