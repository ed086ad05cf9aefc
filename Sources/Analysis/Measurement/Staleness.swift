import Histories

/// How old the values were that acknowledged gets returned: over the gets that were due in the measured
/// interval.
///
/// A get is stale if some write of its key was invoked after the write it observed had returned, and
/// returned before the get was invoked. How many such writes there are is its lag in versions; the time
/// from the first such return to the get's invocation is its lag in time. Real time alone decides what
/// is newer, so a linearizable history has none, and a concurrent write never counts.
///
/// Keys with appends are left out, as are values written more than once and, where a key is deleted,
/// reads that found nothing: which write such a read observed is not certain.
public struct Staleness: Sendable, Equatable {
  public private(set) var reads = 0
  public private(set) var staleReads = 0
  /// Over all judged reads, fresh ones as 0; nil without reads.
  public var meanLag: Double? { reads == 0 ? nil : lagSum / Double(reads) }
  public private(set) var maximumLag: Int64 = 0
  public var meanVersions: Double? { reads == 0 ? nil : Double(versionSum) / Double(reads) }
  public private(set) var maximumVersions = 0
  private var lagSum = 0.0
  private var versionSum = 0

  fileprivate struct Key {
    /// Acknowledged writes in order of their returns, and the latest invocation among those up to each.
    var writes: [(returned: Int64, invoked: Int64)] = []
    var latestInvoked: [Int64] = []
    /// When the write of a value returned; nil for a value that was written twice.
    var returned: [ValueDigest: Int64?] = [.absent: .min]
    var hasAppends = false
  }

  init(_ trial: TrialObservation) {
    var keys: [UInt32: Key] = [:]
    for operation in trial.operations {
      guard operation.outcome != .failed, !operation.kind.isRead else { continue }
      if operation.kind == .compareAndSwap, operation.outcome == .ok, !operation.swapped {
        continue
      }
      keys[operation.key, default: Key()].add(operation)
    }
    for key in Array(keys.keys) { keys[key]?.finish() }
    for operation in trial.operations where operation.outcome == .ok && operation.kind.isRead {
      guard operation.intended >= trial.warmUpEnd, operation.intended < trial.measuredEnd else {
        continue
      }
      judge(operation, keys)
    }
  }

  private mutating func judge(_ get: Operation, _ keys: [UInt32: Key]) {
    guard let index = keys.index(forKey: get.key) else {
      reads += 1
      return
    }
    let lag = keys.values[index].lag(of: get)
    guard let lag else { return }
    reads += 1
    guard lag.versions > 0 else { return }
    staleReads += 1
    lagSum += Double(lag.time)
    versionSum += lag.versions
    maximumLag = max(maximumLag, lag.time)
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
  }

  /// nil if it cannot be told; no versions for a fresh read.
  fileprivate func lag(of get: Operation) -> (versions: Int, time: Int64)? {
    // The write is known only if its value is in the table, and unambiguous.
    guard !hasAppends, let entry = returned[get.observed], let observedReturn = entry else {
      return nil
    }
    let before = firstWrite(returningAtOrAfter: get.invoked)
    guard before > 0, latestInvoked[before - 1] > observedReturn else { return (0, 0) }
    var versions = 0
    var first = Int64.max
    for write in writes[..<before] where write.invoked > observedReturn {
      versions += 1
      first = min(first, write.returned)
    }
    return (versions, get.invoked - first)
  }

  private func firstWrite(returningAtOrAfter time: Int64) -> Int {
    var low = 0
    var high = writes.count
    while low < high {
      let middle = (low + high) / 2
      if writes[middle].returned < time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
