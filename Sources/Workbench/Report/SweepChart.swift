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
    let counts = run.sweepPaths.indices.map { path in Set(run.points.map { $0[path] }).count }
    axis = counts.firstIndex(of: counts.max() ?? 0) ?? 0
  }

  var path: String { run.sweepPaths[axis] }

  /// Points that differ only in the axis, with the values of the other paths.
  var families: [(name: String, points: [Int])] {
    var order: [[String]] = []
    var members: [[String]: [Int]] = [:]
    for (point, values) in run.points.enumerated() {
      var others = values
      others.remove(at: axis)
      if members[others] == nil { order.append(others) }
      members[others, default: []].append(point)
    }
    var paths = run.sweepPaths
    paths.remove(at: axis)
    return order.map { others in
      (zip(paths, others).map { "\($0) = \($1)" }.joined(separator: ", "), members[others] ?? [])
    }
  }

  private var isLoad: Bool { path == "workload.clients" || path == "workload.arrival.open" }

  var html: HTML {
    let families = families.filter { $0.points.count > 1 }
    return families.enumerated().map { index, family -> HTML in
      let metrics = SweepSection.metrics.filter { $0.isShown(in: run) }
      var figures = metrics.compactMap { figure($0, family.points) }
      if isLoad {
        figures.insert(
          contentsOf: [Metric.readLatency, .writeLatency].compactMap { knee($0, family.points) },
          at: 0)
      }
      return Section.fold(
        family.name, isOpen: index == 0, of: families.count, Section.grid(figures))
    }.joined("\n")
  }

  private func groups(_ name: String, _ points: [Int]) -> [Group] {
    points.compactMap { point in run.groups.first { $0.point == point && $0.name == name } }
  }

  private static let (width, height) = (380.0, 250.0)

  private func plot(_ x: Axis, _ y: Axis, yTitle: String, xTitle: String) -> Plot {
    Plot(
      Drawing(width: SweepSection.width, height: SweepSection.height),
      left: max(Plot.labelWidth(y), 34), right: SweepSection.width - 14, top: 28, bottom: 206,
      x: x, y: y, yTitle: yTitle, xTitle: xTitle)
  }

  // MARK: A metric over the swept values

  private func figure(_ metric: Metric, _ points: [Int]) -> Figure? {
    let quantity = metric.quantity
    let x = SweepAxis(points.map { run.points[$0][axis] })
    let lines = run.protocols.enumerated().map { index, name in
      (slot: palette.slot(index), name: name, groups: groups(name, points))
    }
    let means = lines.flatMap(\.groups).compactMap { $0.interval(metric.name) }
    let ends = means.flatMap { [$0.mean, $0.high, $0.low].compactMap { $0 } }.map(quantity.shown)
    guard let most = ends.max(), let least = means.map(\.mean).map(quantity.shown).min() else {
      return nil
    }
    let y: Axis
    if metric.name == Metric.availability.name {
      y = Axis.linear(min(ends.min() ?? 0, 99), 100, most: 4, label: Axis.short)
    } else if least > 0, most / least > 30,
      let log = Axis.logarithmic(means.map(\.mean).map(quantity.shown) + [most], label: Axis.short)
    {
      y = log
    } else {
      y = Axis.fromZero(to: most, most: 5, label: Axis.short)
    }
    let unit = quantity.unit.isEmpty ? "" : ", \(quantity.unit)"
    var plot = plot(x.axis, y, yTitle: metric.title + unit, xTitle: path)
    for line in lines {
      plot.drawing.ofProtocol(line.slot) { [plot] drawing in
        let places = line.groups.compactMap { group in
          group.interval(metric.name).map { (group, x.place(run.points[group.point][axis]), $0) }
        }.map { (group: $0.0, x: plot.x($0.1), interval: $0.2) }
        drawing.area(
          places.compactMap { place in
            guard let low = place.interval.low, let high = place.interval.high else { return nil }
            return (place.x, plot.y(quantity.shown(low)), plot.y(quantity.shown(high)))
          }, "b")
        let line = (
          path: places.map { Optional(($0.x, plot.y(quantity.shown($0.interval.mean)))) },
          slot: line.slot
        )
        drawing.polyline(
          line.path.map { $0.map { (x: $0.0, y: $0.1) } }, "l d\(line.slot % Palette.size)")
        for place in places {
          drawing.marker(
            place.x, plot.y(quantity.shown(place.interval.mean)), slot: line.slot,
            title: "\(place.group.name), \(run.points[place.group.point][axis]): "
              + place.interval.phrase(quantity)
              + (place.group.isRanked ? "" : ", \(place.group.verdict)"),
            isHollow: !place.group.isRanked)
        }
      }
    }
    let rows = lines.flatMap { line in
      line.groups.map { group -> [String] in
        let interval = group.interval(metric.name)
        return [
          line.name, run.points[group.point][axis], interval.map { quantity.text($0.mean) } ?? "-",
          interval?.rangeText(quantity) ?? "", group.verdict,
        ]
      }
    }
    return Figure(
      title: "\(metric.title)",
      drawing: plot.drawing.svg(label: "\(metric.title) over \(path), one line per protocol"),
      table: HTMLTable(
        caption: "\(metric.title)\(unit) over \(path)",
        headings: ["protocol", path, "mean", "95 % interval", "verdict"], rows: rows))
  }

  // MARK: Load against latency

  /// Latency over throughput, each protocol's points in the order of the load. A protocol is
  /// saturated where latency turns upwards and throughput no longer grows.
  private func knee(_ metric: Metric, _ points: [Int]) -> Figure? {
    let lines = run.protocols.enumerated().map { index, name in
      (
        slot: palette.slot(index), name: name,
        points: groups(name, points).compactMap { group -> (Group, Double, Double)? in
          guard let rate = group.interval(Metric.throughput.name)?.mean,
            let latency = group.interval(metric.name)?.mean
          else { return nil }
          return (group, rate, latency / 1000)
        }
      )
    }
    let all = lines.flatMap(\.points)
    guard all.count > 1, let y = Axis.logarithmic(all.map(\.2), label: Axis.short) else {
      return nil
    }
    let x = Axis.fromZero(to: all.map(\.1).max() ?? 0, label: Axis.short)
    var plot = plot(x, y, yTitle: "\(metric.title), ms", xTitle: "throughput, operations/s")
    for line in lines {
      plot.drawing.ofProtocol(line.slot) { [plot] drawing in
        drawing.polyline(
          line.points.map { (plot.x($0.1), plot.y($0.2)) }, "l d\(line.slot % Palette.size)")
        for (group, rate, latency) in line.points {
          drawing.marker(
            plot.x(rate), plot.y(latency), slot: line.slot,
            title: "\(line.name), \(path) \(run.points[group.point][axis]): "
              + "\(Quantity.perSecond.phrase(rate)), \(Quantity.milliseconds.phrase(latency))",
            isHollow: !group.isRanked)
        }
      }
    }
    let rows = lines.flatMap { line in
      line.points.map { group, rate, latency in
        [
          line.name, run.points[group.point][axis], Quantity.perSecond.text(rate),
          Quantity.milliseconds.text(latency), group.verdict,
        ]
      }
    }
    return Figure(
      title: "Load against latency: \(metric.title)",
      drawing: plot.drawing.svg(
        label: "\(metric.title) against throughput, one line per protocol through growing load"),
      table: HTMLTable(
        caption: "Mean throughput and latency by \(path)",
        headings: ["protocol", path, "operations/s", "ms", "verdict"], rows: rows))
  }
}

/// Swept values on an axis: by size if all are numbers (logarithmic if widely spread), otherwise
/// side by side in the order of the experiment.
struct SweepAxis {
  let axis: Axis
  private let places: [String: Double]

  init(_ values: [String]) {
    let names = Phrase.ordered(values)
    let numbers = names.compactMap { SweepAxis.size($0) }
    if numbers.count == names.count, names.count > 1, let least = numbers.min(),
      let most = numbers.max(), least > 0
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
