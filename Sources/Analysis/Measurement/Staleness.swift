import Histories
import Replication
import Trials

/// How old the values were that acknowledged reads returned, over the reads that were due in the
/// measured interval. A scan is one read, which lags as far behind as the oldest of its values.
///
/// A get is stale if some write of its key was invoked after the write it observed had returned,
/// and returned before the get was invoked. The number of such writes is its lag in versions; the
/// time from the first return of such a write to the get's invocation is its lag in time. Real time
/// alone decides which write is newer, so a linearizable history has no stale gets, and a
/// concurrent write never counts.
///
/// Reads whose observed write is not certain are left out: reads of keys with appends, of values
/// that were written more than once and, if the key is ever deleted, reads that found no value.
package struct Staleness: Sendable, Equatable {
  package private(set) var reads = 0
  package private(set) var staleReads = 0
  /// The mean over all judged reads, in which fresh reads count as 0; nil without reads.
  package var meanLag: Double? { reads == 0 ? nil : lagSum / Double(reads) }
  var meanVersions: Double? { reads == 0 ? nil : Double(versionSum) / Double(reads) }
  package private(set) var maximumLag = Interval.zero
  package private(set) var maximumVersions = 0
  private var lagSum = 0.0
  private var versionSum = 0

  fileprivate struct Key {
    /// Acknowledged writes; after `finish`, in order of their returns.
    var writes: [(returned: Int64, invoked: Int64)] = []
    /// For each write, the latest invocation among the writes up to it.
    var latestInvoked: [Int64] = []
    /// The writes' invocations in ascending order, and for each the earliest return among the
    /// writes that were invoked then or later.
    var invocations: [Int64] = []
    var firstReturn: [Int64] = []
    /// Level k holds the invocations of the writes in sorted runs of 2ᵏ, in order of returns.
    var runs: [[Int64]] = []
    /// When the write of each value returned; nil for a value that was written twice.
    var returned: [ValueDigest: Int64?] = [.absent: .min]
    var hasAppends = false
  }

  init(_ trial: TrialRecord) {
    var keys: [UInt32: Key] = [:]
    for operation in trial.operations {
      guard operation.outcome != .failed, !operation.kind.isRead else { continue }
      if operation.kind == .compareAndSwap, operation.outcome == .ok, !operation.swapped {
        continue
      }
      keys[operation.key, default: Key()].add(operation)
    }
    for key in Array(keys.keys) { keys[key]?.finish() }
    let versions = trial.scans.versions.map { version in
      keys.index(forKey: version.key).map { ($0, keys.values[$0].observedReturn(version.value)) }
    }
    for operation in trial.operations where operation.outcome == .ok && operation.kind.isRead {
      guard operation.intended >= trial.warmUpEndNs, operation.intended < trial.measuredEndNs else {
        continue
      }
      var oldest: Lag? = (0, 0)
      if operation.kind == .scan {
        for place in operation.scanned {
          // A key without writes is never stale.
          guard let (key, observed) = versions[Int(trial.scans[place])] else { continue }
          let lag = keys.values[key].lag(at: operation.invoked, behind: observed)
          if let lag, lag.time > oldest!.time { oldest!.time = lag.time }
          if let lag, lag.versions > oldest!.versions { oldest!.versions = lag.versions }
        }
      } else if let key = keys[operation.key] {
        oldest = key.lag(
          at: operation.invoked, behind: key.observedReturn(operation.observed))
      }
      if let oldest { judge(oldest) }
    }
  }

  fileprivate typealias Lag = (versions: Int, time: Int64)

  private mutating func judge(_ lag: Lag) {
    reads += 1
    guard lag.versions > 0 else { return }
    staleReads += 1
    lagSum += Double(lag.time)
    versionSum += lag.versions
    maximumLag = max(maximumLag, .nanoseconds(lag.time))
    maximumVersions = max(maximumVersions, lag.versions)
  }
}

extension Staleness.Key {
  fileprivate mutating func add(_ write: Operation) {
    if write.kind == .append { hasAppends = true }
    let end = write.outcome == .ok ? write.returned : Int64.max
    let value = write.kind == .delete ? ValueDigest.absent : write.argument
    returned[value] = .some(returned[value] == nil ? end : nil)
    if write.outcome == .ok { writes.append((write.returned, write.invoked)) }
  }

  fileprivate mutating func finish() {
    writes.sort { $0.returned < $1.returned }
    var latest = Int64.min
    latestInvoked = writes.map { write in
      latest = max(latest, write.invoked)
      return latest
    }
    let byInvocation = writes.sorted { $0.invoked < $1.invoked }
    invocations = byInvocation.map(\.invoked)
    firstReturn = byInvocation.map(\.returned)
    for i in firstReturn.indices.dropLast().reversed() {
      firstReturn[i] = min(firstReturn[i], firstReturn[i + 1])
    }
    runs = [writes.map(\.invoked)]
    var width = 1
    while 2 * width <= writes.count {
      runs.append(Staleness.Key.merged(runs[runs.count - 1], width))
      width *= 2
    }
  }

  /// Merges pairs of sorted runs into sorted runs of twice the width.
  private static func merged(_ runs: [Int64], _ width: Int) -> [Int64] {
    var merged: [Int64] = []
    merged.reserveCapacity(runs.count)
    for start in stride(from: 0, to: runs.count, by: 2 * width) {
      let middle = min(start + width, runs.count)
      let end = min(middle + width, runs.count)
      var a = start
      var b = middle
      while a < middle || b < end {
        if b == end || (a < middle && runs[a] <= runs[b]) {
          merged.append(runs[a])
          a += 1
        } else {
          merged.append(runs[b])
          b += 1
        }
      }
    }
    return merged
  }

  /// When the write of a value returned; nil if that write is not certain.
  fileprivate func observedReturn(_ value: ValueDigest) -> Int64? {
    // The write is known only if its value is in the table and was written once.
    guard !hasAppends, let entry = returned[value] else { return nil }
    return entry
  }

  /// The lag of a read; nil if the write that it observed is not certain, 0 versions for a fresh
  /// read. Cost: O(log² n) for n writes.
  /// - Parameter observedReturn: when the write of the observed value returned.
  fileprivate func lag(at invoked: Int64, behind observedReturn: Int64?) -> Staleness.Lag? {
    guard let observedReturn else { return nil }
    let before = Staleness.Key.partition(0, writes.count) { writes[$0].returned < invoked }
    guard before > 0, latestInvoked[before - 1] > observedReturn else { return (0, 0) }
    // Some write that was invoked after `observedReturn` returned before the get, so the one among
    // these with the earliest return did too.
    let newer = Staleness.Key.partition(0, invocations.count) { invocations[$0] <= observedReturn }
    return (
      writes(amongFirst: before, invokedAfter: observedReturn), invoked - firstReturn[newer]
    )
  }

  /// Counts the late writes. The first `count` writes consist of one run for each bit that is set
  /// in `count`.
  private func writes(amongFirst count: Int, invokedAfter time: Int64) -> Int {
    var found = 0
    var start = 0
    for level in runs.indices.reversed() where count & (1 << level) != 0 {
      let end = start + (1 << level)
      let run = runs[level]
      found += end - Staleness.Key.partition(start, end) { run[$0] <= time }
      start = end
    }
    return found
  }

  /// The first position from `start` on for which `isBefore` is false; it must be true for all
  /// before.
  private static func partition(
    _ start: Int, _ end: Int, _ isBefore: (Int) -> Bool
  ) -> Int {
    var low = start
    var high = end
    while low < high {
      let middle = (low + high) / 2
      if isBefore(middle) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
