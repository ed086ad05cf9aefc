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
  public var anchorTrue = Instant.zero
  public var anchorTimer = Instant.zero
  public let skew: Interval
  /// The sum of the steps that faults have made to the wall clock.
  public var steps = Interval.zero

  public init(skew: Interval, drift: Double) {
    baseDrift = drift
    rate = 1 + drift
    self.skew = skew
  }

  /// The reading of the node's timer clock at a true time.
  @inlinable
  public func timerTime(at now: Instant) -> Instant {
    let elapsed = now - anchorTrue
    guard rate != 1 else { return anchorTimer + elapsed }
    let counted = (Double(elapsed.nanoseconds) * rate).rounded(.down)
    return anchorTimer + Interval(nanoseconds: Int64(counted))
  }

  /// The time that the node's core reads. Clocks start an hour after their origin, so that a skew
  /// does not make a reading negative.
  @inlinable
  public func reading(at now: Instant) -> Instant { timerTime(at: now) + skew + .seconds(3600) }

  /// The time of the node's wall clock.
  public func wallTime(at now: Instant) -> Instant { reading(at: now) + steps }

  /// The earliest true time at which the timer clock shows `deadline`.
  public func trueTime(ofTimer deadline: Instant, from now: Instant) -> Instant {
    let rest = deadline - timerTime(at: now)
    guard rest > .zero else { return now }
    guard rate != 1 else { return now + rest }
    return now + Interval(nanoseconds: Int64((Double(rest.nanoseconds) / rate).rounded(.up)))
  }

  /// Steps the wall clock.
  public mutating func step(by interval: Interval) { steps += interval }

  /// From now on faults add this much to the node's own drift.
  public mutating func setFaultDrift(_ drift: Double, at now: Instant) {
    guard drift != faultDrift else { return }
    anchorTimer = timerTime(at: now)
    anchorTrue = now
    faultDrift = drift
    rate = max(1 + baseDrift + drift, 0.01)
  }
}
