import Results

/// Where the time of reads, or of writes, went: one stacked bar per protocol.
struct BreakdownChart {
  let groups: [Group]
  let palette: Palette
  let operation: String
  let title: HTML

  /// A part's colour, of those that protocols have, and its strength in percent. Waiting for
  /// something is the paler form of what is waited for.
  private static let parts: [(name: String, colour: Int, strength: Int, label: String)] = [
    ("sending", 4, 100, "waiting to be sent"),
    ("retry", 5, 100, "retry"),
    ("client-wire", 6, 100, "wire, client"),
    ("node-wire", 0, 100, "wire, nodes"),
    ("processor-wait", 1, 45, "waiting for a processor"),
    ("processor", 1, 100, "processor"),
    ("disk-wait", 2, 45, "waiting for a disk"),
    ("disk", 2, 100, "disk"),
    ("timer", 3, 100, "timer"),
    ("other", 7, 50, "other"),
  ]

  /// Mixed with the background and not transparent, because the rules behind would show through.
  static let style = parts.map { part in
    ".t-\(part.name){fill:color-mix(in srgb,var(--p\(part.colour)) \(part.strength)%,var(--bg))}"
  }.joined()

  static var legend: HTML {
    let items = parts.map { part -> HTML in
      var drawing = Drawing(width: 26, height: 12)
      drawing.rectangle(4, 1, 18, 10, "t-\(part.name)")
      return """
        <li><svg class=key viewBox="0 0 26 12" aria-hidden=true>\(drawing.body)</svg>\(part.label)
        """
    }
    return "<ul class=legend>\(items.joined())</ul>"
  }

  private func rows(_ group: Group) -> [LatencyShare] {
    group.breakdown.filter { $0.operation == operation }
  }

  var figure: Figure? {
    let totals = groups.compactMap { rows($0).first { $0.part == "total" }?.meanUs }
    guard let most = totals.max(), most > 0 else { return nil }
    // A tenth is room for the numbers at the ends of the bars.
    let axis = Axis.fromZero(to: most * 1.1 / 1000, most: 4, label: Axis.short)
    var chart = RowChart(names: groups.map(\.name), axis: axis)
    for (place, group) in groups.enumerated() {
      let slot = palette.slot(group.protocolIndex)
      chart.row(place, group.name, slot: slot) { drawing, plot, middle in
        var end = 0.0
        for part in Self.parts {
          guard let row = rows(group).first(where: { $0.part == part.name }),
            let mean = row.meanUs, mean > 0
          else { continue }
          let (left, right) = (plot.x(end / 1000), plot.x((end + mean) / 1000))
          drawing.rectangle(
            left, middle - 9, right - left, 18, "t-\(part.name)",
            title: "\(group.name): \(part.label), \(Quantity.microseconds.phrase(mean))")
          end += mean
        }
        if let total = rows(group).first(where: { $0.part == "total" })?.meanUs {
          drawing.text(
            plot.x(end / 1000) + 5, middle + 3.8, Quantity.microseconds.text(total), "rowname")
        }
      }
    }
    return Figure(
      title: "\(title), mean latency by cause, ms",
      drawing: chart.svg(label: "\(operation)s: mean latency by cause, per protocol"),
      table: table,
      source: "\(RunData.breakdownName) mean_us share slowest_us slowest_share")
  }

  private var table: HTMLTable {
    func time(_ value: Double?) -> String { value.map { Quantity.microseconds.text($0) } ?? "" }
    func share(_ value: Double?) -> String {
      value.flatMap { DecimalText.table($0 * 100, decimals: 1) } ?? ""
    }
    return HTMLTable(
      caption: "\(title): mean of the traced operations, and of the slowest hundredth of them",
      headings: ["protocol", "part", "mean, ms", "share, %", "slowest, ms", "slowest, %"],
      rows: groups.flatMap { group in
        rows(group).filter { ($0.slowestUs ?? 0) > 0 || ($0.meanUs ?? 0) > 0 }.map { row in
          [
            group.name, BreakdownChart.label(row.part), time(row.meanUs), share(row.share),
            time(row.slowestUs), share(row.slowestShare),
          ]
        }
      })
  }

  /// The part's name in the legend.
  private static func label(_ part: String) -> String {
    parts.first { $0.name == part }?.label ?? part
  }
}
