import Primitives
import Results

/// Shows the effect of each fault on each protocol: a heat map, the trials as dots, and the steps
/// of recovery.
struct FaultReport {
  let run: RunData
  let palette: Palette
  let point: Int

  /// The faults of one title that have the same position in every trial, or all faults of the title
  /// if they were drawn at random.
  struct Kind {
    var label: String
    /// The faults of each protocol, in the order of the run.
    var faults: [[Fault]]
  }

  /// Up to this number of faults of one title in a trial have a row each.
  static let mostAlike = 4

  var kinds: [Kind] {
    let groups = run.protocols.indices.map { index in
      run.groups.first { $0.point == point && $0.protocolIndex == index }
    }
    let trials = groups.compactMap { $0?.trials }.flatMap { $0 }
    let titles = Phrase.ordered(trials.flatMap { $0.faults.map(\.title) })
    return titles.flatMap { title -> [Kind] in
      func faults(_ trial: Trial) -> [Fault] { trial.faults.filter { $0.title == title } }
      let counts = Set(trials.map { faults($0).count })
      let isPlanned =
        counts.count == 1 && (counts.first ?? 0) <= FaultReport.mostAlike
        && TimeSeries.areAlike(
          trials.map {
            var trial = $0
            trial.faults = faults($0)
            return trial
          })
      guard isPlanned, let count = counts.first else {
        return [Kind(label: title, faults: groups.map { $0?.trials.flatMap(faults) ?? [] })]
      }
      return (0..<count).map { place in
        let start = faults(trials[0])[place].startMs
        return Kind(
          label: "\(title) @\(DecimalText.text(start / 1000, digits: 3))\u{A0}s",
          faults: groups.map { $0?.trials.map { faults($0)[place] } ?? [] })
      }
    }
  }

  var html: HTML {
    let kinds = kinds
    guard !kinds.isEmpty else { return "" }
    return """
      <div class=pair>\(heatMap(
        "Outage of reads / writes, ms",
        "Medians over the row's faults: so long was no read, or no write, answered.",
        "faults.csv start_ms read_outage_ms write_outage_ms", kinds,
        values: ["read_outage_ms", "write_outage_ms"], missing: { _ in "-" }))
      \(heatMap(
        "Time to recover, ms", "Median over those that recovered, and how many did not.",
        "faults.csv start_ms recover_ms", kinds, values: ["recover_ms"],
        missing: FaultReport.notRecovered))</div>
      \(Section.grid(kinds.compactMap(dots)))
      \(steps(kinds))
      """
  }

  private static func notRecovered(_ faults: [Fault]) -> String {
    let never = faults.count { $0.recovery == "never" }
    let stuck = faults.count { $0.recovery == "metastable" }
    let cut = faults.count { $0.recovery == "cut-short" }
    let unknown = faults.count { $0.recovery == "unknown" }
    return [
      never > 0 ? "\(never) never" : nil, stuck > 0 ? "\(stuck) metastable" : nil,
      cut > 0 ? "\(cut) cut short" : nil, unknown > 0 ? "\(unknown) unknown" : nil,
    ].compactMap { $0 }.joined(separator: ", ")
  }

  // MARK: Heat map

  private func median(_ faults: [Fault], _ column: String) -> Double? {
    TimeSeries.Spread(faults.compactMap { $0.times[column] })?.middle
  }

