import Results

/// Latency over throughput, each protocol's points in the order of the load, with the knee.
struct LoadSection {
  let run: RunData
  let palette: Palette
  /// The index of the path that is the load.
  private let axis: Int

  private static let loads = ["workload.arrival.open", "workload.clients"]

  /// `nil` if the run sweeps no load.
  init?(_ run: RunData, _ palette: Palette) {
    let found = LoadSection.loads.lazy.compactMap { run.sweepPaths.firstIndex(of: $0) }.first
    guard run.isSwept, let found else { return nil }
    self.run = run
    self.palette = palette
    axis = found
  }

  /// A protocol's place at one load.
  struct Point {
    var group: Group
    var load: String
    var rate: Double
    var latency: Double
  }

  /// One protocol through growing load.
  struct Line {
    var slot: Int
    var name: String
    var points: [Point]
    /// The index of the knee; `nil` if it is not among the points.
    var knee: Int? { LoadSection.knee(points) }
  }

  /// The point of the largest throughput divided by latency, the *power* of Kleinrock (1979): up to
  /// there more load brings more throughput than latency. The first and the last point cannot be
  /// the knee, because the load beyond them is unknown. Points whose verdict does not hold do not
  /// take part.
  static func knee(_ points: [Point]) -> Int? {
    let ranked = points.indices.filter { points[$0].group.isRanked && points[$0].latency > 0 }
    let best = ranked.max {
      let (a, b) = (points[$0], points[$1])
      return a.rate / a.latency < b.rate / b.latency
    }
    guard let best, best != ranked.first, best != ranked.last else { return nil }
    return best
  }

  private func lines(_ metric: Metric, _ points: [Int]) -> [Line] {
    run.protocols.enumerated().map { index, name in
      let all = run.groups(name, at: points, byGrowing: axis).compactMap { group -> Point? in
        guard let rate = group.interval(Metric.throughput.name)?.mean,
          let latency = group.interval(metric.name)?.mean
        else { return nil }
        return Point(
          group: group, load: run.points[group.point][axis], rate: rate, latency: latency)
      }
      return Line(slot: palette.slot(index), name: name, points: all)
    }.filter { !$0.points.isEmpty }
  }

  var html: HTML {
    Section.families(of: run, along: axis) { points in
      let charts = [Metric.readLatency, .writeLatency].map { metric in
        (metric: metric, lines: lines(metric, points))
      }
      let figures = charts.compactMap { figure($0.metric, $0.lines) }
      guard !figures.isEmpty else { return "" }
      let words = charts.map { self.words($0.metric, $0.lines) }.joined()
      return "<ul class=facts>\(words)</ul>\(Section.grid(figures))"
    }
  }

  private func source(_ metric: Metric) -> String {
    run.summary([Metric.throughput.name, metric.name])
  }

  private func words(_ metric: Metric, _ lines: [Line]) -> HTML {
    let found = lines.compactMap { line -> HTML? in
      guard let knee = line.knee else { return nil }
      let point = line.points[knee]
      return """
        <strong>\(line.name)</strong> at \(point.load), with \
        \(Quantity.perSecond.phrase(point.rate)) and \(metric.quantity.phrase(point.latency))
        """
    }
    let others = lines.filter { $0.knee == nil }.map(\.name)
    var html: HTML =
      "<li\(HTML.source(source(metric)))><b>Knee of \(metric.inSentence)</b>: "
    html += found.joined("; ")
    if !others.isEmpty {
      html += found.isEmpty ? "" : "; "
      html += "not within the loads tried: \(Phrase.list(others))"
    }
    return html + ".</li>"
  }

  private func figure(_ metric: Metric, _ lines: [Line]) -> Figure? {
    let all = lines.flatMap(\.points)
    func values(_ competes: Bool, _ value: (Point) -> Double) -> [Double] {
      all.filter { $0.group.competes == competes }.map(value)
    }
    func latency(_ point: Point) -> Double { metric.quantity.shown(point.latency) }
    guard all.count > 1,
      let y = Axis.logarithmic(
        Axis.reached(by: values(true, latency), others: values(false, latency)),
        label: Axis.short)
    else { return nil }
    let rates = Axis.reached(by: [0] + values(true, \.rate), others: values(false, \.rate))
    let x = Axis.fromZero(to: rates.max() ?? 0, label: Axis.short)
    var plot = Plot(
      ofSweep: x, y, yTitle: "\(metric.title), ms", xTitle: "throughput, operations/s")
    for line in lines {
      plot.drawing.ofProtocol(line.slot) { [plot] drawing in
        func place(_ point: Point) -> (x: Double, y: Double) {
          (plot.x(point.rate), plot.y(metric.quantity.shown(point.latency)))
        }
        let inside = line.points.prefix { x.contains($0.rate) }
        drawing.polyline(
          plot.line(inside.map { (plot.x($0.rate), metric.quantity.shown($0.latency)) }),
          "l d\(line.slot % Palette.size)")
        if let first = line.points.first(where: { !x.contains($0.rate) }) {
          drawing.text(
            plot.right, place(first).y - 6, "\(line.name): \(Axis.short(first.rate)) →", "cut",
            anchor: .end)
        }
        for (index, point) in line.points.enumerated() where x.contains(point.rate) {
          let (x, y) = place(point)
          let isKnee = index == line.knee
          if isKnee { drawing.ring(x, y, 8) }
          drawing.marker(
            x, y, slot: line.slot,
            title: "\(line.name), \(run.sweepPaths[axis]) \(point.load): "
              + "\(Quantity.perSecond.phrase(point.rate)), "
              + metric.quantity.phrase(point.latency) + (isKnee ? ", the knee" : ""),
            isHollow: !point.group.competes)
        }
      }
    }
    let rows = lines.flatMap { line in
      line.points.enumerated().map { index, point in
        [
          line.name, point.load, Quantity.perSecond.text(point.rate),
          metric.quantity.text(point.latency), index == line.knee ? "knee" : "",
          point.group.verdict,
        ]
      }
    }
    return Figure(
      title: "Load against latency: \(metric.title)\(y.remark)",
      drawing: plot.drawing.svg(
        label: "\(metric.title) against throughput, one line per protocol through growing load"),
      table: HTMLTable(
        caption: "Mean throughput and latency by \(run.sweepPaths[axis])",
        headings: [
          "protocol", run.sweepPaths[axis], "throughput, /s", metric.titleWithUnit, "", "verdict",
        ],
        rows: rows), source: source(metric))
  }
}
