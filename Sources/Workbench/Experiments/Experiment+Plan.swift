import Configuration
import Faults
import Trials

extension Experiment {
  /// The plan of one trial of one row.
  package func plan(of contender: Contender, seed: UInt64) -> TrialPlan {
    var plan = TrialPlan()
    plan.workload = workload
    // Other systems are not probed: only sessions, which they lack, make it safe to resend a probe.
    if case .protocol = contender { plan.probeRate = probeRate }
    // Faults cannot be injected into other systems; an experiment with targets has no faults.
    if case .protocol(let choice) = contender { plan.faults = faults(for: choice) }
    plan.overload = overload
    plan.sessionExpiry = sessionExpiry
    plan.warmUp = warmUp
    plan.duration = duration
    plan.window = window
    plan.seed = seed
    plan.traceEvery = traceEvery
    return plan
  }
}
