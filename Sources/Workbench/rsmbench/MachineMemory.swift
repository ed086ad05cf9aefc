import Configuration
import Experiments
import Foundation

/// What memory a run needs, against what there is.
extension Command {
  /// What the processes of this machine may have in all, in bytes: its memory, or less where a
  /// control group limits it.
  static var machineByteCount: Double {
    let physical = Double(ProcessInfo.processInfo.physicalMemory)
    guard let text = try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8),
      let limit = Double(text.trimmingCharacters(in: .whitespacesAndNewlines))
    else { return physical }
    return min(physical, limit)
  }

  /// How many trials run at a time, unless somebody says it.
  static func usualJobs(of plan: ExperimentPlan) -> Int {
    plan.experiment.runtime == .simulation ? ProcessInfo.processInfo.activeProcessorCount : 1
  }

  /// - Returns: a line for the user where much memory is needed.
  /// - Throws: the machine has not so much.
  static func checkMemory(
    of plan: ExperimentPlan, jobs: Int, _ arguments: Arguments
  ) throws(ExperimentError) -> String? {
    let need = plan.memoryNeed(jobs: jobs)
    let available = machineByteCount
    try need.check(against: available, file: arguments.positional.first ?? "")
    return need.isLarge
      ? "memory: \(need.description) of this machine's \(MemoryNeed.text(available))" : nil
  }
}
