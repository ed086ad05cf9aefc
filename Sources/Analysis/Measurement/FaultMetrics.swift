import Replication

/// The effect of one fault on the service. Times count from the fault's start, except `hangover`.
///
/// Effects that begin after the next fault's start are charged to the next fault. So an outage is
/// charged to the last fault that started before it. The whole outage counts, unless that fault has
/// no end: then the part after the next fault's start is charged to the next fault. Recovery counts
/// only if it happens before the next fault.
package struct FaultMetrics: Sendable, Equatable {
  package enum Recovery: String, Sendable, Codable, CaseIterable {
    case recovered
    /// Throughput was not back when the measured interval ended.
    case never
    /// The fault is over, no more comes due than before it, and yet most operations are not
    /// answered in time any more: see `Goodput`.
    case metastable
    /// The next fault began before throughput was back.
    case cutShort = "cut-short"
    /// There is no undisturbed throughput to compare with.
    case unknown
  }

  /// The longest time without an acknowledged read (write) while one was outstanding, among those
  /// that start during the fault or its recovery, minus the normal gap between two
  /// acknowledgements: see `ServiceGaps`. 0 if it is no longer than gaps without the fault. nil if
  /// the fault began after the measured interval, or if there were no reads (writes).
  package var readOutage: Interval?
  package var writeOutage: Interval?
  /// When a replica first tried to become leader, or became leader, in a newer term, ballot or
  /// view.
  package var detection: Interval?
  /// When a replica was leader again.
  package var election: Interval?
  /// When the outage ended; 0 without one, nil if it did not end.
  package var firstAcknowledgement: Interval?
  /// When throughput had recovered (`ThroughputRecovery`) and the outage had ended. 0 if throughput
  /// never fell short and there was no outage.
  package var timeToRecover: Interval?
  /// The time from the fault's end until throughput had recovered, for a fault that ended in the
  /// measured interval.
  package var hangover: Interval?
  /// Expected acknowledgements that were missing until throughput had recovered, or the next fault
  /// began.
  package var lostRequests: Double?
  /// nil if the fault began after the measured interval.
  package var recovery: Recovery?

  package init() {}

  /// The longer one of the two outages.
  package var outage: Interval? { [readOutage, writeOutage].compactMap { $0 }.max() }
}
