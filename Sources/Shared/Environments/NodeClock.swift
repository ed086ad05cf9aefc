import Replication

/// One node's clock against true time. It is off by a skew, runs fast or slow by a drift, and a fault
/// can step it. Timers follow the drift but not the steps, as a kernel's monotonic timers do.
public struct NodeClock: Sendable {
  public let baseDrift: Double
  /// The drift that faults add at present.
  public var faultDrift = 0.0
  public var rate: Double
  /// True time of the last change of rate, and what the timer clock showed then.
  public var anchorTrue: Int64 = 0
  public var anchorTimer: Int64 = 0
  /// Reading of the clock minus the timer clock: skew and steps.
  public var offset: Int64

  public init(skew: Interval, drift: Double) {
    baseDrift = drift
    rate = 1 + drift
    offset = skew.nanoseconds
  }

  /// What the node's timers have counted by now.
  @inlinable
  public func timerTime(at now: Int64) -> Int64 {
    let elapsed = now - anchorTrue
    return anchorTimer + (rate == 1 ? elapsed : Int64((Double(elapsed) * rate).rounded(.down)))
  }

  /// What the node reads as the time. Clocks start an hour after their origin, so that neither skew nor
  /// a step makes a reading negative.
  @inlinable
  public func reading(at now: Int64) -> Instant {
    Instant(nanoseconds: timerTime(at: now) + offset + 3_600_000_000_000)
  }

  /// The earliest true time at which the timer clock shows `deadline`.
  public func trueTime(ofTimer deadline: Int64, from now: Int64) -> Int64 {
    let rest = deadline - timerTime(at: now)
    guard rest > 0 else { return now }
    return now + (rate == 1 ? rest : Int64((Double(rest) / rate).rounded(.up)))
  }

  public mutating func step(by interval: Interval) { offset += interval.nanoseconds }

  /// From now on faults add this much to the node's own drift.
  public mutating func setFaultDrift(_ drift: Double, at now: Int64) {
    guard drift != faultDrift else { return }
    anchorTimer = timerTime(at: now)
    anchorTrue = now
    faultDrift = drift
    rate = max(1 + baseDrift + drift, 0.01)
  }
}
