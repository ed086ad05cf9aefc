/// One metric, a row per protocol: the mean as a sign, its 95 % interval as a line.
struct IntervalChart {
  let metric: Metric
  let groups: [Group]
  let palette: Palette

  /// Widely spread values get a logarithmic axis. Close values get an axis around them, because
  /// signs, unlike bars, need no zero.
  private func axis(_ rows: [(group: Group, interval: Interval)]) -> Axis {
    func ends(_ competes: Bool) -> [Double] {
      rows.filter { $0.group.competes == competes }.map(\.interval)
        .flatMap { [$0.low, $0.mean, $0.high].compactMap { $0 } }.map(metric.quantity.shown)
    }
    let ends = Axis.reached(by: ends(true), others: ends(false))
    let means = rows.map(\.interval.mean).map(metric.quantity.shown)
      .filter { $0 >= ends.min() ?? 0 && $0 <= ends.max() ?? 0 }
    let (least, most) = (means.min() ?? 0, ends.max() ?? 1)
    if metric.name == Metric.availability.name {
      let least = ends.min() ?? 0
      return Axis.linear(least < 100 ? least : 99, 100, most: 4, label: Axis.short)
    }
    if least > 0, most / least > 6,
      let axis = Axis.logarithmic(ends.filter { $0 >= least / 3 }, label: Axis.short)
    {
      return axis
    }
    if let low = ends.min(), most > low, low > most * 0.6 {
      return Axis.linear(low, most, most: 4, label: Axis.short)
    }
    return Axis.fromZero(to: most, most: 4, label: Axis.short)
  }

  var figure: Figure? {
    let quantity = metric.quantity
    let rows = groups.compactMap { group in
      group.interval(metric.name).map { (group: group, interval: $0) }
    }
    guard !rows.isEmpty else { return nil }
    let scale = axis(rows)
    var chart = RowChart(names: groups.map(\.name), axis: scale)
    for (place, group) in groups.enumerated() {
      let slot = palette.slot(group.protocolIndex)
      chart.row(place, group.name, slot: slot) { drawing, plot, middle in
        guard let interval = group.interval(metric.name) else {
          drawing.text(plot.left + 6, middle + 3.8, "does not apply", "tick")
          return
        }
        guard scale.contains(quantity.shown(interval.mean)) else {
          // An arrow with the number stands for a row beyond the end of the axis.
          let isAbove = scale.place(quantity.shown(interval.mean)) > 1
          let text = interval.meanText(quantity)
          drawing.text(
            isAbove ? plot.right : plot.left + 4, middle + 3.8,
            isAbove ? "\(text) →" : "← \(text)", "cut", anchor: isAbove ? .end : .start)
          return
        }
        let mean = plot.x(quantity.shown(interval.mean))
        if interval.low != nil || interval.high != nil {
          let low = plot.x(quantity.shown(interval.low ?? interval.mean))
          let high = plot.x(quantity.shown(interval.high ?? interval.mean))
          drawing.line(low, middle, high, middle, "l")
          for end in [low, high] { drawing.line(end, middle - 4, end, middle + 4, "l") }
        }
        drawing.marker(
          mean, middle, slot: slot, size: 4.5,
          title: "\(group.name): \(interval.phrase(quantity))", isHollow: !group.competes)
        if !group.isRanked {
          drawing.text(min(mean + 9, plot.right - 60), middle - 5, group.verdict, "warn")
        }
      }
    }
    let title = metric.titleWithUnit
    return Figure(
      title: "\(title)\(scale.remark)",
      drawing: chart.svg(label: "\(metric.title): mean and 95 % interval per protocol"),
      table: HTMLTable(
        caption: "\(title): means over trials",
        headings: ["protocol", "mean\(quantity.unitInHeading)", "95 % interval", "verdict"],
        rows: rows.map { group, interval in
          [group.name, interval.meanText(quantity), interval.rangeText(quantity), group.verdict]
        }), source: metric.source)
  }
}
