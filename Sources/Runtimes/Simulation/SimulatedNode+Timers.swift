import Environments
import ReplicaHosting
import Replication

/// A timer of a core.
public struct NodeTimer: Sendable {
  /// When it is due by the timer clock; `.never` if it is not set.
  public var due = Instant.never
  /// The true time of its earliest scheduled event; `.never` if there is none.
  public var scheduled = Instant.never
  /// Whether it has fired into the inbox.
  public var hasFired = false

  public init() {}
}

/// Timers: each has at most one pending event that matters; setting the timer again moves no event.
extension SimulatedNode {
  public mutating func set(_ timer: Int, after delay: Interval?, in world: inout SharedWorld) {
    var changed = timers[timer]
    changed.hasFired = false
    changed.due = .never
    if let delay {
      changed.due = clock.timerTime(at: world.now) + max(delay, .zero)
      schedule(&changed, timer, in: &world)
    }
    timers[timer] = changed
  }

  /// Makes sure that an event comes no later than the timer. An earlier event is kept, because it
  /// checks the timer again.
  @inline(__always)
  private func schedule(_ timer: inout NodeTimer, _ index: Int, in world: inout SharedWorld) {
    let time = clock.trueTime(ofTimer: timer.due, from: world.now)
    guard time < timer.scheduled else { return }
    timer.scheduled = time
    world.schedule(.timer(node: number, timer: index, incarnation: incarnation), at: time)
  }

  public mutating func scheduleTimer(_ timer: Int, in world: inout SharedWorld) {
    var changed = timers[timer]
    schedule(&changed, timer, in: &world)
    timers[timer] = changed
  }

  public mutating func timerEvent(_ timer: Int, in world: inout SharedWorld) {
    if timers[timer].scheduled <= world.now { timers[timer].scheduled = .never }
    guard timers[timer].due != .never else { return }
    guard timers[timer].due <= clock.timerTime(at: world.now) else {
      scheduleTimer(timer, in: &world)
      return
    }
    if world.network.isTransferring(number, at: world.now),
      Core.Timer(index: timer).waitsForOthers
    {
      timers[timer].due = clock.timerTime(at: world.now) + LargeMessage.delay
      return scheduleTimer(timer, in: &world)
    }
    timers[timer].due = .never
    timers[timer].hasFired = true
    arrive(timer: timer, in: &world)
  }

  /// Reschedules the timers after the clock's rate has changed, because their events may come too
  /// late.
  public mutating func rescheduleTimers(in world: inout SharedWorld) {
    for timer in timers.indices where timers[timer].due != .never {
      scheduleTimer(timer, in: &world)
    }
  }
}
