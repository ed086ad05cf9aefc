/// What one fault did to the service. Times are nanoseconds from the fault's start, but for
/// `hangover`.
///
/// What happens after the next fault has begun is charged to that one. So an outage belongs to the
/// last fault that had begun when it began; it counts whole, unless that fault has no end: then
/// what follows the next fault's start is charged to the next one. Recovery is looked for up to the
/// next fault.
public struct FaultMetrics: Sendable, Equatable {
  public enum Recovery: String, Sendable, Codable, CaseIterable {
    case recovered
    /// Throughput was not back when the measured interval ended.
    case never
    /// The next fault began before throughput was back.
    case cutShort = "cut-short"
    /// There is nothing to compare throughput with.
    case unknown
  }

  /// The longest time without an acknowledged read (write) while one was asked for, which starts in
  /// the fault or its recovery, minus the normal gap between two of them: see `ServiceGaps`. 0 if
  /// it is no longer than gaps without the fault. nil if the fault began after the measured
  /// interval, or nothing was asked.
  public var readOutage: Int64?
  public var writeOutage: Int64?
  /// When a replica first tried to take charge, or did, in a newer term, ballot or view.
  public var detection: Int64?
  /// When a replica was in charge again.
  public var election: Int64?
  /// When the outage ended; 0 without one, nil if it did not end.
  public var firstAcknowledgement: Int64?
  /// When throughput was back (`ThroughputRecovery`), and no earlier than the outage ended. 0 if
  /// throughput was never short and there was no outage.
  public var timeToRecover: Int64?
  /// From the fault's end until throughput was back, for a fault that ended in the measured
  /// interval.
  public var hangover: Int64?
  /// Expected acknowledgements that were missing until throughput was back, or the next fault
  /// began.
  public var lostRequests: Double?
  /// nil if the fault began after the measured interval.
  public var recovery: Recovery?

  public init() {}

  /// The longer one.
  public var outage: Int64? { [readOutage, writeOutage].compactMap { $0 }.max() }
}
