import Histories
import Replication
import Trials

/// A time in which at least one operation was waiting and no operation of its class was
/// acknowledged. It begins with an acknowledgement, or when the first operation after it came due,
/// and ends with the next acknowledgement.
struct ServiceGap: Equatable {
  var start: Int64
  var end: Int64

  var length: Int64 { end - start }
}

/// The times in the measured interval at which a class of operations (the reads or the writes) was
/// not served, as seen by the probes if there are any, otherwise by the operations of the load.
///
/// A time without waiting operations is not a gap, so that a low or random rate of operations is
/// not mistaken for an outage. Only an answer ends a gap; an operation that is given up does not.
struct ServiceGaps {
  private let operations: [Operation]
  private let isRead: Bool
  private let times: Acknowledgements
  private let trial: TrialRecord
  /// The median length of the gaps that an acknowledgement ended; 0 if there are no such gaps. nil
  /// if there were no operations.
  private(set) var normal: Int64?
  private(set) var longest: Int64 = 0
  /// The mean time between two probes of this class; 0 if there are no probes.
  private let probeInterval: Int64

  /// - Parameter acknowledged: when the operations of the load were acknowledged.
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
    self.operations = operations
    self.isRead = isRead
    self.times = times
    self.trial = trial
    let due = trial.probes.filter { $0.kind.isRead == isRead }.map(\.intended)
    probeInterval = due.count > 1 ? (due.last! - due.first!) / Int64(due.count - 1) : 0
    var lengths = Histogram()
    var isAsked = false
    visit { gap in
      isAsked = true
      longest = max(longest, gap.length)
      if isEnded(gap) { lengths.record(gap.length) }
    }
    if isAsked { normal = lengths.percentile(50)?.nanoseconds ?? 0 }
  }

  /// The longest gap of the measured interval less the normal one.
  var longestOutage: Interval? { normal.map { .nanoseconds(max(0, longest - $0)) } }

  /// How much longer a gap is than the normal one; 0 without a gap. nil if there were no
  /// operations.
  func outage(_ gap: ServiceGap?) -> Interval? {
    normal.map { .nanoseconds(max(0, (gap?.length ?? $0) - $0)) }
  }

  /// The gap, unless it is so short that only one probe's answer was late. One late answer is no
  /// sign that the service had not recovered before.
  func severe(_ gap: ServiceGap?) -> ServiceGap? {
    guard let gap, let normal, gap.length - normal > probeInterval * 3 / 2 else { return nil }
    return gap
  }

  /// A gap of at most this length is not attributed to a fault. By chance, gaps reach about three
  /// times the 99th percentile, and are hardly longer than the longest gap of undisturbed times.
  /// The smaller of the two limits counts, because undisturbed times may contain a stall that a
  /// fault left behind. If there were no undisturbed times, all gaps that an acknowledgement ended
  /// are used instead.
  /// - Parameter disturbances: when a fault was active, or recovery from it was not complete.
  func ordinary(outside disturbances: DisturbedTimes) -> Int64 {
    var calm = Histogram()
    var all = Histogram()
    var disturbances = disturbances
    visit { gap in
      guard isEnded(gap) else { return }
      all.record(gap.length)
      if !disturbances.contains(next: gap.start) { calm.record(gap.length) }
    }
    if let high = calm.percentile(99), let most = calm.maximum {
      return min(most * 3 / 2, high * 3).nanoseconds
    }
    return ((all.percentile(99) ?? .zero) * 3 / 2).nanoseconds
  }

  /// In order of time.
  func gaps(longerThan length: Int64) -> [ServiceGap] {
    var found: [ServiceGap] = []
    visit { gap in if gap.length > length { found.append(gap) } }
    return found
  }

  /// Whether an acknowledgement ended the gap.
  private func isEnded(_ gap: ServiceGap) -> Bool { gap.end < trial.measuredEndNs }

  private func visit(_ body: (ServiceGap) -> Void) {
    var position = 0
    /// The latest return among the operations of this class that have come due so far.
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
        // No operation is waiting, so the gap begins when the next operation comes due.
        while position < operations.count, operations[position].kind.isRead != isRead {
          position += 1
        }
        guard position < operations.count, operations[position].intended < to else { return }
        body(ServiceGap(start: operations[position].intended, end: to))
      } else if from < to {
        body(ServiceGap(start: from, end: to))
      }
    }
    var from = trial.warmUpEndNs
    let first = times.firstIndex(atOrAfter: trial.warmUpEndNs)
    for time in times.times[first...] {
      guard time < trial.measuredEndNs else { break }
      visit(from: from, to: time)
      from = time
    }
    visit(from: from, to: trial.measuredEndNs)
  }
}

/// A set of times as disjoint ranges, made from ranges that may overlap or touch. Ascending times
/// are looked up in a single pass.
struct DisturbedTimes {
  private var ranges: [ClosedRange<Int64>] = []
  /// The first range that does not end before the time of the last call.
  private var position = 0

  init(_ times: [ClosedRange<Int64>]) {
    for range in times.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = ranges.last, range.lowerBound <= last.upperBound {
        ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        ranges.append(range)
      }
    }
  }

  /// - Parameter time: not earlier than the time of the previous call.
  mutating func contains(next time: Int64) -> Bool {
    while position < ranges.count, ranges[position].upperBound < time { position += 1 }
    return position < ranges.count && ranges[position].lowerBound <= time
  }
}
