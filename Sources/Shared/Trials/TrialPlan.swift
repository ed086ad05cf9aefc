import Clients
import Faults
import Replication
import Workloads

/// The description of a trial that every runtime gets: its load, its faults and its length.
///
/// All times count from the start of the trial. Measuring begins after `warmUp` and ends with the
/// trial, after `duration`.
public struct TrialPlan: Sendable {
  public var workload = WorkloadSpec()
  /// The number of reads, and of writes, per second that probe the cluster in addition to the load;
  /// `nil` for no probes.
  public var probeRate: Double?
  public var overload = OverloadCures()
  /// See `RequestLimits.sessionExpiry`.
  public var sessionExpiry = RequestLimits.usualSessionExpiry
  public var faults = FaultScript()
  public var warmUp = Interval.seconds(1)
  public var duration = Interval.seconds(10)
  /// The length of one row of the timeline.
  public var window = Interval.milliseconds(100)
  public var seed: UInt64 = 1
  /// One in this many operations is traced (`TimeTrace`); `nil` for none.
  public var traceEvery: Int?

  public init() {}

  /// The rate and the seed of the trial's probes.
  public var probes: (rate: Double, seed: UInt64)? { probeRate.map { ($0, seed) } }

  /// What bounds the load beside its arrivals. Only answers of the measured part count.
  public var loadLimits: LoadLimits {
    LoadLimits(answers: workload.operations, countedFrom: .zero + warmUp, rates: workload.rates)
  }

  /// The replica that each client asks first with each operation (`ClientMachine.firstAsked`);
  /// `nil` if each client asks the replica that answered last.
  public func firstAsked(
    of replicas: [ReplicaID], nearest: @escaping @Sendable (Int) -> Int
  ) -> (@Sendable (Int) -> ReplicaID?)? {
    guard !workload.asksInCharge else { return nil }
    let workload = workload
    return { workload.firstAsked(by: $0, of: replicas, nearest: nearest) }
  }

  /// The limits of every replica.
  public var limits: RequestLimits {
    var limits = overload.limits
    limits.sessionExpiry = sessionExpiry
    return limits
  }

  /// How the trial's clients repeat requests.
  /// - Parameter overTCP: whether no request arrives twice.
  public func retries(overTCP: Bool) -> RetryPolicy {
    var retries = RetryPolicy(backoff: overload.backoff, budget: overload.retryBudget)
    retries.tellsTimeLeft = overload.limits.dropsLate
    retries.refusalsAreDefinite = overTCP
    retries.seed = seed
    return retries
  }
}

/// What servers and clients do against overload, the same for all protocols; by default nothing.
public struct OverloadCures: Sendable, Equatable {
  /// What servers do.
  public var limits = RequestLimits()
  /// See `RetryPolicy`.
  public var backoff: ClosedRange<Interval>?
  public var retryBudget: Double?

  public init() {}
}
