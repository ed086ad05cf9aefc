import Measurement
import Primitives
import Results

/// How a number is shown: its unit and digits. The CSV file has all digits.
enum Quantity {
  case perSecond
  /// A share of a whole, shown in percent.
  case share
  /// Shown in milliseconds.
  case microseconds
  case milliseconds
  case bytes
  /// Per operation.
  case count

  var unit: String {
    switch self {
    case .perSecond: "/s"
    case .share: "%"
    case .microseconds, .milliseconds: "ms"
    case .bytes: "B"
    case .count: ""
    }
  }

  /// ` ms`, for the heading of a column; empty without a unit.
  var unitInHeading: String { unit.isEmpty ? "" : ", \(unit)" }

  /// The number without the unit.
  /// - Parameter mostDecimals: the most digits after the point; `nil` for three significant digits.
  func text(_ value: Double, mostDecimals: Int? = nil) -> String {
    let most = mostDecimals ?? .max
    switch self {
    case .perSecond, .bytes: return Quantity.grouped(DecimalText.table(value, decimals: 0))
    case .share: return DecimalText.percent(value) ?? "-"
    case .microseconds: return Quantity.threeDigits(value / 1000, most)
    case .milliseconds: return Quantity.threeDigits(value, most)
    case .count:
      return Quantity.grouped(
        DecimalText.table(value, decimals: min(value < 100 ? 2 : 0, most)))
    }
  }

  /// The number with the unit, for sentences.
  func phrase(_ value: Double) -> String { withUnit(text(value)) }

  func withUnit(_ text: String) -> String {
    switch self {
    case .perSecond: "\(text)/s"
    case .count: text
    default: "\(text) \(unit)"
    }
  }

  /// The value in the unit that is shown.
  func shown(_ value: Double) -> Double {
    switch self {
    case .share: value * 100
    case .microseconds: value / 1000
    default: value
    }
  }

  private static func threeDigits(_ value: Double, _ most: Int) -> String {
    let size = value.magnitude
    let decimals = size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3
    // `fixed`, because `table` would add digits that the interval does not support.
    return grouped(
      most < decimals
        ? DecimalText.fixed(value, decimals: max(most, size < 1 ? 1 : 0))
        : DecimalText.table(value, decimals: decimals))
  }

  /// `268,629`; numbers of four digits stay as they are.
  static func grouped(_ text: String?) -> String {
    guard let text else { return "-" }
    let parts = text.split(separator: ".", maxSplits: 1)
    guard let whole = parts.first, whole.count >= 5 else { return text }
    var result = ""
    for (index, digit) in whole.enumerated() {
      let rest = whole.count - index
      if index > 0, rest % 3 == 0, result.last != "-" { result += "," }
      result.append(digit)
    }
    return result + (parts.count > 1 ? "." + parts[1] : "")
  }
}

/// A metric that the page shows and compares.
struct Metric {
  /// The column of `trials.csv`.
  var name: String
  /// The heading of a column or chart.
  var title: String
  /// The superlative that a sentence begins with: "Fastest".
  var best: String
  /// The unit shown after the number.
  var quantity: Quantity
  var lowerIsBetter: Bool
  var test: PairedDifference.Test = .studentT
  /// Meaningful only if faults were injected.
  var needsFaults = false

