import Configuration
import Faults
import Replication

/// The times of faults: since the start of the trial, or relative to another fault or to the trial;
/// once or repeated.
extension FaultSection {
  /// Reads `every: "2s"` with `until`, whose default is the end of the trial.
  func repeated(
    _ first: TimedFault, _ section: Section, after earlier: [TimedFault]
  ) throws(ExperimentError) -> [TimedFault] {
    guard let every = section["every"] else {
      if let until = section["until"] {
        throw until.refused("until only beside every: how long a fault lasts is \"for\"")
      }
      return [first]
    }
    let period = try every.interval(in: .milliseconds(1)...Interval.hour)
    if let length = first.duration, length >= period {
      throw every.refused("more than \(length), for which the fault lasts")
    }
    var end = duration
    if let node = section["until"] {
      end = try time(node, after: earlier)
      guard end > first.at, end <= duration else {
        throw node.refused("a time after \(first.at) and up to the end of the trial (\(duration))")
      }
    }
    let count = (end.nanoseconds - first.at.nanoseconds - 1) / period.nanoseconds + 1
    guard count <= 1000 else {
      throw every.refused("at most 1000 repetitions", found: "\(count) repetitions")
    }
    let faults = (0..<count).map { number in
      var fault = first
      fault.at = Interval(nanoseconds: first.at.nanoseconds + number * period.nanoseconds)
      // The repetitions are named kill, kill.2, kill.3.
      if number > 0 { fault.name = first.name.map { "\($0).\(number + 1)" } }
      return fault
    }
    let names = Set(earlier.compactMap(\.name))
    if let taken = faults.lazy.compactMap(\.name).first(where: names.contains) {
      throw every.refused(
        "repetitions with names that no other fault has", found: "a second \(taken)")
    }
    return faults
  }

  /// Reads a time since the start of the trial, before its end.
  func moment(
    _ node: ConfigValue, after earlier: [TimedFault] = []
  ) throws(ExperimentError) -> Interval {
    let at = try time(node, after: earlier)
    guard at < duration else {
      throw node.refused(
        "a time before the end of the trial (duration is \(duration))",
        found: ConfigValue.shown(node.value) + (node.isPlainTime ? "" : ", which is \(at)"))
    }
    return at
  }

  /// Reads `"5s"`, `"50%"` of the trial, `"warmUp + 1s"`, `"kill + 2s"` after the start of the
  /// fault with that name, or `"kill.end + 2s"`.
  func time(_ node: ConfigValue, after earlier: [TimedFault]) throws(ExperimentError)
    -> Interval
  {
    guard case .string(let text) = node.value, !node.isPlainTime else {
      return try node.interval(in: .zero...Interval.hour)
    }
    if let share = Quantity(text), share.unit == "%" {
      guard (0...100).contains(share.number) else { throw node.refused("0% to 100% of the trial") }
      return Interval(
        nanoseconds: Int64((Double(duration.nanoseconds) * share.number / 100).rounded()))
    }
    let parts = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
      .map { String($0.filter { $0 != " " }) }
    let start = try reference(parts[0], node, earlier)
    guard parts.count > 1 else { return start }
    return start
      + (try ConfigValue(path: node.path, value: .string(parts[1])).interval(
        in: .zero...Interval.hour))
  }

  private func reference(
    _ name: String, _ node: ConfigValue, _ earlier: [TimedFault]
  ) throws(ExperimentError) -> Interval {
    if name == "warmUp" { return warmUp }
    if let fault = earlier.first(where: { $0.name == name }) { return fault.at }
    let suffix = ".end"
    if name.hasSuffix(suffix) {
      let name = String(name.dropLast(suffix.count))
      if let fault = earlier.first(where: { $0.name == name }) {
        guard let end = fault.end else {
          throw node.refused("the end of a fault that has one: \(name) has no \"for\"")
        }
        return end
      }
    }
    let names = earlier.compactMap(\.name)
    throw node.refused(
      #"a duration such as "5s", a share of the trial such as "50%", "warmUp + 1s", or a time after a "#
        + #"fault above, such as "kill + 2s" or "kill.end + 2s""#
        + (names.isEmpty ? " (no fault above has a name)" : " (\(names.joined(separator: ", ")))"),
      suggestion: nearest(to: name, among: names + names.map { $0 + suffix } + ["warmUp"]))
  }
}

extension ConfigValue {
  /// Whether the value is a number with a unit of time, or was meant as one.
  fileprivate var isPlainTime: Bool {
    guard case .string(let text) = value else { return true }
    // "5" is a time without a unit, and "5-leader" is a name.
    guard let quantity = Quantity(text), quantity.unit.allSatisfy(\.isLetter) else {
      return text.allSatisfy { $0.isNumber || $0 == "." || $0 == "-" }
    }
    return true
  }
}
