import Configuration
import Faults
import Trials

extension Experiment {
  /// The plan of one trial of one row.
  public func plan(of contender: Contender, seed: UInt64) -> TrialPlan {
    var plan = TrialPlan()
    plan.workload = workload
    // Sessions make it safe to send a probe again; servers of others know none.
    if case .protocol = contender { plan.probeRate = probeRate }
    // A fault cannot be injected into a server of others: an experiment with targets has none.
    if case .protocol(let choice) = contender { plan.faults = faults(for: choice) }
    plan.warmUp = warmUp
    plan.duration = duration
    plan.window = window
    plan.seed = seed
    return plan
  }
}
