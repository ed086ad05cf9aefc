import Measurement

// A sweep in words: where the order of the protocols changes, and the numbers behind it.
extension Answer {
  /// The most measures of the question that a sweep's answer has a table for, and the most
  /// combinations of the other swept values.
  private static let (mostTables, mostFamilies) = (2, 4)
  /// A sentence with more stretches than this tells less than the table.
  private static let mostStretches = 4

  var axis: Int { run.mainPath }

  /// Neighbouring points of a sweep at which the same protocols lead.
  private struct Stretch {
    /// Empty where no difference can be told from chance.
    var leaders: [String]
    var points: [Int]
  }

  /// What the swept value does to each protocol, and where it changes their order, for the measures
  /// of the question and each combination of the other swept values.
  var sweepSentences: [HTML] {
    let special = [question.asksMetastability ? metastableByValue : nil, mostLoad]
    let families = run.families(along: axis)
    guard families.count <= Answer.mostFamilies else { return special.compactMap { $0 } }
    let metrics = question.metrics.prefix(families.count > 1 ? 1 : Answer.mostTables)
    func sentence(
      _ metric: Metric, _ title: String, _ words: (Metric, [Int]) -> HTML?
    ) -> HTML? {
      let parts = families.compactMap { family -> HTML? in
        guard let words = words(metric, grown(family.points)) else { return nil }
        return families.count > 1 ? "at \(family.name) \(words)" : words
      }
      guard !parts.isEmpty else { return nil }
      return """
        <span\(HTML.source(run.summary([metric.name])))><b>\(title)</b> over \
        \(HTML.breakable(run.sweepPaths[axis])): \(parts.joined("; ")).</span>
        """
    }
    let ordinary = metrics.flatMap { metric in
      [sentence(metric, metric.title, effect), sentence(metric, metric.best, order)]
    }
    return (special + ordinary).compactMap { $0 }
  }

  /// The points by growing size, if the swept values have sizes.
  func grown(_ points: [Int]) -> [Int] {
    let sizes = points.map { SweepAxis.size(run.points[$0][axis]) }
    guard !sizes.contains(nil) else { return points }
    return zip(points, sizes.map { $0 ?? 0 }).sorted { ($0.1, $0.0) < ($1.1, $1.0) }.map(\.0)
  }

  private func standing(_ metric: Metric, _ point: Int) -> Standing? {
    standings.first { $0.point == point && $0.metric.name == metric.name && $0.isCompared }
  }

  /// `raft and multi-paxos from 128B to 1KiB (15,200/s to 14,000/s), chain-replication at 8KiB ...`
  private func order(_ metric: Metric, _ points: [Int]) -> HTML? {
    var stretches: [Stretch] = []
    for point in points {
      // A test that could find no difference says nothing of the order.
      guard let standing = standing(metric, point), !standing.isLevel || standing.canTell else {
        continue
      }
      let leaders =
        standing.isLevel
        ? []
        : run.protocols.filter { name in
          standing.leaders.contains { $0.name == name }
        }
      if stretches.last?.leaders == leaders {
        stretches[stretches.count - 1].points.append(point)
      } else {
        stretches.append(Stretch(leaders: leaders, points: [point]))
      }
    }
    guard !stretches.isEmpty else { return nil }
    guard stretches.count <= Answer.mostStretches else {
      return "the best changes from point to point, as the table shows"
    }
    return stretches.map { words($0, metric, isAll: $0.points.count == points.count) }.joined(", ")
  }

  private func words(_ stretch: Stretch, _ metric: Metric, isAll: Bool) -> HTML {
    let (first, last) = (stretch.points[0], stretch.points[stretch.points.count - 1])
    func value(_ point: Int) -> String { run.points[point][axis] }
    let isSized = stretch.points.allSatisfy { SweepAxis.size(value($0)) != nil }
    let place: HTML =
      first == last
      ? "at \(value(first))"
      : isSized
        ? "from \(value(first)) to \(value(last))" : "at \(Phrase.list(stretch.points.map(value)))"
    guard !stretch.leaders.isEmpty else {
      return isAll ? "\(Phrase.noDifference)" : "\(Phrase.noDifference) \(place)"
    }
    let means = [first, last].map { standing(metric, $0)?.ranked[0].meanPhrase(metric) ?? "-" }
    let range: HTML =
      first == last || means[0] == means[1] ? "\(means[0])" : "\(means[0]) to \(means[1])"
    return "\(Phrase.bold(stretch.leaders)) \(place) (\(range))"
  }

