import Histories
import Trials

/// A time in which an operation was waiting and none of its class was acknowledged. It begins with
/// an acknowledgement, or when the first operation after that came due, and ends with the next one.
struct ServiceGap: Equatable {
  var start: Int64
  var end: Int64

  var length: Int64 { end - start }
}

/// When a class of operations, the reads or the writes, was not served in the measured interval:
/// seen by the probes where there are some, otherwise by the operations of the load.
///
/// A time in which nothing was asked is no gap, so that a low rate or its randomness is not taken
/// for an outage. An operation that was given up does not end a gap: only an answer does.
struct ServiceGaps {
  /// The longer ones, in order of time: those of more than the 99th percentile's length.
  private(set) var long: [ServiceGap] = []
  /// The median length. nil if nothing was ever asked.
  private(set) var normal: Int64?
  private(set) var longest: Int64 = 0
  private var percentile99: Int64 = 0

  /// - Parameter acknowledged: when the operations of the load were.
  static func ofReadsAndWrites(
    _ trial: TrialRecord, _ acknowledged: (reads: Acknowledgements, writes: Acknowledgements)
  ) -> (reads: ServiceGaps, writes: ServiceGaps) {
    let operations = trial.probes.isEmpty ? trial.operations : trial.probes
    let times =
      trial.probes.isEmpty ? acknowledged : Acknowledgements.ofReadsAndWrites(trial.probes)
    return (
      ServiceGaps(operations, ofReads: true, times.reads, in: trial),
      ServiceGaps(operations, ofReads: false, times.writes, in: trial)
    )
  }

  /// - Parameters:
  ///   - operations: of both classes, in order of invocation.
  ///   - times: the acknowledgements of this class.
  init(
    _ operations: [Operation], ofReads isRead: Bool, _ times: Acknowledgements,
    in trial: TrialRecord
  ) {
    var lengths = Histogram()
    ServiceGaps.visit(operations, isRead, times, trial) { lengths.record($0.length) }
    guard let median = lengths.percentile(50), let high = lengths.percentile(99),
      let most = lengths.maximum
    else { return }
    normal = median
    percentile99 = high
    longest = most
    var long: [ServiceGap] = []
    ServiceGaps.visit(operations, isRead, times, trial) { gap in
      if gap.length >= high { long.append(gap) }
    }
    self.long = long
  }

  /// The longest gap of the measured interval less the normal one.
  var longestOutage: Int64? { normal.map { max(0, longest - $0) } }

  /// How much longer a gap is than the normal one; 0 without a gap. nil if nothing was ever asked.
  func outage(_ gap: ServiceGap?) -> Int64? { normal.map { max(0, (gap?.length ?? $0) - $0) } }

  /// A gap of at most this length is none that a fault has made. Chance makes gaps of up to about
  /// three times the 99th percentile, and none that is much longer than those of undisturbed times.
  /// The lesser of the two counts, since undisturbed times may hold a stall that a fault has left
  /// behind.
  /// - Parameter isUndisturbed: whether no fault held at a time, or was still being recovered from.
  func ordinary(_ isUndisturbed: (Int64) -> Bool) -> Int64 {
    var undisturbed = percentile99
    for gap in long where isUndisturbed(gap.start) {
      undisturbed = max(undisturbed, gap.length)
    }
    return min(undisturbed * 3 / 2, percentile99 * 3)
  }

  private static func visit(
    _ operations: [Operation], _ isRead: Bool, _ times: Acknowledgements, _ trial: TrialRecord,
    _ body: (ServiceGap) -> Void
  ) {
    var position = 0
    /// When the last of the operations that came due by now was over.
    var busyUntil = Int64.min
    func advance(to time: Int64) {
      while position < operations.count, operations[position].intended <= time {
        if operations[position].kind.isRead == isRead {
          busyUntil = max(busyUntil, operations[position].returned)
        }
        position += 1
      }
    }
    func visit(from: Int64, to: Int64) {
      advance(to: from)
      if busyUntil <= from {
        // Nothing waits: the gap begins with the next operation.
        while position < operations.count, operations[position].kind.isRead != isRead {
          position += 1
        }
        guard position < operations.count, operations[position].intended < to else { return }
        body(ServiceGap(start: operations[position].intended, end: to))
      } else if from < to {
        body(ServiceGap(start: from, end: to))
      }
    }
    var from = trial.warmUpEnd
    let first = times.firstIndex(atOrAfter: trial.warmUpEnd)
    for time in times.times[first...] {
      guard time < trial.measuredEnd else { break }
      visit(from: from, to: time)
      from = time
    }
    visit(from: from, to: trial.measuredEnd)
  }
}
