import Measurement

/// The answer in words, made from the numbers: first what the experiment asks, then which protocol
/// to take, whether the verdicts hold, and which differences are too small to tell.
struct Answer {
  let run: RunData
  let question: Question
  let standings: [Standing]

  init(_ run: RunData) {
    self.run = run
    question = Question(run)
    standings = Standing.all(run)
  }

  var html: HTML {
    let lead = headline
    // Bad verdicts come first, and so does the verdict where it is what the experiment asks for.
    var html =
      run.groups.allSatisfy(\.isRanked) && !run.about.asksForSafety
      ? lead + outagesByFault + timeouts + verdicts : verdicts + lead + outagesByFault + timeouts
    html += expectations
    if run.isSwept { html += sweepTables }
    html += choice
    html += metastability
    html += run.isSwept ? leadersByPoint : facts(at: 0)
    if !nodes.isEmpty { html += "<p>\(nodes)</p>" }
    html += baseline
    html += words
    html += method
    return html
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
    var html: HTML =
      items.isEmpty
      ? "" : "<h3>Measure by measure</h3><ul class=facts>\(items.joined("\n"))</ul>"
    let level = here.filter { $0.isLevel && $0.isCompared }
    let told = level.filter(\.canTell)
    if !told.isEmpty {
      html += """
        <p>\(Phrase.capitalized(Phrase.noDifference)): \(Phrase.list(told.map(range))).\(offered)</p>
        """
    }
    let untold = level.filter { !$0.canTell }
    if !untold.isEmpty {
      html += """
        <p>\(Phrase.capitalized(Phrase.tooFew)): \(Phrase.list(untold.map(range))). Its sign test needs \
        \(Standing.leastSigns) trials or more, depending on the number of comparisons.</p>
        """
    }
    return html
  }

  /// A measure in which no protocol leads, with the range of its means.
  private func range(_ standing: Standing) -> HTML {
    """
    \(standing.metric.inSentence) \
    <span\(HTML.source(standing.metric.source))>(\(range(standing.ranked, standing.metric)))</span>
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

  /// Points at which nothing can be compared have no row, and measures in which no protocol leads
  /// anywhere have no column.
  private var leadersByPoint: HTML {
    let compared = standings.filter(\.isCompared)
    let metrics = run.answered.filter { metric in
      compared.contains { $0.metric.name == metric.name && !$0.isLevel }
    }
    let points = run.points.indices.filter { point in compared.contains { $0.point == point } }
    guard !points.isEmpty, !metrics.isEmpty else { return "" }
    let rows = points.map { point -> HTML in
      let cells = metrics.map { metric -> HTML in
        guard
          let standing = compared.first(where: {
            $0.point == point && $0.metric.name == metric.name
          })
        else { return "<td class=muted>not compared" }
        if standing.isLevel { return "<td class=muted>no difference" }
        return """
          <td>\(Phrase.list(standing.leaders.map(\.name))) <small>\
          \(standing.ranked[0].meanPhrase(metric))</small>
          """
      }
      return "<tr><th scope=row>\(run.points[point].joined(separator: ", "))\(cells.joined())"
    }
    let heads = metrics.map { "<th scope=col>\($0.title)" as HTML }
    let axis = run.sweepPaths.map(HTML.breakable).joined(", ")
    return """
      <h3>Measure by measure</h3>\
      <p class=how>The best, those level with it, and the mean of the best.</p>\
      <div class=scroll tabindex=0 role=region aria-label="Leaders"><table class=leaders\
      \(HTML.source(run.summary(metrics.map(\.name))))>\
      <thead><tr><th scope=col>\(axis)\(heads.joined())</thead><tbody>
      \(rows.joined("\n"))</tbody></table></div>
      """
  }

  // MARK: What the words rest on

  private var baseline: HTML {
    guard let group = run.groups.first(where: Standing.isBaseline),
      let throughput = group.interval(Metric.throughput.name)
    else { return "" }
    guard !run.isSwept else {
      return """
        <p class=muted>\(group.name) is shown for comparison: a single server survives no failure, \
        so it is ranked in nothing.</p>
        """
    }
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
      <p class=muted>Numbers are means over trials, with their 95 % intervals. Two protocols are \
      called different only if trials of equal seeds say so at the 5 % level, by Student's t test \
      of the paired differences (availability: sign test) with Holm's correction over the \
      \(compared) comparisons on this page. The intervals of times and shares, such as the longest \
      outage, are computed by another method than those of rates, because such values are skewed: \
      by bootstrap-t, and of few trials by a wider Student's t.</p>
      """
  }
}
