import Results

/// Throughput above, latency below, over the time of a trial, with the faults as bands: one chart
/// per protocol, all with the same axes.
struct TimelineChart {
  let group: Group
  let slot: Int
  let rateAxis: Axis
  let latencyAxis: Axis?
  let end: Double
  private let series: TimeSeries

  /// More points than this are merged, because a chart is not wider.
  static let mostPoints = 330

  private static let (width, height) = (380.0, 300.0)
  private static let (rateTop, rateBottom) = (36.0, 150.0)
  private static let (latencyTop, latencyBottom) = (184.0, 266.0)

  /// All charts of a sweep point, with common axes.
  static func all(_ groups: [Group], _ palette: Palette) -> [TimelineChart] {
    let series = groups.map { TimeSeries($0.trials) }
    let bins = series.flatMap(\.bins)
    let rates = Axis.fromZero(to: TimelineChart.highest(bins), most: 4, label: Axis.short)
    let latencies = Axis.logarithmic(
      bins.flatMap { [$0.p50, $0.p99].compactMap { $0 } }.map { $0 / 1000 }, label: Axis.short)
    let end = bins.map { $0.endMs / 1000 }.max() ?? 1
    return zip(groups, series).filter { !$0.1.bins.isEmpty }.map { group, series in
      TimelineChart(
        group: group, slot: palette.slot(group.protocolIndex), rateAxis: rates,
        latencyAxis: latencies, end: end, series: series)
    }
  }

  /// The top of the axis. Operations that waited for a fault to end finish in one short burst, and
  /// an axis up to its peak would flatten the rest: lines are cut off beyond twice the usual rate.
  private static func highest(_ bins: [TimeSeries.Bin]) -> Double {
    let rates = bins.map(\.rate.middle).sorted()
    guard let most = bins.map(\.rate.high).max(), let steady = rates.dropLast(rates.count / 10).last
    else { return 0 }
    return steady > 0 ? min(most, 2 * steady) : most
  }

  var figure: Figure {
    let mark: HTML = group.isRanked ? "" : " <span class=badge>\(group.verdict)</span>"
    return Figure(
      title: "\(Legend.key(slot))\(group.name)\(mark)", drawing: drawing, table: table,
      source: "timeline.csv window_start_ms window_ms ok p50_us p99_us leader_changes "
        + "faults.csv start_ms end_ms",
      attributes: " data-p=\"\(slot)\"")
  }

  private var left: Double {
    max(Plot.labelWidth(rateAxis), latencyAxis.map(Plot.labelWidth) ?? 0, 34)
  }

  private var drawing: HTML {
    let right = TimelineChart.width - 8
    let time = Axis.exact(0, end, label: Axis.short)
    var plot = Plot(
      Drawing(width: TimelineChart.width, height: TimelineChart.height), left: left, right: right,
      top: TimelineChart.rateTop, bottom: TimelineChart.rateBottom, x: time, y: rateAxis,
      yTitle: "operations/s", xTitle: latencyAxis == nil ? "seconds" : "",
      showsXLabels: latencyAxis == nil, titleHeight: 26, isTime: true)
    var moving = Drawing(width: plot.drawing.width, height: plot.drawing.height)
    drawFaults(&plot, &moving)
    drawRates(&plot, &moving)
    if let latencyAxis {
      var below = Plot(
        plot.drawing, left: left, right: right, top: TimelineChart.latencyTop,
        bottom: TimelineChart.latencyBottom, x: time, y: latencyAxis, yTitle: "latency, ms",
        xTitle: "seconds", isTime: true)
      drawLatency(below, &moving)
      below.drawing.add(window(moving, below))
      return below.drawing.svg(label: label, attributes: timeAttributes)
    }
    plot.drawing.add(window(moving, plot))
    return plot.drawing.svg(label: label, attributes: timeAttributes)
  }

  /// What the script needs to zoom: the ends of the axis in pixels, and the last second.
  private var timeAttributes: HTML {
    let right = Drawing.number(TimelineChart.width - 8)
    return " data-time=\"\(Drawing.number(left)) \(right) \(Drawing.precise(end))\""
  }

  /// The shapes that zooming stretches, in a frame of their own.
  private func window(_ moving: Drawing, _ plot: Plot) -> HTML {
    let x = Drawing.number(plot.left)
    let y = Drawing.number(TimelineChart.rateTop - 2)
    let width = Drawing.number(plot.right - plot.left)
    let height = Drawing.number(plot.bottom - TimelineChart.rateTop + 4)
    return """
      <svg class=window x="\(x)" y="\(y)" width="\(width)" height="\(height)" \
      viewBox="\(x) \(y) \(width) \(height)" preserveAspectRatio=none>\(moving.body)</svg>
      """
  }

