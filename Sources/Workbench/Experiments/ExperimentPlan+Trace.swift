import Configuration
import Foundation
import Workloads

/// A trace is kept beside the resolved experiment, so that a run, a plan or a shard can be moved to
/// another machine.
extension ExperimentPlan {
  /// A file that belongs beside the stored experiment.
  package struct KeptFile: Sendable {
    package var name: String
    package var bytes: [UInt8]
  }

  /// The copies that `storedText` names. Read them before an earlier run is removed, which may
  /// hold the originals.
  package func keptFiles() throws(ExperimentError) -> [KeptFile] {
    guard let trace = experiment.workload.trace, let section = try ExperimentPlan.trace(in: source)
    else { return [] }
    return [
      KeptFile(
        name: ExperimentPlan.keptName(trace), bytes: try section.bytes(in: folder).bytes)
    ]
  }

  /// `resolvedText` with the names of the copies.
  package var storedText: String {
    guard let trace = experiment.workload.trace else { return resolvedText }
    var moved = trace
    moved.file = ExperimentPlan.keptName(trace)
    var experiment = experiment
    experiment.workload.follow(moved)
    return resolvedText(of: experiment)
  }

  private static func keptName(_ trace: OperationTrace) -> String { "trace-\(trace.checksum).csv" }

  static func folder(of file: String) -> String {
    guard let slash = file.lastIndex(of: "/") else { return "" }
    return String(file[..<slash])
  }

  static func trace(in source: JSONValue) throws(ExperimentError) -> TraceSection? {
    guard case .object(let root) = source,
      case .object(let workload)? = root.last(where: { $0.key == "workload" })?.value,
      let value = workload.last(where: { $0.key == "trace" })?.value, value != .null
    else { return nil }
    return try TraceSection(ConfigValue(path: "workload.trace", value: value))
  }
}
