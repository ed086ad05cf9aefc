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
    func bins(_ competes: Bool) -> [TimeSeries.Bin] {
      zip(groups, series).filter { $0.0.competes == competes }.flatMap(\.1.bins)
    }
    func latencies(_ competes: Bool) -> [Double] {
      bins(competes).flatMap { $0.latencies.values }.map { $0 / 1000 }
    }
    let all = series.flatMap(\.bins)
    let tops = Axis.reached(
      by: bins(true).isEmpty ? [] : [0, TimelineChart.highest(bins(true))],
      others: bins(false).isEmpty ? [] : [TimelineChart.highest(bins(false))])
    let rates = Axis.fromZero(to: tops.max() ?? 0, most: 4, label: Axis.short)
    let axis = Axis.logarithmic(
      Axis.reached(by: latencies(true), others: latencies(false)), label: Axis.short)
    let end = all.map { $0.endMs / 1000 }.max() ?? 1
    return zip(groups, series).filter { !$0.1.bins.isEmpty }.map { group, series in
      TimelineChart(
        group: group, slot: palette.slot(group.protocolIndex), rateAxis: rates,
        latencyAxis: axis, end: end, series: series)
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
      title: "\(Legend.key(slot, isHollow: !group.competes))\(group.name)\(mark)", drawing: drawing,
      table: table,
      source: "timeline.csv window_start_ms window_ms ok leader_changes "
        + Window.latencyColumns.joined(separator: " ") + " faults.csv start_ms end_ms",
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
        end = point.x + 60
      }
      for point in points where point.bin.leaderChanges > 0 {
        // A small tooth on the base line marks a node that took charge.
        drawing.at(point.x) {
          $0.polyline([(point.x - 3, low + 6), (point.x, low), (point.x + 3, low + 6)], "tooth")
        }
      }
    }
  }

  /// Reads and writes apart: a band from the median to the 99th percentile, and a line along the
  /// latter.
  private func drawLatency(_ plot: Plot, _ moving: inout Drawing) {
    let kinds = [("write", "l thin", "b"), ("read", "l thin dotted", "b faintband")]
    for (kind, style, band) in kinds {
      // A window without an answer interrupts the band and the line.
      let runs = series.bins.split { $0.latencies["\(kind)_p99_us"] == nil }
      moving.ofProtocol(slot) { drawing in
        for run in runs {
          let points = run.map { bin -> (x: Double, low: Double, high: Double) in
            let high = bin.latencies["\(kind)_p99_us"] ?? 0
            let low = bin.latencies["\(kind)_p50_us"] ?? high
            return (plot.x(bin.middleMs / 1000), plot.y(low / 1000), plot.y(high / 1000))
          }
          drawing.area(points, band)
          drawing.polyline(points.map { ($0.x, $0.high) }, style)
        }
      }
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
        title: "\(fault.title), \(TimelineChart.seconds(fault.startMs)) s to "
          + (fault.endMs.map { "\(TimelineChart.seconds($0)) s" } ?? "the end"))
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

  /// A time of the trial, in seconds as on the axis.
  private static func seconds(_ milliseconds: Double) -> String {
    DecimalText.text((milliseconds / 10).rounded() / 100)
  }

  /// The faults whose numbers stand above the charts; empty if their names have room.
  static func faultList(_ groups: [Group]) -> HTML {
    guard let faults = groups.first?.trials.first?.faults, faults.count > 2 else { return "" }
    return HTMLTable(
      caption: "Faults of the first trial of \(groups[0].name)",
      headings: ["number", "fault", "node", "from, s", "to, s"],
      rows: faults.enumerated().map { number, fault in
        [
          String(number + 1), fault.title, fault.node, seconds(fault.startMs),
          fault.endMs.map(seconds) ?? "",
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
      latency in ms
      """
    let headings =
      ["from, s"] + (series.hasSpread ? ["middle", "lowest", "highest"] : ["operations"])
      + ["reads p50", "reads p99", "writes p50", "writes p99", "took charge"]
    let rows = series.bins.map { bin in
      [DecimalText.text(bin.startMs / 1000), DecimalText.text(bin.ok.middle)]
        + (series.hasSpread
          ? [DecimalText.text(bin.ok.low), DecimalText.text(bin.ok.high)] : [])
        + Window.latencyColumns.map { name in
          bin.latencies[name].map { Quantity.microseconds.text($0) } ?? ""
        } + [bin.leaderChanges > 0 ? DecimalText.text(bin.leaderChanges) : ""]
    }
    return HTMLTable(caption: caption, headings: headings, rows: rows)
  }
}
