import Faults

/// What faults cannot be injected, and why. They are refused with the reason, never skipped.
struct FaultLimits {
  var runtime = ExperimentRuntime.simulation
  /// Whether the runner starts the nodes itself and can thus kill and stop them.
  var startsProcesses = true

  private static let notOurs = "the runner did not start these processes"

  /// By the key that names the kind.
  var kinds: [String: String] {
    var reasons = [
      "add-replica": "changes of membership cannot be injected in this version",
      "remove-replica": "changes of membership cannot be injected in this version",
      "transfer-leadership": "a transfer of leadership cannot be injected in this version",
    ]
    guard !startsProcesses else { return reasons }
    reasons["crash"] = FaultLimits.notOurs
    reasons["pause"] = FaultLimits.notOurs
    return reasons
  }

  /// Kinds that chaos may not draw.
  var chaosKinds: [ChaosKind: String] {
    startsProcesses ? [:] : [.crash: FaultLimits.notOurs, .pause: FaultLimits.notOurs]
  }

  var crashDisks: [DiskFate: String] {
    guard runtime == .simulation else { return [:] }
    return [
      .lost: "no protocol here replaces a replica that lost its disk: that needs membership changes"
    ]
  }

  /// By the key of the fault's parameter.
  var diskFaults: [String: String] {
    if !startsProcesses {
      let reason = "the runner could not start the node again"
      return ["error": reason, "full": reason, "bitRot": reason]
    }
    guard runtime == .simulation else { return [:] }
    return [
      "error": "failing syncs cannot be injected in the simulation",
      "full": "a full disk cannot be injected in the simulation",
      "bitRot": "bit rot cannot be injected in the simulation",
    ]
  }
}
