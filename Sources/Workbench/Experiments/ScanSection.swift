import Configuration
import Linearizability
import StateMachines
import Workloads

/// `workload.scanLength`: the number of keys of a scan, `{ uniform: [1, 100] }` (default) or a
/// whole number.
extension ScanLength {
  init(reading node: ConfigValue) throws(ExperimentError) {
    let range = 1...ScanLength.largest
    let allowed =
      "a whole number of keys \(range.lowerBound)...\(range.upperBound), or "
      + "{ uniform: [1, 100] }"
    guard case .object = node.value else {
      guard case .integer = node.value else {
        throw node.refused(allowed, suggestion: node.nearestName(among: ["uniform"]))
      }
      self = .fixed(try node.integer(in: range))
      return
    }
    let section = try Section(node, path: node.path, known: ["uniform"])
    let ends = try section.required("uniform", "the ends of a range").elements(allowed)
    guard ends.count == 2 else { throw node.refused(allowed) }
    let first = try ends[0].integer(in: range)
    let last = try ends[1].integer(in: range)
    guard first <= last else { throw node.refused(allowed) }
    self = .uniform(first...last)
  }

  var json: JSONValue {
    switch self {
    case .fixed(let count): .integer(Int128(count))
    case .uniform(let range):
      .object([
        .init(
          "uniform",
          .array([.integer(Int128(range.lowerBound)), .integer(Int128(range.upperBound))]))
      ])
    }
  }
}

/// What may stand beside scans.
enum ScanRules {
  static func check(_ workload: WorkloadSpec) throws(ExperimentError) {
    let mix = workload.mix
    guard mix.scan > 0 else { return }
    for (name, share) in [("delete", mix.delete), ("append", mix.append)] where share > 0 {
      throw ExperimentError(
        path: "workload.mix.\(name)", found: "\(ConfigValue.plain(share)) beside scans",
        allowed: "get, put, insert, readModifyWrite and cas beside scans ("
          + (name == "delete"
            ? "the checker must know from a value which write a scan saw, and deletes all leave the "
              + "same: none"
            : "the checker must know from a value which write a scan saw, and appended values have "
              + "many") + ")")
    }
    let longest = Double(workload.scanLength.upperBound) * workload.meanValueSize
    let limit = KeyValueStore.maximumAnswerByteCount
    guard longest <= Double(limit) else {
      throw ExperimentError(
        path: "workload.scanLength",
        found: "\(workload.scanLength.upperBound) values of "
          + Quantity.text(Int64(workload.meanValueSize), units: Unit.sizes),
        allowed: "scanLength × valueSize up to " + Quantity.text(Int64(limit), units: Unit.sizes)
          + ", the longest answer")
    }
  }

  /// - Parameter node: the value of `check`, if the file has one.
  static func check(
    _ consistency: Consistency, beside mix: OperationMix, _ node: ConfigValue?
  ) throws(ExperimentError) {
    guard consistency == .sequential, mix.scan > 0, let node else { return }
    throw node.refused(
      "\"linearizable\", \"eventual\" or \"none\" beside scans (sequential consistency is judged "
        + "key by key, which says nothing of the one moment at which a scan reads its keys)")
  }
}
