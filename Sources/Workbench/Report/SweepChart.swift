/// A metric over the swept values, one line per protocol with the band of its intervals. If several
/// paths are swept, the one with the most values is the axis, and each combination of the others
/// has its own charts.
struct SweepSection {
  let run: RunData
  let palette: Palette
  /// The index of the path on the axis.
  private let axis: Int

  private static let metrics: [Metric] = [
    .throughput, .readLatency, .writeLatency, .availability, .outage, .recovery, .messages, .bytes,
    .fsyncs,
  ]

  init?(_ run: RunData, _ palette: Palette) {
    guard run.isSwept, !run.sweepPaths.isEmpty else { return nil }
    self.run = run
    self.palette = palette
    axis = run.mainPath
  }

  var path: String { run.sweepPaths[axis] }

  var html: HTML {
    let metrics = SweepSection.metrics.filter { $0.isShown(in: run) }
    return Section.families(of: run, along: axis) { points in
      Section.grid(metrics.compactMap { figure($0, points) })
    }
  }

  // MARK: A metric over the swept values

  private func figure(_ metric: Metric, _ points: [Int]) -> Figure? {
    let quantity = metric.quantity
    let x = SweepAxis(points.map { run.points[$0][axis] })
    let lines = run.protocols.enumerated().map { index, name in
      (slot: palette.slot(index), name: name, groups: run.groups(name, at: points))
    }
    guard let y = axis(metric, lines.flatMap(\.groups)) else { return nil }
    var plot = Plot(ofSweep: x.axis, y, yTitle: metric.titleWithUnit, xTitle: path)
    for line in lines {
      plot.drawing.ofProtocol(line.slot) { [plot] drawing in
        let places = line.groups.compactMap { group in
          group.interval(metric.name).map { (group, x.place(run.points[group.point][axis]), $0) }
        }.map { (group: $0.0, x: plot.x($0.1), interval: $0.2) }
        drawing.area(
          places.compactMap { place in
            guard let low = place.interval.low, let high = place.interval.high,
              y.contains(quantity.shown(place.interval.mean))
            else { return nil }
            return (place.x, plot.y(quantity.shown(low)), plot.y(quantity.shown(high)))
          }, "b")
        let means = places.map { (x: $0.x, value: quantity.shown($0.interval.mean)) }
        drawing.polyline(plot.line(means), "l d\(line.slot % Palette.size)")
        plot.arrows(means, &drawing, Axis.short)
        for place in places where y.contains(quantity.shown(place.interval.mean)) {
          drawing.marker(
            place.x, plot.y(quantity.shown(place.interval.mean)), slot: line.slot,
            title: "\(place.group.name), \(run.points[place.group.point][axis]): "
              + place.interval.phrase(quantity)
              + (place.group.isRanked ? "" : ", \(place.group.verdict)"),
            isHollow: !place.group.competes)
        }
      }
    }
    let rows = lines.flatMap { line in
      line.groups.map { group -> [String] in
        let interval = group.interval(metric.name)
        return [
          line.name, run.points[group.point][axis], interval?.meanText(quantity) ?? "-",
          interval?.rangeText(quantity) ?? "", group.verdict,
        ]
      }
    }
    return Figure(
      title: "\(metric.title)\(y.remark)",
      drawing: plot.drawing.svg(label: "\(metric.title) over \(path), one line per protocol"),
      table: HTMLTable(
        caption: "\(metric.title) over \(path): means over trials",
        headings: [
          "protocol", path, "mean\(quantity.unitInHeading)", "95 % interval", "verdict",
        ], rows: rows),
      source: run.summary([metric.name]))
  }

  /// The vertical axis, logarithmic if the means of the rows that compete are widely spread.
  private func axis(_ metric: Metric, _ groups: [Group]) -> Axis? {
    func ends(_ competes: Bool) -> (means: [Double], all: [Double]) {
      let intervals = groups.filter { $0.competes == competes }.compactMap {
        $0.interval(metric.name)
      }
      return (
        intervals.map(\.mean).map(metric.quantity.shown),
        intervals.flatMap { [$0.mean, $0.high, $0.low].compactMap { $0 } }
          .map(metric.quantity.shown)
      )
    }
    let (competing, others) = (ends(true), ends(false))
    let means = competing.means.isEmpty ? others.means : competing.means
    guard let least = means.min(), let most = means.max() else { return nil }
    if metric.name == Metric.availability.name {
      let all = Axis.reached(by: competing.all + [100], others: others.all)
      return Axis.linear(min(all.min() ?? 0, 99), 100, most: 4, label: Axis.short)
    }
    if least > 0, most / least > 30,
      let log = Axis.logarithmic(
        Axis.reached(by: means + [competing.all.max() ?? most], others: others.means),
        label: Axis.short)
    {
      return log
    }
    let top = Axis.reached(by: [0] + competing.all, others: others.all).max() ?? most
    return Axis.fromZero(to: top, most: 5, label: Axis.short)
  }
}

