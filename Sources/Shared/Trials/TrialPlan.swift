import Faults
import Replication
import Workloads

/// What every runtime needs to know of a trial: who asks for what, what breaks, and for how long.
///
/// All times count from the start of the trial. Measuring begins after `warmUp` and ends with the
/// trial, after `duration`.
public struct TrialPlan: Sendable {
  public var workload = WorkloadSpec()
  /// How many reads and how many writes per second probe the cluster beside the load; `nil` for
  /// none.
  public var probeRate: Double?
  public var faults = FaultScript()
  public var warmUp = Interval.seconds(1)
  public var duration = Interval.seconds(10)
  /// The length of one row of the timeline.
  public var window = Interval.milliseconds(100)
  public var seed: UInt64 = 1

  public init() {}

  /// What drives the probes of a trial.
  public var probes: (rate: Double, seed: UInt64)? { probeRate.map { ($0, seed) } }
}
