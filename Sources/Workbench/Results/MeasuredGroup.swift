import Experiments
import Measurement

extension FinishedTrial {
  /// In base units (nanoseconds, bytes, per second); nil if the trial has no such value.
  /// - Parameter fault: the name of the fault that counts; nil for all.
  func value(of name: MeasureName, fault: String? = nil) -> Double? {
    switch name.source {
    case .metric(let column): metric(column).map { $0 * name.unitInBase }
    case .fault(let measure): value(of: measure, fault)
    case .verdict: nil
    }
  }

  /// The largest value over the trial's faults. In a trial without faults, the outages are those of
  /// the whole trial.
  private func value(of measure: FaultMeasure, _ name: String?) -> Double? {
    let faults = self.faults.filter { fault in
      // The repetitions of `kill` are named `kill.2`, `kill.3`, ...
      name.map { fault.name == $0 || fault.name?.hasPrefix($0 + ".") ?? false } ?? true
    }
    let times: [Int64?] = faults.map { fault in
      switch measure {
      case .readOutage: fault.readOutageNs
      case .writeOutage: fault.writeOutageNs
      case .outage: fault.outageNs
      case .detect: fault.detectionNs
      case .elect: fault.electionNs
      case .firstAck: fault.firstAcknowledgementNs
      case .recover: fault.timeToRecoverNs
      case .hangover: fault.hangoverNs
      }
    }
    guard !faults.isEmpty else {
      guard name == nil else { return nil }
      let column: String? =
        switch measure {
        case .readOutage: "longest_read_outage_ms"
        case .writeOutage: "longest_write_outage_ms"
        case .outage: "longest_outage_ms"
        default: nil
        }
      return column.flatMap { metric($0) }.map { $0 * 1e6 }
    }
    // If throughput never recovered after a fault, that fault has no time to recover, so the trial
    // has none. A fault without an end has no hangover.
    switch measure {
    case .recover, .firstAck: if times.contains(nil) { return nil }
    case .hangover:
      if zip(faults, times).contains(where: { $0.endNs != nil && $1 == nil }) { return nil }
    default: break
    }
    return times.compactMap { $0 }.max().map(Double.init)
  }
}

extension TrialGroup {
  /// The value that a condition compares; nil if not every trial has a value, because a mean over
  /// the others would hide the missing ones.
  func value(of measure: Measure) -> Condition.Value? {
    if measure.name.source == .verdict { return .word(verdict.rawValue) }
    let values = trials.map { $0.value(of: measure.name, fault: measure.fault) }
    guard !values.contains(nil) else { return nil }
    let numbers = values.compactMap { $0 }
    let estimate = self.estimate(of: measure.name, fault: measure.fault)
    let number = TrialGroup.statistic(measure.statistic, numbers, estimate)
    return number.map { .number($0) }
  }

  func estimate(of name: MeasureName, fault: String? = nil) -> Estimate {
    let kind: ValueKind =
      switch name.source {
      case .metric(let column): MetricColumn.all.first { $0.name == column }?.kind ?? .amount
      default: .skewed
      }
    return Estimate(trials.map { $0.value(of: name, fault: fault) }, kind)
  }

  /// - Parameter estimate: the estimate made from `values`.
  static func statistic(
    _ statistic: Measure.Statistic, _ values: [Double], _ estimate: Estimate
  ) -> Double? {
    switch statistic {
    case .mean: estimate.mean
    case .low: estimate.low
    case .high: estimate.high
    case .min: values.min()
    case .max: values.max()
    case .median: median(values)
    }
  }

  private static func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// A measure in readable form: `238 ±71 ms`.
  func text(of measure: Measure) -> String {
    switch value(of: measure) {
    case .word(let word)?: return word
    case .number(let number)?:
      let margin =
        measure.statistic == .mean ? estimate(of: measure.name, fault: measure.fault).margin : nil
      return measure.name.text(number, margin: margin)
    case nil:
      let count = trials.count { $0.value(of: measure.name, fault: measure.fault) == nil }
      return count == 0 ? "not bounded" : "no value in \(count) of \(trials.count) trials"
    }
  }
}

extension MeasureName {
  /// The column's unit expressed in the base unit.
  var unitInBase: Double {
    guard case .metric(let column) = source else { return 1 }
    return switch MetricColumn.all.first(where: { $0.name == column })?.unit {
    case "ms": 1e6
    case "us": 1e3
    default: 1
    }
  }

  /// Formats a value in base units, the distance to the farther end of its interval, and the unit.
  func text(_ value: Double, margin: Double? = nil) -> String {
    let (scale, unit): (Double, String) =
      switch dimension {
      case .time: (1e6, " ms")
      case .rate: (1, "/s")
      case .size: (1, " B")
      case .number, .word: (1, "")
      }
    let shown = value.magnitude / scale
    let decimals =
      dimension == .number
      ? (shown < 10 ? 4 : shown < 100 ? 2 : 0) : shown >= 100 ? 0 : shown >= 10 ? 1 : 2
    func text(_ value: Double) -> String {
      value == value.rounded() && dimension == .number
        ? DecimalText.text(value) : DecimalText.fixed(value / scale, decimals: decimals) ?? "-"
    }
    return text(value) + (margin.map { " ±\(text($0))" } ?? "") + unit
  }
}
