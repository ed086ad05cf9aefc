import Trials
import Histories

/// When operations were acknowledged, in order of time, whenever they were due.
struct Acknowledgements {
  private var times: [Int64] = []

  init(_ trial: TrialRecord) {
    times.reserveCapacity(trial.operations.count)
    for operation in trial.operations where operation.outcome == .ok {
      times.append(operation.returned)
    }
    sort()
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

  /// The longest stretch without an acknowledgement that starts in `from ... startingUpTo`, either at
  /// `from` itself or at an acknowledgement, and is cut off at `end`.
  func longestGap(from: Int64, startingUpTo last: Int64, end: Int64) -> Int64 {
    var longest: Int64 = 0
    var start = from
    var next = firstIndex(atOrAfter: from)
    while start <= last, start < end {
      let answer = next < times.count ? min(times[next], end) : end
      longest = max(longest, answer - start)
      start = answer
      next += 1
    }
    return longest
  }

  private func firstIndex(atOrAfter time: Int64) -> Int {
    var low = 0
    var high = times.count
    while low < high {
      let middle = (low + high) / 2
      if times[middle] < time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
