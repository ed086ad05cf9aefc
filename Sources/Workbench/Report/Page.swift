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
        \(Legend.key(slot))\(name)</label>
        """
    }.joined()
  }

  private var glance: HTML {
    guard !run.isSwept else { return "" }
    let figures = [
      Metric.throughput, .availability, .outage, .recovery, .readLatency, .writeLatency,
    ].filter { $0.isShown(in: run) }
      .compactMap { IntervalChart(metric: $0, groups: run.groups, palette: palette).figure }
    return Section.grid(figures)
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
          <p class=muted>\(run.points.count - point) more sweep points are left out here: \
          <code>\(file)</code> has them.</p>
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

/// One or two sentences on how to read each kind of chart.
enum Wording {
  static let summary = """
    Means over trials with their 95 % intervals below them. Longer bars are larger numbers, which \
    is better only for throughput and availability. Rows that are not ranked stay below the others \
    however the table is sorted.
    """
  static let intervals = """
    The sign is the mean over trials and the line its 95 % interval; where two lines overlap far, \
    the difference may be chance. Hollow signs are rows that are not ranked.
    """
  static let sweep = """
    Each line is a protocol, its band the 95 % interval of the mean over trials. Hollow signs are \
    points that are not ranked.
    """
  static let load = """
    Each line follows a protocol through growing load; where it turns upwards, more load brings \
    longer waits and hardly more throughput. The ring is the knee: the point with the most \
    throughput divided by latency (Kleinrock's power). It is told only if a smaller and a larger \
    load were tried.
    """
  static let explore = """
    Choose what is drawn; each choice is a column of summary.csv or a swept value. Lines connect \
    the points of a protocol in the order of the sweep, bands are 95 % intervals of the mean.
    """
  static let severity = """
    Throughput while a fault becomes more severe. Bands are steps that the paired trials show to be \
    dangerous: a jump costs 10 % or more of the throughput at the mildest fault, a reversal is a \
    milder fault that hurts more than the severer one.
    """
  static let change = """
    The earlier run is the one beside this one that was started last before it, of an experiment of \
    the same name. A filled sign is a number that changed beyond chance; at 1 nothing changed.
    """
  static let time = """
    Above, acknowledged operations per second; below, latency (solid: 99th percentile, dotted: \
    median). The line is the middle one of the trials and the band reaches from the lowest to the \
    highest; where chance drew the faults, only the first trial is shown. Grey bands are faults; \
    a tooth below the axis says that a node took charge. Drag over a chart to zoom all of them.
    """
  static let latency = """
    How slow the slowest tenth (90), hundredth (99), thousandth (99.9) of all operations was, by \
    both axes' logarithms: lower is better. Thin lines are single trials. Hollow signs are lower \
    bounds, since operations had no answer, or rest on fewer than 10 operations. The distributions \
    say which share of all operations was answered within a time: further left is better, and a \
    line that ends below 100 % says that the rest had no answer. Signs stand at 50, 90 and 99 %.
    """
  static let breakdown = """
    Each bar is the mean latency of the traced operations, cut by what they waited for: the parts \
    follow the chain of causes from the answer back to when the operation was due, so that they \
    add up to it. Of replicas that work at the same time, only the one that was waited for counts.
    """
  static let faults = """
    An outage is the longest time without an acknowledged read, or write, after a fault, seen by \
    probes; recovery is the time until throughput is back. Stronger colours are longer. Each sign \
    below is one fault of one trial, the stroke their median.
    """
  static let cost = """
    What all nodes together, those of an authority included, spend on one acknowledged operation; \
    fewer is cheaper. By node, each sign is a node of the first trial, a hollow one a node of the \
    authority.
    """
}
