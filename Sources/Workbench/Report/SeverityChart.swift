import Results

/// Throughput over the severity of a fault: one chart per protocol, with the steps that
/// `severity.csv` calls dangerous as bands.
struct SeveritySection {
  let run: RunData
  let palette: Palette

  /// The swept paths that are severities.
  var paths: [String] { Phrase.ordered(run.groups.flatMap { $0.severity.map(\.path) }) }

  var html: HTML {
    paths.compactMap { path -> HTML? in
      guard let axis = run.sweepPaths.firstIndex(of: path) else { return nil }
      let parts = Section.families(of: run, along: axis) { points in
        let lines = lines(axis, points)
        return "\(words(lines, axis))\(Section.grid(figures(lines, axis)))"
      }
      let title: HTML = paths.count > 1 ? "<h3>Along \(HTML.breakable(path))</h3>" : ""
      return title + parts
    }.joined("\n")
  }

  /// A protocol from the mildest to the severest fault, with the steps between.
  private struct Line {
    var slot: Int
    var name: String
    var groups: [Group]
    var zones: [(from: String, to: String, row: SeverityRow)]
  }

  private func lines(_ axis: Int, _ points: [Int]) -> [Line] {
    func severity(_ group: Group) -> String { run.points[group.point][axis] }
    return run.protocols.enumerated().map { index, name in
      let groups = run.groups(name, at: points, byGrowing: axis)
      let zones = groups.flatMap { group in
        group.severity.filter { $0.path == run.sweepPaths[axis] }
          .map { (from: $0.milder, to: severity(group), row: $0) }
      }
      return Line(slot: palette.slot(index), name: name, groups: groups, zones: zones)
    }.filter { !$0.groups.isEmpty }
  }

  private static func percent(_ row: SeverityRow) -> String {
    guard let value = row.percent, let text = DecimalText.table(value, decimals: 0) else {
      return "-"
    }
    return (value > 0 ? "+" : "") + text + "\u{A0}%"
  }

  private func words(_ lines: [Line], _ axis: Int) -> HTML {
    let items = lines.map { line -> HTML in
      let dangers = line.zones.filter { $0.row.zone != "none" }.map { zone -> HTML in
        "\(zone.row.zone) from \(zone.from) to \(zone.to) (\(Self.percent(zone.row)))"
      }
      let isCompared = line.zones.contains { $0.row.p != nil }
      let rest: HTML =
        isCompared
        ? "no step is dangerous" : "too few trials to tell a step from chance"
      return """
        <li data-p="\(line.slot)"><strong>\(line.name)</strong>: \
        \(dangers.isEmpty ? rest : Phrase.list(dangers))</li>
        """
    }
    return """
      <ul class=facts\(HTML.source("\(run.summary([])) \(RunData.severityName) step_percent"))>\(items.joined())</ul>
      """
  }

  // MARK: Charts

  private static let (width, height) = (380.0, 240.0)
  private static let (top, bottom) = (54.0, 196.0)

  private func figures(_ lines: [Line], _ axis: Int) -> [Figure] {
    let intervals = lines.flatMap(\.groups).compactMap { $0.interval(Metric.throughput.name) }
    let most = intervals.map { $0.high ?? $0.mean }.max() ?? 0
    let rates = Axis.fromZero(to: most, most: 4, label: Axis.short)
    let severities = SweepAxis(
      Phrase.ordered(lines.flatMap(\.groups).map { run.points[$0.point][axis] }))
    return lines.map { figure($0, axis, severities, rates) }
  }

  private func figure(
    _ line: Line, _ axis: Int, _ severities: SweepAxis, _ rates: Axis
  ) -> Figure {
    let path = run.sweepPaths[axis]
    var plot = Plot(
      Drawing(width: SeveritySection.width, height: SeveritySection.height),
      left: max(Plot.labelWidth(rates), 34), right: SeveritySection.width - 14,
      top: SeveritySection.top, bottom: SeveritySection.bottom, x: severities.axis, y: rates,
      yTitle: "operations/s", xTitle: path, titleHeight: 40)
    for zone in line.zones where zone.row.zone != "none" {
      draw(zone, plot.x(severities.place(zone.from)), plot.x(severities.place(zone.to)), &plot)
    }
    let places = line.groups.compactMap { group in
      group.interval(Metric.throughput.name).map { interval in
        (x: plot.x(severities.place(run.points[group.point][axis])), group: group, at: interval)
      }
    }
    plot.drawing.ofProtocol(line.slot) { [plot] drawing in
      drawing.area(
        places.compactMap { place in
          guard let low = place.at.low, let high = place.at.high else { return nil }
          return (place.x, plot.y(low), plot.y(high))
        }, "b")
      drawing.polyline(places.map { ($0.x, plot.y($0.at.mean)) }, "l")
      for place in places {
        drawing.marker(
          place.x, plot.y(place.at.mean), slot: line.slot,
          title: "\(run.points[place.group.point][axis]): \(place.at.phrase(.perSecond))",
          isHollow: !place.group.competes)
      }
    }
    let bad = Phrase.ordered(line.groups.filter { !$0.isRanked }.map(\.verdict))
    let mark = bad.map { " <span class=badge>\($0)</span>" as HTML }.joined()
    return Figure(
      title: "\(Legend.key(line.slot, isHollow: !run.competes(line.name)))\(line.name)\(mark)",
      drawing: plot.drawing.svg(
        label: "\(line.name): throughput over \(path), danger zones marked"),
      table: table(line, path),
      source: run.summary([Metric.throughput.name])
        + " \(RunData.severityName) step_percent p_holm",
      attributes: " data-p=\"\(line.slot)\"")
  }

  /// A band from the milder to the severer fault, with its kind and size above if there is room.
  private func draw(
    _ zone: (from: String, to: String, row: SeverityRow), _ from: Double, _ to: Double,
    _ plot: inout Plot
  ) {
    let (left, right) = (min(from, to), max(from, to))
    let percent = SeveritySection.percent(zone.row)
    plot.drawing.rectangle(
      left, plot.top, right - left, plot.bottom - plot.top, "zone \(zone.row.zone)",
      title: "\(zone.row.zone) from \(zone.from) to \(zone.to): \(percent)")
    for (words, height) in [(zone.row.zone, 16.0), (percent, 5.0)]
    where Drawing.textWidth(words, size: 10) < right - left {
      plot.drawing.text(
        (left + right) / 2, plot.top - height, words, "faultname", anchor: .middle)
    }
  }

  private func table(_ line: Line, _ path: String) -> HTMLTable {
    HTMLTable(
      caption: """
        \(line.name): the change in throughput by each step along \(path), in percent of that at \
        the mildest, and its p-value after Holm's correction
        """,
      headings: ["from", "to", "%", "p", "zone"],
      rows: line.zones.map { zone in
        [
          zone.from, zone.to, DecimalText.table(zone.row.percent, decimals: 1) ?? "-",
          DecimalText.table(zone.row.p, decimals: 4) ?? "", zone.row.zone,
        ]
      })
  }
}
