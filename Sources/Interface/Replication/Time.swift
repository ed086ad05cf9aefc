import Primitives

/// A length of time in whole nanoseconds, the unit that clocks and disks resolve. Swift's own
/// `Duration` counts attoseconds in 128 bits, which costs several times as much in the innermost
/// loops.
public struct Interval: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let zero = Interval(nanoseconds: 0)
  public static func nanoseconds(_ count: Int64) -> Interval { Interval(nanoseconds: count) }
  public static func microseconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count * 1_000)
  }
  public static func milliseconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count * 1_000_000)
  }
  public static func seconds(_ count: Int64) -> Interval {
    Interval(nanoseconds: count * 1_000_000_000)
  }

  public var microseconds: Double { Double(nanoseconds) / 1e3 }
  public var milliseconds: Double { Double(nanoseconds) / 1e6 }
  public var seconds: Double { Double(nanoseconds) / 1e9 }

  /// The shortest exact form with a unit, as experiment files write it: `250us`, `20ms`, `3s`.
  public var description: String {
    let units: [(Int64, String)] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")]
    for (size, name) in units where nanoseconds != 0 && nanoseconds % size == 0 {
      return "\(nanoseconds / size)\(name)"
    }
    return nanoseconds == 0 ? "0ms" : "\(nanoseconds)ns"
  }

  public static func < (a: Interval, b: Interval) -> Bool { a.nanoseconds < b.nanoseconds }
  public static func + (a: Interval, b: Interval) -> Interval {
    Interval(nanoseconds: a.nanoseconds + b.nanoseconds)
  }
  public static func - (a: Interval, b: Interval) -> Interval {
    Interval(nanoseconds: a.nanoseconds - b.nanoseconds)
  }
  public static func += (a: inout Interval, b: Interval) { a = a + b }
  public static func * (a: Interval, factor: Int) -> Interval {
    Interval(nanoseconds: a.nanoseconds * Int64(factor))
  }
  public static func / (a: Interval, divisor: Int) -> Interval {
    Interval(nanoseconds: a.nanoseconds / Int64(divisor))
  }
  /// Scaled by a real factor, rounded towards zero.
  public func scaled(by factor: Double) -> Interval {
    Interval(nanoseconds: Int64(Double(nanoseconds) * factor))
  }
}

/// A reading of one clock, in nanoseconds since the clock's origin. Two readings of one clock may
/// be subtracted, because the clock never steps. Readings of different clocks are not comparable:
/// the clocks of nodes are skewed and drift, and a trial's clock starts at 0 with the trial.
public struct Instant: Hashable, Comparable, Sendable {
  public let nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let zero = Instant(nanoseconds: 0)
  /// An instant so long before every event that no option's interval reaches back to it.
  public static let longAgo = Instant(nanoseconds: .min / 2)
  /// An instant after every event. Nothing may be added to it, because the sum would overflow.
  public static let never = Instant(nanoseconds: .max)

  public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
  public static func + (instant: Instant, interval: Interval) -> Instant {
    Instant(nanoseconds: instant.nanoseconds + interval.nanoseconds)
  }
  public static func += (instant: inout Instant, interval: Interval) {
    instant = instant + interval
  }
  public static func - (instant: Instant, interval: Interval) -> Instant {
    Instant(nanoseconds: instant.nanoseconds - interval.nanoseconds)
  }
  public static func - (a: Instant, b: Instant) -> Interval {
    Interval(nanoseconds: a.nanoseconds - b.nanoseconds)
  }
}

/// Queues whose times are instants of one clock.
extension EventQueue where Payload: ~Copyable {
  /// The time of the next event; the queue must not be empty.
  @inline(__always)
  public var nextTime: Instant { Instant(nanoseconds: nextTimeNs) }

  @discardableResult @inline(__always)
  public mutating func push(_ payload: consuming Payload, at time: Instant) -> Int {
    push(payload, atNs: time.nanoseconds)
  }
}

extension RandomStream {
  /// Draws an interval uniformly from the range, both ends included.
  public mutating func interval(in range: ClosedRange<Interval>) -> Interval {
    let width = range.upperBound.nanoseconds - range.lowerBound.nanoseconds
    guard width > 0 else { return range.lowerBound }
    return range.lowerBound + Interval(nanoseconds: Int64(below(Int(width) + 1)))
  }
}