  /// The buttons that zoom all charts over time; only the script makes them visible.
  static let zoomBar: HTML = {
    let buttons = [
      ("in", "+", "Zoom in (key +)"), ("out", "−", "Zoom out (key -)"),
      ("left", "←", "Earlier (key ←)"), ("right", "→", "Later (key →)"),
      ("all", "Whole time", "Whole time (key 0)"),
    ].map { what, sign, name -> HTML in
      """
      <button type=button data-zoom=\(what) title="\(name)" aria-label="\(name)">\(sign)</button>
      """
    }
    return """
      <div id=zoom class=bar role=group aria-label="Zoom of the charts over time" hidden>\
      \(buttons.joined())<output aria-live=polite></output></div>
      """
  }()

  private var label: String {
    "\(group.name): operations per second and latency over \(Axis.short(end)) seconds; the "
      + "numbers are in the table below"
  }

  private func drawRates(_ plot: inout Plot, _ moving: inout Drawing) {
    let points = series.bins.map { (x: plot.x($0.middleMs / 1000), bin: $0) }
    let low = plot.bottom
    moving.ofProtocol(slot) { [plot] drawing in
      if series.hasSpread {
        drawing.area(
          points.map { ($0.x, plot.y($0.bin.rate.low), plot.y($0.bin.rate.high)) }, "b")
      }
      drawing.polyline(points.map { ($0.x, plot.y($0.bin.rate.middle)) }, "l")
    }
    plot.drawing.ofProtocol(slot) { [plot] drawing in
      var end = -Double.infinity
      for point in points where point.bin.rate.middle > plot.y.high && point.x > end {
        // The line is cut off here: show an arrow and the rate.
        let rate = Quantity.perSecond.text(point.bin.rate.middle)
        drawing.at(point.x) { $0.text(point.x + 4, plot.top + 9, "↑ \(rate)", "cut") }
        end = point.x + 40
      }
      for point in points where point.bin.leaderChanges > 0 {
        // A small tooth on the base line marks a node that took charge.
        drawing.at(point.x) {
          $0.polyline([(point.x - 3, low + 6), (point.x, low), (point.x + 3, low + 6)], "tooth")
        }
      }
    }
  }

  private func drawLatency(_ plot: Plot, _ moving: inout Drawing) {
    func path(_ value: (TimeSeries.Bin) -> Double?) -> [(x: Double, y: Double)?] {
      series.bins.map { bin in
        value(bin).map { (plot.x(bin.middleMs / 1000), plot.y($0 / 1000)) }
      }
    }
    let (p50, p99) = (path(\.p50), path(\.p99))
    moving.ofProtocol(slot) { drawing in
      drawing.polyline(p50, "l thin dotted")
      drawing.polyline(p99, "l thin")
    }
  }

  // MARK: Faults

  private func drawFaults(_ plot: inout Plot, _ moving: inout Drawing) {
    guard let faults = group.trials.first?.faults, !faults.isEmpty else { return }
    let bottom = latencyAxis == nil ? TimelineChart.rateBottom : TimelineChart.latencyBottom
    for fault in faults {
      let from = plot.x(fault.startMs / 1000)
      let to = plot.x((fault.endMs ?? end * 1000) / 1000)
      moving.rectangle(
        from, plot.top, max(to - from, 1.5), bottom - plot.top, "fault",
        title: "\(fault.name), \(DecimalText.text(fault.startMs)) ms to "
          + (fault.endMs.map { "\(DecimalText.text($0)) ms" } ?? "the end"))
    }
    let starts = faults.map { plot.x($0.startMs / 1000) }
    let labels =
      place(faults.map(\.name), at: starts) ?? place(faults.map(\.kind), at: starts)
      ?? place(faults.indices.map { String($0 + 1) }, at: starts, all: false) ?? []
    for label in labels {
      plot.drawing.at(label.x) {
        $0.text(label.x, label.row == 0 ? 32 : 22, label.text, "faultname")
      }
    }
  }

  /// Places labels above the chart, in two rows, each where its fault starts.
  /// - Parameter all: whether to give up if a label has no room.
  private func place(
    _ texts: [String], at starts: [Double], all: Bool = true
  ) -> [(x: Double, row: Int, text: String)]? {
    var ends = [-Double.infinity, -Double.infinity]
    var labels: [(x: Double, row: Int, text: String)] = []
    for (text, start) in zip(texts, starts) {
      let width = Drawing.textWidth(text, size: 10)
      let x = min(start, TimelineChart.width - width)
      guard let row = ends.firstIndex(where: { $0 < x }) else {
        if all { return nil }
        continue
      }
      labels.append((x, row, text))
      ends[row] = x + width + 5
    }
    return labels
  }

