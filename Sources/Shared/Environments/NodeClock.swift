import Replication

/// The clocks of one node, relative to true time.
///
/// The clock that cores and timers use differs from true time by a constant skew and runs fast or
/// slow by a drift. It never steps, and it keeps running while the process is stopped. It models
/// the kernel's boot-time clock. The wall clock shows the same time plus the steps caused by
/// faults. No core reads the wall clock, because a lease that is measured with it could last too
/// long.
public struct NodeClock: Sendable {
  public let baseDrift: Double
  /// The drift that faults add at present.
  public var faultDrift = 0.0
  public var rate: Double
  /// The true time of the last change of rate, and the timer clock's value at that time.
  public var anchorTrue: Int64 = 0
  public var anchorTimer: Int64 = 0
  public let skew: Int64
  /// The sum of the steps that faults have made to the wall clock.
  public var steps: Int64 = 0

  public init(skew: Interval, drift: Double) {
    baseDrift = drift
    rate = 1 + drift
    self.skew = skew.nanoseconds
  }

  /// The value of the node's timer clock, in nanoseconds.
  @inlinable
  public func timerTime(at now: Int64) -> Int64 {
    let elapsed = now - anchorTrue
    return anchorTimer + (rate == 1 ? elapsed : Int64((Double(elapsed) * rate).rounded(.down)))
  }

  /// The time that the node's core reads. Clocks start an hour after their origin, so that a skew
  /// does not make a reading negative.
  @inlinable
  public func reading(at now: Int64) -> Instant {
    Instant(nanoseconds: timerTime(at: now) + skew + 3_600_000_000_000)
  }

  /// The time of the node's wall clock.
  public func wallTime(at now: Int64) -> Instant {
    reading(at: now) + Interval(nanoseconds: steps)
  }

  /// The earliest true time at which the timer clock shows `deadline`.
  public func trueTime(ofTimer deadline: Int64, from now: Int64) -> Int64 {
    let rest = deadline - timerTime(at: now)
    guard rest > 0 else { return now }
    return now + (rate == 1 ? rest : Int64((Double(rest) / rate).rounded(.up)))
  }

  /// Steps the wall clock.
  public mutating func step(by interval: Interval) { steps += interval.nanoseconds }

  /// From now on faults add this much to the node's own drift.
  public mutating func setFaultDrift(_ drift: Double, at now: Int64) {
    guard drift != faultDrift else { return }
    anchorTimer = timerTime(at: now)
    anchorTrue = now
    faultDrift = drift
    rate = max(1 + baseDrift + drift, 0.01)
  }
}
