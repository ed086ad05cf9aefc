/// The page of one run.
struct RunPage {
  let run: RunData
  private let change: ChangeSection
  private let palette: Palette

  init(_ run: RunData, change: ChangeSection) {
    self.run = run
    self.change = change
    palette = Palette(run.protocols)
  }

  var html: String {
    let sections = [
      Section(id: "answer", title: "The answer", content: Answer(run).html),
      Section(
        id: "summary", title: "All rows",
        how: Wording.summary,
        content: SummarySection(run: run, palette: palette).html),
      Section(id: "glance", title: "At a glance", how: Wording.intervals, content: glance),
      Section(
        id: "load", title: "Load against latency", how: Wording.load, content: loads),
      Section(id: "sweep", title: sweepTitle, how: Wording.sweep, content: sweep),
      Section(
        id: "explore", title: "Any number against any other", how: Wording.explore,
        content: Explorer(run: run, palette: palette)?.html ?? ""),
      Section(
        id: "severity", title: "Danger zones", how: Wording.severity,
        content: SeveritySection(run: run, palette: palette).html),
      Section(id: "time", title: "Over time", how: Wording.time, content: timelines),
      Section(id: "latency", title: "Latency", how: Wording.latency, content: latencies),
      Section(
        id: "breakdown", title: "Where the time went", how: Wording.breakdown,
        content: breakdowns),
      Section(id: "faults", title: "Faults", how: Wording.faults, content: faults),
      Section(id: "cost", title: "Cost", how: Wording.cost, content: costs),
      Section(
        id: "change", title: "Change since the last run", how: Wording.change,
        content: change.html),
      Section(
        id: "run", title: "How it was run", content: HowItWasRun(run: run).html),
    ]
    return Document(
      title: "\(run.about.name), seed \(run.about.seed)", heading: run.about.name,
      subtitle: subtitle, filters: filters, sections: sections
    ).html
  }

  private var subtitle: HTML {
    let trials = run.about.isComplete ? "" : " (interrupted: not all were run)"
    return """
      <p class=question>\(run.about.description)</p>\
      <p class=muted>\(run.protocols.count) \(run.protocols.count == 1 ? "row" : "protocols"), \
      \(run.isSwept ? "\(run.points.count) sweep points, " : "")\(run.trialCount) \
      trials\(trials), \(run.about.isRealTime ? "real processes" : "simulation"), \
      seed \(run.about.seed)</p>
      """
  }

  private var filters: HTML {
    run.protocols.enumerated().map { index, name -> HTML in
      let slot = palette.slot(index)
      return """
        <label><input type=checkbox checked data-hide="\(slot)" value="\(name)">\
        \(Legend.key(slot, isHollow: !run.competes(name)))\(name)</label>
        """
    }.joined()
  }

  private var glance: HTML {
    guard !run.isSwept else { return "" }
    let figures = [
      Metric.throughput, .availability, .outage, .recovery, .readLatency, .writeLatency,
    ].filter { $0.isShown(in: run) }
      .compactMap { IntervalChart(metric: $0, groups: run.groups, palette: palette).figure }
    let hollow = Legend.hollow(run)
    return (hollow.isEmpty ? "" : "<ul class=legend>\(hollow)</ul>") + Section.grid(figures)
  }

  private var sweepTitle: String {
    SweepSection(run, palette).map { "Over \($0.path)" } ?? ""
  }

  private var sweep: HTML {
    guard let section = SweepSection(run, palette) else { return "" }
    return "\(Legend.html(run, palette))\(section.html)"
  }

  private var loads: HTML {
    guard let section = LoadSection(run, palette)?.html, !section.isEmpty else { return "" }
    return "\(Legend.html(run, palette))\(section)"
  }

  /// The most bytes of a section before further sweep points are left out of it, because a page
  /// should open at once; the files have all points.
  static let mostBytes = 200_000

  /// The content of every sweep point, each in a part that can be opened.
  private func folded(_ file: String, _ content: (Int) -> HTML) -> HTML {
    var html: HTML = ""
    for point in run.points.indices {
      guard html.text.utf8.count < RunPage.mostBytes else {
        return html
          + """
          <p class=muted>Not shown here: \(run.points.count - point) more sweep points, which \
          <code>\(file)</code> has.</p>
          """
      }
      let part = content(point)
      guard !part.isEmpty else { continue }
      html += Section.fold(run.pointName(point), isOpen: point == 0, of: run.points.count, part)
    }
    return html
  }

  private var timelines: HTML {
    let html = folded("timeline.csv") { point in
      let groups = run.groups(at: point)
      let charts = TimelineChart.all(groups, palette)
      return Section.grid(charts.map(\.figure)) + TimelineChart.faultList(groups)
    }
    return html.isEmpty ? "" : TimelineChart.zoomBar + html
  }

  private var latencies: HTML {
    let html = folded("latency.csv") { point in
      let groups = run.groups(at: point)
      let kinds: [(String, HTML)] = [("read", "Reads"), ("write", "Writes")]
      let figures =
        kinds.map {
          LatencyChart(groups: groups, palette: palette, operation: $0.0, title: $0.1).figure
        }
        + kinds.map {
          DistributionChart(groups: groups, palette: palette, operation: $0.0, title: $0.1).figure
        }
      return Section.grid(figures.compactMap { $0 })
    }
    return html.isEmpty ? "" : "\(Legend.html(run, palette))\(html)"
  }

  private var faults: HTML {
    guard run.hasFaults else { return "" }
    return folded("faults.csv") { FaultReport(run: run, palette: palette, point: $0).html }
  }

  private var breakdowns: HTML {
    guard run.groups.contains(where: { !$0.breakdown.isEmpty }) else { return "" }
    let html = folded(RunData.breakdownName) { point in
      let groups = run.groups(at: point)
      return Section.grid(
        [("read", "Reads" as HTML), ("write", "Writes")].compactMap {
          BreakdownChart(groups: groups, palette: palette, operation: $0.0, title: $0.1).figure
        })
    }
    return html.isEmpty ? "" : "\(BreakdownChart.legend)\(html)"
  }

  private var costs: HTML {
    folded("resources.csv") { CostReport(run: run, palette: palette, point: $0).html }
  }
}
