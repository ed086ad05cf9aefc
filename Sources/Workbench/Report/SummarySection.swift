/// The table of all rows: sortable, with bars and intervals, and every verdict.
struct SummarySection {
  let run: RunData
  let palette: Palette

  private var metrics: [Metric] { Metric.summarised.filter { $0.isShown(in: run) } }

  var html: HTML {
    let metrics = metrics
    let keys = ["protocol"] + run.sweepPaths
    let heads =
      keys.map { "<th scope=col data-sort=text>\(HTML.breakable($0))" as HTML }
      + ["<th scope=col data-sort=text>verdict"]
      + (hasNodes ? ["<th scope=col data-sort=number>Nodes <small>in all</small>"] : [])
      + metrics.map { metric -> HTML in
        let unit =
          metric.quantity.unit.isEmpty ? "" : " <small>\(metric.quantity.unit)</small>" as HTML
        return """
          <th scope=col data-sort=number data-first="\(metric.lowerIsBetter ? "up" : "down")">\
          \(metric.title)\(unit)
          """
      }
    let most = metrics.map { metric in
      run.groups.compactMap { $0.interval(metric.name).map { metric.quantity.shown($0.mean) } }
        .max() ?? 0
    }
    let rows = run.groups.map { row($0, metrics, most) }
    return """
      <div class=scroll tabindex=0 role=region aria-label="Summary"><table class="summary" id=rows\
      \(HTML.source(run.summary(metrics.map(\.name))))>\
      <thead><tr>\(heads.joined())</thead><tbody>
      \(rows.joined("\n"))</tbody></table></div>
      """
  }

  private func row(_ group: Group, _ metrics: [Metric], _ most: [Double]) -> HTML {
    let slot = palette.slot(group.protocolIndex)
    let mark: HTML = group.isRanked ? "" : " class=unranked"
    let sweep = run.points[group.point].map { value -> HTML in
      let size = SweepAxis.size(value).map { Drawing.number($0) }
      return "<td class=l0 data-v=\"\(size ?? value)\">\(value)"
    }
    let cells = zip(metrics, most).map { metric, most in cell(group, metric, most) }
    return """
      <tr data-p="\(slot)"\(mark)><th scope=row>\(Legend.key(slot, isHollow: !group.competes))\
      <span class=rowname>\(group.name)</span>\(sweep.joined())\
      \(verdict(group))\(hasNodes ? nodes(group) : "")\(cells.joined())
      """
  }

  private var hasNodes: Bool { run.groups.contains { $0.nodeCount != nil } }

  private func nodes(_ group: Group) -> HTML {
    guard let count = group.nodeCount else { return "<td class=k>-" }
    let parts: HTML =
      count.authority == 0
      ? "" : "<small>\(count.replicas) + \(count.authority)</small>"
    return "<td class=k data-v=\(count.all)>\(count.all)\(parts)"
  }

  private func verdict(_ group: Group) -> HTML {
    let sign: HTML =
      switch group.verdict {
      case "violated": "✗"
      case "undecided": "?"
      case "unchecked": "–"
      default: "✓"
      }
    let note: HTML =
      group.isRanked
      ? ""
      : """
      <small>\(group.trials.count { $0.verdict == group.verdict }) of \(group.trials.count) \
      trials, not ranked</small>
      """
    return """
      <td class="v \(group.isRanked ? "good" : "bad")"><span aria-hidden=true>\(sign)</span> \
      <span class=word>\(group.verdict)</span>\(note)
      """
  }

  private func cell(_ group: Group, _ metric: Metric, _ most: Double) -> HTML {
    guard let interval = group.interval(metric.name) else { return "<td class=n>-" }
    let quantity = metric.quantity
    let share = most > 0 ? quantity.shown(interval.mean) / most : 0
    let missing = group.values(metric.name).count { $0 == nil }
    let range = interval.rangeText(quantity)
    let note: HTML =
      missing > 0
      ? "<small>\(group.trials.count - missing) of \(group.trials.count) trials</small>"
      : range.isEmpty ? "" : "<small>\(range)</small>"
    return """
      <td class=n data-v="\(Drawing.precise(interval.mean))" \
      style="--w:\(Int((share * 100).rounded()))%">\(interval.meanText(quantity))\(note)
      """
  }
}
