import Primitives
import Replication

/// The rate of due operations over a trial, as a sequence of phases, in each of which the rate is
/// constant or changes linearly; or the times at which operations come due.
public struct LoadCurve: Sendable, Equatable {
  public struct Phase: Sendable, Equatable {
    public var length: Interval
    /// Operations per second at the start of the phase and at its end.
    public var from: Double
    public var to: Double

    public init(length: Interval, from: Double, to: Double) {
      self.length = length
      self.from = from
      self.to = to
    }

    /// The number of operations that come due in the first `time` nanoseconds.
    func count(in time: Double) -> Double {
      let end = from + (to - from) * time / Double(length.nanoseconds)
      return (from + end) / 2 * time / 1e9
    }
  }

  public var phases: [Phase]
  /// Whether the phases repeat after the last one; otherwise its final rate stays.
  public var repeats: Bool

  /// When each operation comes due, by the trial's clock, strictly ascending and after 0. A curve
  /// of times has no phases.
  public private(set) var times: [Instant] = []

  public init(phases: [Phase], repeats: Bool) {
    self.phases = phases
    self.repeats = repeats
  }

  public init(times: [Instant]) {
    self.init(phases: [], repeats: false)
    self.times = times
  }

  /// The number of listed times up to this one, by binary search.
  private func dueCount(until time: Double) -> Int {
    var (low, high) = (0, times.count)
    while low < high {
      let middle = (low + high) / 2
      if Double(times[middle].nanoseconds) <= time { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private var length: Int64 { phases.reduce(0) { $0 + $1.length.nanoseconds } }

  /// Whether no operation ever comes due.
  public var isSilent: Bool { times.isEmpty && phases.allSatisfy { $0.from == 0 && $0.to == 0 } }

  /// The time, in nanoseconds since the trial began, at which `count` more operations have come
  /// due; nil if that never happens.
  ///
  /// - Parameters:
  ///   - start: nanoseconds since the trial began.
  ///   - count: a number of operations, which need not be whole.
  public func timeNs(afterNs start: Double, count: Double) -> Double? {
    if !times.isEmpty {
      let next = dueCount(until: start) + max(Int(count.rounded()), 1) - 1
      return next < times.count ? Double(times[next].nanoseconds) : nil
    }
    guard !isSilent, let last = phases.last else { return nil }
    let length = Double(length)
    var rest = count
    var cycle = repeats ? (start / length).rounded(.down) * length : 0
    var time = start
    while true {
      var begin = cycle
      for phase in phases {
        let end = begin + Double(phase.length.nanoseconds)
        defer { begin = end }
        guard time < end else { continue }
        let before = phase.count(in: time - begin)
        let left = phase.count(in: end - begin) - before
        if left > rest { return begin + phase.time(of: before + rest) }
        rest -= left
        time = end
      }
      guard repeats else { return last.to > 0 ? time + rest / last.to * 1e9 : nil }
      cycle += length
    }
  }

  /// The mean number of operations that come due until `end`.
  public func count(until end: Interval) -> Double {
    if !times.isEmpty { return Double(dueCount(until: Double(end.nanoseconds).nextDown)) }
    let whole = phases.reduce(0) { $0 + $1.count(in: Double($1.length.nanoseconds)) }
    var rest = end.nanoseconds
    var count = 0.0
    if repeats {
      count = whole * Double(rest / length)
      rest %= length
    }
    for phase in phases {
      count += phase.count(in: Double(min(rest, phase.length.nanoseconds)))
      rest = max(rest - phase.length.nanoseconds, 0)
    }
    return count + (repeats ? 0 : (phases.last?.to ?? 0) * Double(rest) / 1e9)
  }
}

extension LoadCurve.Phase {
  /// The inverse of `count(in:)`, in nanoseconds.
  fileprivate func time(of count: Double) -> Double {
    let slope = (to - from) / (Double(length.nanoseconds) / 1e9)
    // This form of the solution avoids a difference of nearly equal numbers.
    let root = max(from * from + 2 * slope * count, 0).squareRoot()
    return from + root > 0 ? 2 * count / (from + root) * 1e9 : 0
  }
}
