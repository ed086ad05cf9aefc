import Results

/// Shows the cost of an operation, and how the work is spread over the nodes.
struct CostReport {
  let run: RunData
  let palette: Palette
  let point: Int

  var html: HTML {
    let groups = run.groups(at: point)
    let figures =
      Metric.costs.filter { $0.isShown(in: run) }
      .compactMap { IntervalChart(metric: $0, groups: groups, palette: palette).figure }
      + [
        nodes(
          "Processor", "busy share of each node's processor, %", .share, "cpu_busy_share"
        ) { $0.busyShare },
        nodes("Messages sent", "messages that each node sent", .perSecond, "messages_sent") {
          $0.messagesSent
        },
      ].compactMap { $0 }
    return Section.grid(figures)
  }

  /// Every node of the first trial: a sign for a replica, an upright stroke for one of the
  /// authority.
  private func nodes(
    _ title: String, _ what: String, _ quantity: Quantity, _ column: String,
    _ value: (NodeUse) -> Double?
  ) -> Figure? {
    let unit = quantity == .share ? ", %" : ""
    let groups = run.groups(at: point)
    let rows = groups.map { group -> (group: Group, nodes: [(use: NodeUse, value: Double)]) in
      let all = group.trials.first?.nodes ?? []
      return (group, all.compactMap { use in value(use).map { (use, $0) } })
    }
    guard let most = rows.flatMap(\.nodes).map(\.value).max(), most > 0 else { return nil }
    let axis = Axis.fromZero(to: quantity.shown(most), most: 4, label: Axis.short)
    var chart = RowChart(names: groups.map(\.name), axis: axis)
    for (place, row) in rows.enumerated() {
      let slot = palette.slot(row.group.protocolIndex)
      chart.row(place, row.group.name, slot: slot) { drawing, plot, middle in
        for node in row.nodes {
          let x = plot.x(quantity.shown(node.value))
          guard node.use.role == "replica" else {
            drawing.line(x, middle - 6, x, middle + 6, "l")
            continue
          }
          drawing.marker(
            x, middle, slot: slot, size: 4,
            title: "\(row.group.name), node \(node.use.node) (\(node.use.role)): "
              + "\(quantity.text(node.value))\(quantity == .share ? " %" : "")",
            isHollow: !row.group.competes)
        }
      }
    }
    return Figure(
      title: "\(title) by node\(unit)",
      drawing: chart.svg(label: "\(title): \(what), per protocol and node"),
      table: HTMLTable(
        caption: "\(title): \(what), in the first trial",
        headings: ["protocol", "node", "role", quantity == .share ? "busy, %" : "messages"],
        rows: rows.flatMap { row in
          row.nodes.map { node in
            [
              row.group.name, node.use.node, node.use.role,
              quantity.text(node.value),
            ]
          }
        }), source: "resources.csv node \(column)")
  }
}
