import Histories
import Trials

/// The times at which the operations of a class (all reads, or all writes) were acknowledged,
/// ascending. Operations that were due outside the measured interval are included.
struct Acknowledgements {
  private(set) var times: [Int64] = []

  static func ofReadsAndWrites(
    _ operations: [Operation]
  ) -> (reads: Acknowledgements, writes: Acknowledgements) {
    var reads = Acknowledgements()
    var writes = Acknowledgements()
    // This reserves only address space: the system provides no memory for pages that are never
    // written.
    reads.times.reserveCapacity(operations.count)
    writes.times.reserveCapacity(operations.count)
    for operation in operations where operation.outcome == .ok {
      if operation.kind.isRead {
        reads.times.append(operation.returned)
      } else {
        writes.times.append(operation.returned)
      }
    }
    reads.sort()
    writes.sort()
    return (reads, writes)
  }

  /// Sorts by insertion, because operations come in order of invocation and their returns are
  /// therefore nearly sorted. If it takes too many moves, the standard sort takes over.
  private mutating func sort() {
    var moves = 32 * times.count + 64
    let sorted = times.withUnsafeMutableBufferPointer { times in
      for i in times.indices.dropFirst() {
        let time = times[i]
        var j = i
        while j > 0, times[j - 1] > time {
          times[j] = times[j - 1]
          j -= 1
        }
        times[j] = time
        moves -= i - j
        if moves < 0 { return false }
      }
      return true
    }
    if !sorted { times.sort() }
  }

  func count(in trial: TrialRecord) -> Int {
    max(0, firstIndex(atOrAfter: trial.measuredEndNs) - firstIndex(atOrAfter: trial.warmUpEndNs))
  }

  /// The first acknowledgement at or after `time`; nil if there is none.
  func first(atOrAfter time: Int64) -> Int64? {
    let index = firstIndex(atOrAfter: time)
    return index < times.count ? times[index] : nil
  }

  func firstIndex(atOrAfter time: Int64) -> Int {
    var low = 0
    var high = times.count
    while low < high {
      let middle = (low + high) / 2
      if times[middle] < time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
