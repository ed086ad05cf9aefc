import Environments
import ReplicaHosting
import Replication

/// Timers: each has at most one pending event that matters; setting the timer again moves no event.
extension SimulatedNode {
  public mutating func set(_ timer: Int, after delay: Interval?, in world: inout SharedWorld) {
    timerHasFired[timer] = false
    guard let delay else {
      timerDue[timer] = .never
      return
    }
    timerDue[timer] = clock.timerTime(at: world.now) + max(delay, .zero)
    scheduleTimer(timer, in: &world)
  }

  /// Makes sure that an event comes no later than the timer. An earlier event is kept, because it
  /// checks the timer again.
  public mutating func scheduleTimer(_ timer: Int, in world: inout SharedWorld) {
    let time = clock.trueTime(ofTimer: timerDue[timer], from: world.now)
    guard time < timerScheduled[timer] else { return }
    timerScheduled[timer] = time
    world.schedule(.timer(node: number, timer: timer, incarnation: incarnation), at: time)
  }

  public mutating func timerEvent(_ timer: Int, in world: inout SharedWorld) {
    if timerScheduled[timer] <= world.now { timerScheduled[timer] = .never }
    guard timerDue[timer] != .never else { return }
    guard timerDue[timer] <= clock.timerTime(at: world.now) else {
      scheduleTimer(timer, in: &world)
      return
    }
    if world.network.isTransferring(number, at: world.now),
      Core.Timer(index: timer).waitsForOthers
    {
      timerDue[timer] = clock.timerTime(at: world.now) + LargeMessage.delay
      return scheduleTimer(timer, in: &world)
    }
    timerDue[timer] = .never
    timerHasFired[timer] = true
    arrive(timer: timer, in: &world)
  }

  /// Reschedules the timers after the clock's rate has changed, because their events may come too
  /// late.
  public mutating func rescheduleTimers(in world: inout SharedWorld) {
    for timer in timerDue.indices where timerDue[timer] != .never {
      scheduleTimer(timer, in: &world)
    }
  }
}
