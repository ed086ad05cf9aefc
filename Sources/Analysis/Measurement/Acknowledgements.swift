import Histories
import Trials

/// When the operations of a class (all reads, or all writes) were acknowledged, in order of time,
/// whenever they were due.
struct Acknowledgements {
  private(set) var times: [Int64] = []

  static func ofReadsAndWrites(
    _ operations: [Operation]
  ) -> (reads: Acknowledgements, writes: Acknowledgements) {
    var reads = Acknowledgements()
    var writes = Acknowledgements()
    // Address space alone: pages that no time is written to cost nothing.
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

  /// Operations come in order of invocation, so their returns are nearly sorted.
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
    max(0, firstIndex(atOrAfter: trial.measuredEnd) - firstIndex(atOrAfter: trial.warmUpEnd))
  }

  /// nil after the last one.
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