extension RunData {
  /// The index of the swept path with the most values.
  var mainPath: Int {
    let counts = sweepPaths.indices.map { path in Set(points.map { $0[path] }).count }
    return counts.firstIndex(of: counts.max() ?? 0) ?? 0
  }

  /// Points that differ only in one path, two or more, with the values of the other paths.
  func families(along axis: Int) -> [(name: String, points: [Int])] {
    var order: [[String]] = []
    var members: [[String]: [Int]] = [:]
    for (point, values) in points.enumerated() {
      var others = values
      others.remove(at: axis)
      if members[others] == nil { order.append(others) }
      members[others, default: []].append(point)
    }
    var paths = sweepPaths
    paths.remove(at: axis)
    return order.compactMap { others in
      guard let points = members[others], points.count > 1 else { return nil }
      return (zip(paths, others).map { "\($0) = \($1)" }.joined(separator: ", "), points)
    }
  }

  /// A protocol's groups at some points, in their order.
  func groups(_ name: String, at points: [Int]) -> [Group] {
    points.compactMap { point in groups.first { $0.point == point && $0.name == name } }
  }

  /// The same in the order of a swept size.
  func groups(_ name: String, at points: [Int], byGrowing axis: Int) -> [Group] {
    func size(_ group: Group) -> Double { SweepAxis.size(self.points[group.point][axis]) ?? 0 }
    return groups(name, at: points).sorted { size($0) < size($1) }
  }
}

extension Plot {
  /// The area of a chart of a sweep.
  init(ofSweep x: Axis, _ y: Axis, yTitle: String, xTitle: String) {
    let (width, height) = (380.0, 250.0)
    self.init(
      Drawing(width: width, height: height), left: max(Plot.labelWidth(y), 34), right: width - 14,
      top: 28, bottom: 206, x: x, y: y, yTitle: yTitle, xTitle: xTitle)
  }
}

/// Swept values on an axis: by size if all are numbers (logarithmic if widely spread), otherwise
/// side by side in the order of the experiment.
struct SweepAxis {
  /// Sizes further apart stand side by side, because one far from the others would press those into
  /// a corner.
  static let mostRange = 5_000.0

  let axis: Axis
  private let places: [String: Double]

  init(_ values: [String]) {
    let names = Phrase.ordered(values)
    let numbers = names.compactMap { SweepAxis.size($0) }
    let isSized = numbers.count == names.count
    if isSized, names.count > 1, let least = numbers.min(),
      let most = numbers.max(), least > 0, most / least <= SweepAxis.mostRange
    {
      let ticks = zip(numbers, names).sorted { $0.0 < $1.0 }
      if most / least > 12, let scale = Axis.logarithmic(numbers, label: Axis.short) {
        axis = scale.with(ticks.map { .init(value: $0.0, label: $0.1) })
      } else {
        let margin = (most - least) * 0.06
        axis = Axis(
          low: least - margin, high: most + margin,
          ticks: ticks.map { .init(value: $0.0, label: $0.1) })
      }
      places = Dictionary(zip(names, numbers)) { first, _ in first }
    } else {
      let names =
        isSized ? zip(numbers, names).sorted { $0.0 < $1.0 }.map(\.1) : names
      axis = Axis.places(names)
      places = Dictionary(zip(names, names.indices.map(Double.init))) { first, _ in first }
    }
  }

  func place(_ value: String) -> Double { places[value] ?? 0 }

  /// `64`, `128B`, `4KiB`, `20ms`, `5000/s` as numbers of one unit; `nil` for anything else.
  static func size(_ text: String) -> Double? {
    let digits = text.prefix { "0123456789.".contains($0) }
    let unit = String(text.dropFirst(digits.count))
    let factors: [String: Double] = [
      "": 1, "/s": 1, "B": 1, "KiB": 1024, "MiB": 1_048_576, "us": 1e-3, "ms": 1, "s": 1000,
      "m": 60_000, "Mbps": 1e6, "Gbps": 1e9, "kbps": 1e3,
    ]
    guard let number = Double(digits), let factor = factors[unit] else { return nil }
    return number * factor
  }
}
