import Configuration
import Experiments
import Foundation

/// Compares the memory that a run needs with the machine's memory.
extension Command {
  /// The bytes that the processes of this machine may use together: its memory, or less if a
  /// control group limits it.
  static var machineByteCount: Double {
    let physical = Double(ProcessInfo.processInfo.physicalMemory)
    guard let text = try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8),
      let limit = Double(text.trimmingCharacters(in: .whitespacesAndNewlines))
    else { return physical }
    return min(physical, limit)
  }

  /// The default number of trials at a time.
  static func usualJobs(of plan: ExperimentPlan) -> Int {
    plan.experiment.runtime == .simulation ? ProcessInfo.processInfo.activeProcessorCount : 1
  }

  /// - Returns: a line for the user if the run needs much memory.
  /// - Throws: if the machine has too little memory.
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