  private func heatMap(
    _ title: String, _ how: String, _ source: String, _ kinds: [Kind],
    values columns: [String],
    missing: ([Fault]) -> String
  ) -> HTML {
    // The longer of several medians decides the colour.
    let medians = kinds.map { kind in
      kind.faults.map { faults in columns.compactMap { median(faults, $0) }.max() }
    }
    // The rows that compete decide the scale of the colours.
    let compared = medians.flatMap { row in
      zip(run.protocols, row).filter { competes($0.0) }.compactMap(\.1)
    }
    let all = compared.isEmpty ? medians.joined().compactMap { $0 } : compared
    let rows = zip(kinds, medians).map { kind, medians -> HTML in
      let cells = zip(kind.faults, medians).enumerated().map { index, cell -> HTML in
        let (faults, median) = cell
        let note = faults.isEmpty ? "-" : missing(faults)
        let group = run.groups.first { $0.point == point && $0.protocolIndex == index }
        let numbers = columns.map { column in
          self.median(faults, column).map { Quantity.milliseconds.text($0) } ?? "-"
        }
        let text =
          [
            median == nil ? nil : numbers.joined(separator: " / "),
            note == "-" && median != nil ? nil : note,
          ].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: " · ")
        // An unknown recovery is not coloured, because it may have been quick.
        let isBad =
          median == nil && !note.isEmpty && note != "-"
          && faults.contains { $0.recovery != "unknown" }
        let mark: HTML = group?.isRanked ?? true ? "" : " class=unranked"
        return """
          <td data-p="\(palette.slot(index))"\(mark) \
          style="--heat:\(FaultReport.heat(median, all, isBad))">\
          \(text.isEmpty ? "-" : text)
          """
      }
      return "<tr><th scope=row>\(kind.label)\(cells.joined())"
    }
    let heads = run.protocols.enumerated().map { index, name in
      "<th scope=col data-p=\"\(palette.slot(index))\">\(name)" as HTML
    }
    return """
      <div><h3>\(title)</h3><p class=how>\(how)</p>\
      <div class=scroll tabindex=0 role=region aria-label="\(title)"><table class=heat\(HTML.source(source))>\
      <thead><tr><th scope=col>fault\(heads.joined())</thead><tbody>
      \(rows.joined("\n"))</tbody></table></div></div>
      """
  }

  /// The heat in percent of the strongest colour. The scale is logarithmic, so that short times
  /// differ too.
  private static func heat(_ median: Double?, _ all: [Double], _ isBad: Bool) -> String {
    let positive = all.filter { $0 > 0 }
    guard let median, let least = positive.min(), let most = positive.max(), median > 0 else {
      return median == nil && isBad ? "100%" : "0%"
    }
    let span = RealFunctions.log10(max(most / least, 4))
    let share = min(max(RealFunctions.log10(median / least) / span, 0), 1)
    return "\(Int((12 + 73 * share).rounded()))%"
  }

  // MARK: Dots

  /// The most dots of a row; chaos over many trials has more faults.
  private static let mostDots = 200

  private func competes(_ name: String) -> Bool {
    run.groups.first { $0.point == point && $0.name == name }?.competes ?? true
  }

  /// Every trial's outage of one fault as a dot, and the median as a line.
  private func dots(_ kind: Kind) -> Figure? {
    let outages = kind.faults.map { $0.compactMap(\.outageMs) }
    guard let longest = outages.joined().max(), longest > 0 else { return nil }
    func values(_ competes: Bool) -> [Double] {
      zip(run.protocols, outages).filter { self.competes($0.0) == competes }.flatMap(\.1)
    }
    let reached = Axis.reached(by: values(true), others: values(false))
    // If no protocol that competes has an outage, the others decide the axis.
    let most = (reached.max() ?? 0) > 0 ? reached.max() ?? 0 : longest
    let least = reached.min() ?? 0
    let axis =
      (least > 0 && most / least > 6
        ? Axis.logarithmic([least, most], label: Axis.short) : nil)
      ?? Axis.fromZero(to: most, most: 4, label: Axis.short)
    var chart = RowChart(names: run.protocols, axis: axis)
    for (index, values) in outages.enumerated() {
      chart.row(index, run.protocols[index], slot: palette.slot(index)) { drawing, plot, middle in
        guard let median = TimeSeries.Spread(values)?.middle else { return }
        guard axis.contains(median) else {
          drawing.text(
            plot.right, middle + 3.8, "\(Quantity.milliseconds.text(median)) →", "cut", anchor: .end
          )
          return
        }
        drawing.line(plot.x(median), middle - 9, plot.x(median), middle + 9, "l")
        for value in values.prefix(FaultReport.mostDots) where axis.contains(value) {
          drawing.marker(
            plot.x(value), middle, slot: palette.slot(index), size: 3,
            title: Quantity.milliseconds.phrase(value), isHollow: !competes(run.protocols[index]))
        }
      }
    }
    return Figure(
      title: "\(kind.label): outage, ms\(axis.remark)",
      drawing: chart.svg(label: "Outage of \(kind.label) in each trial, per protocol"),
      table: HTMLTable(
        caption: "Outage of \(kind.label), trial by trial",
        headings: ["protocol", "reads, ms", "writes, ms", "recovery"],
        rows: zip(run.protocols, kind.faults).flatMap { name, faults in
          faults.prefix(FaultReport.mostDots).map { fault in
            [
              name, FaultReport.text(fault.times["read_outage_ms"]),
              FaultReport.text(fault.times["write_outage_ms"]), fault.recovery,
            ]
          }
        }), source: "faults.csv start_ms read_outage_ms write_outage_ms")
  }

  private static func text(_ value: Double?) -> String {
    value.map { Quantity.milliseconds.text($0) } ?? ""
  }

  // MARK: Steps of recovery

  private static let stepNames: [(column: String, title: String)] = [
    ("read_outage_ms", "read outage"), ("write_outage_ms", "write outage"),
    ("detect_ms", "detected"), ("elect_ms", "in charge anew"), ("first_ack_ms", "first answer"),
    ("recover_ms", "recovered"), ("hangover_ms", "hangover"), ("lost_requests", "lost requests"),
  ]

  private func steps(_ kinds: [Kind]) -> HTML {
    let rows = kinds.flatMap { kind in
      zip(run.protocols, kind.faults).filter { !$0.1.isEmpty }.map { name, faults -> [String] in
        ["\(kind.label) · \(name)", "\(faults.count) faults"]
          + FaultReport.stepNames.map { column, _ in
            guard let spread = TimeSeries.Spread(faults.compactMap { $0.times[column] }) else {
              return "-"
            }
            let quantity: Quantity = column == "lost_requests" ? .perSecond : .milliseconds
            let middle = quantity.text(spread.middle)
            guard faults.count > 1, spread.low != spread.high else { return middle }
            return "\(middle) (\(quantity.text(spread.low)) to \(quantity.text(spread.high)))"
          }
      }
    }
    let table = HTMLTable(
      caption: """
        Milliseconds from the fault's start (hangover: from its end): the median over trials, and \
        the lowest to the highest
        """,
      headings: ["fault · protocol", "of"] + FaultReport.stepNames.map(\.title), rows: rows,
      source: "faults.csv start_ms " + FaultReport.stepNames.map(\.column).joined(separator: " "))
    return "<details><summary>Every step of each recovery</summary>\(table.html)</details>"
  }
}