  // MARK: The numbers of the question

  /// For each measure of the question a table of the protocols by the swept values.
  var sweepTables: HTML {
    let families = run.families(along: axis)
    guard families.count <= Answer.mostFamilies else { return "" }
    let tables = question.metrics.prefix(Answer.mostTables).flatMap { metric in
      families.map { table(metric, grown($0.points), families.count > 1 ? $0.name : "") }
    }
    return "<div class=tables>\(tables.joined("\n"))</div>"
  }

  private func table(_ metric: Metric, _ points: [Int], _ family: String) -> HTML {
    let heads = points.map { "<th scope=col>\(run.points[$0][axis])" as HTML }
    let rows = run.protocols.enumerated().map { index, name -> HTML in
      let cells = points.map { point -> HTML in
        guard let group = run.groups.first(where: { $0.point == point && $0.name == name }),
          let interval = group.interval(metric.name)
        else { return "<td>-" }
        let text = interval.meanText(metric.quantity)
        guard group.isRanked else {
          return "<td class=unranked>\(text) <small>\(group.verdict)</small>"
        }
        let standing = standing(metric, point)
        let leads = standing.map { !$0.isLevel && $0.leaders.contains { $0.name == name } } ?? false
        return leads ? "<td><strong>\(text)</strong>" : "<td>\(text)"
      }
      let mark: HTML = run.competes(name) ? "" : " <small>not ranked</small>"
      return """
        <tr data-p="\(Palette(run.protocols).slot(index))"><th scope=row>\(name)\(mark)\
        \(cells.joined())
        """
    }
    let place: HTML = family.isEmpty ? "" : ", at \(family)"
    // The title stands outside of the part that scrolls, so that a phone shows all of it.
    return """
      <div><p class=tabletitle><b>\(metric.titleWithUnit)</b>, means\(place); bold: best or level</p>\
      <div class=scroll tabindex=0 role=region aria-label="\(metric.title)">\
      <table class="leaders values"\(HTML.source(run.summary([metric.name])))>\
      <thead><tr><th scope=col>\(HTML.breakable(run.sweepPaths[axis]))\(heads.joined())</thead><tbody>
      \(rows.joined("\n"))</tbody></table></div></div>
      """
  }

  // MARK: Metastability

  /// At which swept values goodput did not come back after a fault, and at which it always did.
  private var metastableByValue: HTML? {
    func isStuck(_ group: Group) -> Bool { (group.interval("metastable_faults")?.mean ?? 0) > 0 }
    let contenders = contenders
    guard contenders.contains(where: isStuck) else {
      return "<b>Goodput</b> came back after every fault, in every row."
    }
    let paths = run.sweepPaths.enumerated().map { path, name -> HTML in
      let values = Phrase.ordered(run.points.map { $0[path] })
      let counts = values.map { value -> (value: String, stuck: Int, all: Int) in
        let here = contenders.filter { run.points[$0.point][path] == value }
        return (value, here.count(where: isStuck), here.count)
      }.filter { $0.all > 0 }
      let stuck = counts.filter { $0.stuck > 0 }.map {
        "\($0.value) (\($0.stuck) of \($0.all) rows)"
      }
      let free = counts.filter { $0.stuck == 0 }.map(\.value)
      let always: HTML = free.isEmpty ? "" : "; always back with \(Phrase.list(free))"
      return "by \(HTML.breakable(name)): \(Phrase.list(stuck))\(always)"
    }
    return """
      <span\(HTML.source(run.summary([])))><b>Goodput stayed away</b> after the fault in \
      \(contenders.count(where: isStuck)) of \(contenders.count) rows; \(paths.joined("; ")).</span>
      """
  }
}