  /// The faults whose numbers stand above the charts; empty if their names have room.
  static func faultList(_ groups: [Group]) -> HTML {
    guard let faults = groups.first?.trials.first?.faults, faults.count > 2 else { return "" }
    return HTMLTable(
      caption: "Faults of the first trial of \(groups[0].name)",
      headings: ["number", "fault", "node", "from ms", "to ms"],
      rows: faults.enumerated().map { number, fault in
        [
          String(number + 1), fault.name, fault.node, DecimalText.text(fault.startMs),
          DecimalText.text(fault.endMs),
        ]
      }, source: "faults.csv node start_ms end_ms"
    ).details(titled: "The faults")
  }

  // MARK: The table of the numbers

  private var table: HTMLTable {
    let over: HTML =
      series.hasSpread
      ? ", over \(series.trialCount) trials and \(series.merged) windows per line" : ""
    let caption: HTML = """
      \(group.name): acknowledged operations per window of \(series.windowText) ms\(over), and \
      latency in µs
      """
    let headings =
      ["from ms"] + (series.hasSpread ? ["middle", "lowest", "highest"] : ["ok"])
      + ["p50", "p99", "took charge"]
    let rows = series.bins.map { bin in
      [DecimalText.text(bin.startMs), DecimalText.text(bin.ok.middle)]
        + (series.hasSpread
          ? [DecimalText.text(bin.ok.low), DecimalText.text(bin.ok.high)] : [])
        + [
          DecimalText.text(bin.p50), DecimalText.text(bin.p99),
          bin.leaderChanges > 0 ? DecimalText.text(bin.leaderChanges) : "",
        ]
    }
    return HTMLTable(caption: caption, headings: headings, rows: rows)
  }
}

/// The windows of a group's trials as the points of a line.
///
/// If all trials have the same faults at the same times, a point is the median of the trials'
/// cells, between the lowest and the highest. If the faults were drawn at random, only the first
/// trial is shown, because a median over different sequences of events shows none of them.
struct TimeSeries {
  struct Spread {
    var low: Double
    var middle: Double
    var high: Double

    /// The median of an even number of values is the lower middle one, so that it is a cell of a
    /// file.
    init?(_ values: [Double]) {
      let sorted = values.sorted()
      guard let low = sorted.first, let high = sorted.last else { return nil }
      self.low = low
      self.high = high
      middle = sorted[(sorted.count - 1) / 2]
    }
  }

  struct Bin {
    var startMs: Double
    var endMs: Double
    var ok: Spread
    var rate: Spread
    var p50: Double?
    var p99: Double?
    var leaderChanges: Double

    var middleMs: Double { (startMs + endMs) / 2 }
  }

  private(set) var bins: [Bin] = []
  /// The number of windows in one point.
  let merged: Int
  let trialCount: Int
  let windowText: String

  var hasSpread: Bool { merged > 1 || trialCount > 1 }

  init(_ all: [Trial]) {
    let trials = TimeSeries.areAlike(all) ? all : Array(all.prefix(1))
    trialCount = trials.count
    let count = trials.map(\.windows.count).max() ?? 0
    merged = max(1, (count + TimelineChart.mostPoints - 1) / TimelineChart.mostPoints)
    windowText = DecimalText.text(trials.first?.windows.first?.lengthMs)
    for first in stride(from: 0, to: count, by: merged) {
      let windows = trials.flatMap { trial in
        trial.windows.dropFirst(first).prefix(merged)
      }
      // The first window shows the node in charge at the start, which was not elected in it.
      let changes = first == 0 ? 0 : windows.map(\.leaderChanges).max() ?? 0
      guard let start = windows.first, let last = windows.last,
        let ok = Spread(windows.map(\.ok)), let rate = Spread(windows.map(\.perSecond))
      else { continue }
      bins.append(
        Bin(
          startMs: start.startMs, endMs: last.startMs + last.lengthMs, ok: ok, rate: rate,
          p50: Spread(windows.compactMap(\.p50Us))?.middle,
          p99: Spread(windows.compactMap(\.p99Us))?.middle, leaderChanges: changes))
    }
  }

  /// Starts at most this far apart, in ms, come from the same plan carried out in real time.
  private static let sameStartMs = 250.0

  static func areAlike(_ trials: [Trial]) -> Bool {
    guard let first = trials.first else { return true }
    return trials.allSatisfy { trial in
      trial.faults.count == first.faults.count
        && zip(trial.faults, first.faults).allSatisfy { a, b in
          a.kind == b.kind && a.target == b.target
            && (a.startMs - b.startMs).magnitude <= sameStartMs
        }
    }
  }
}