  static let throughput = Metric(
    name: "throughput", title: "Throughput", best: "Highest throughput", quantity: .perSecond,
    lowerIsBetter: false)
  static let availability = Metric(
    name: "availability", title: "Availability", best: "Most available", quantity: .share,
    lowerIsBetter: false, test: .sign)
  static let readLatency = Metric(
    name: "read_p99_us", title: "Reads, p99", best: "Lowest p99 of reads", quantity: .microseconds,
    lowerIsBetter: true)
  static let writeLatency = Metric(
    name: "write_p99_us", title: "Writes, p99", best: "Lowest p99 of writes",
    quantity: .microseconds, lowerIsBetter: true)
  static let readMedian = Metric(
    name: "read_p50_us", title: "Reads, median", best: "Lowest median of reads",
    quantity: .microseconds, lowerIsBetter: true)
  static let writeMedian = Metric(
    name: "write_p50_us", title: "Writes, median", best: "Lowest median of writes",
    quantity: .microseconds, lowerIsBetter: true)
  static let goodput = Metric(
    name: "goodput", title: "Goodput", best: "Highest goodput", quantity: .perSecond,
    lowerIsBetter: false)
  static let outage = Metric(
    name: "longest_outage_ms", title: "Longest outage", best: "Shortest outage",
    quantity: .milliseconds, lowerIsBetter: true, needsFaults: true)
  static let recovery = Metric(
    name: "time_to_recover_ms", title: "Time to recover", best: "First to recover",
    quantity: .milliseconds, lowerIsBetter: true, needsFaults: true)
  static let messages = Metric(
    name: "messages_per_op", title: "Messages per operation",
    best: "Fewest messages per operation", quantity: .count, lowerIsBetter: true)
  static let bytes = Metric(
    name: "bytes_per_op", title: "Bytes per operation", best: "Fewest bytes per operation",
    quantity: .bytes, lowerIsBetter: true)
  static let fsyncs = Metric(
    name: "fsyncs_per_op", title: "Disk syncs per operation", best: "Fewest disk syncs",
    quantity: .count, lowerIsBetter: true)
  static let busiestNode = Metric(
    name: "busiest_node_share", title: "Busiest node's share of messages",
    best: "Most even load", quantity: .share, lowerIsBetter: true)

  static let all: [Metric] = [
    throughput, availability, readLatency, writeLatency, outage, recovery, messages, bytes, fsyncs,
    busiestNode,
  ]
  /// The metrics that the answer compares.
  static let answered: [Metric] = [
    throughput, readLatency, writeLatency, outage, recovery, availability, messages, bytes,
  ]
  /// The columns of the summary.
  static let summarised: [Metric] = [
    throughput, availability, outage, recovery, readLatency, writeLatency, messages, bytes,
  ]
  static let costs: [Metric] = [messages, bytes, fsyncs, busiestNode]

  /// The title inside a sentence: `p99 of reads`, `throughput`.
  var inSentence: String {
    let parts = title.split(separator: ", ").map(String.init)
    guard parts.count == 2 else { return Phrase.inSentence(title) }
    return "\(parts[1]) of \(Phrase.inSentence(parts[0]))"
  }

  /// The title with the unit: `Longest outage, ms`.
  var titleWithUnit: String { title + (quantity.unit.isEmpty ? "" : ", \(quantity.unit)") }

  /// The file and columns of its means and intervals.
  var source: String { "summary.csv \(name)" }

  func isShown(in run: RunData) -> Bool {
    (!needsFaults || run.hasFaults) && run.groups.contains { $0.interval(name) != nil }
  }
}

extension Interval {
  /// The digits after the point that the interval supports: two of its half width, and not more
  /// than the quantity has without an interval.
  private func decimals(_ quantity: Quantity) -> Int? {
    guard let low, let high, high > low else { return nil }
    let half = (quantity.shown(high) - quantity.shown(low)) / 2
    return max(0, 1 - Int(RealFunctions.log10(half).rounded(.down)))
  }

  private func text(_ value: Double, _ quantity: Quantity) -> String {
    quantity.text(value, mostDecimals: decimals(quantity))
  }

  func meanText(_ quantity: Quantity) -> String { text(mean, quantity) }

  /// `3997/s (3957 to 4037)`; without an interval only the mean.
  func phrase(_ quantity: Quantity) -> String {
    let range = rangeText(quantity)
    return quantity.withUnit(meanText(quantity)) + (range.isEmpty ? "" : " (\(range))")
  }

  /// `3957 to 4037`; empty if the trials bound neither side.
  func rangeText(_ quantity: Quantity) -> String {
    switch (low, high) {
    case (let low?, let high?): "\(text(low, quantity)) to \(text(high, quantity))"
    case (let low?, nil): "at least \(text(low, quantity))"
    case (nil, let high?): "at most \(text(high, quantity))"
    case (nil, nil): ""
    }
  }
}
