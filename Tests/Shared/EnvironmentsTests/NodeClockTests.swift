import Environments
import Replication
import Stubs
import Testing

@Suite struct NodeClockTests {
  @Test("A clock without skew and drift shows true time, starting at one hour")
  func exact() {
    let clock = NodeClock(skew: .zero, drift: 0)
    #expect(clock.reading(at: 5).nanoseconds == 3_600_000_000_005)
    #expect(clock.timerTime(at: 5) == 5 && clock.trueTime(ofTimer: 9, from: 5) == 9)
  }

  @Test("A step moves the wall clock, but neither the cores' clock nor timers")
  func steps() {
    var clock = NodeClock(skew: .milliseconds(-3), drift: 0)
    let before = clock.reading(at: 100)
    #expect(clock.wallTime(at: 100) == before)
    clock.step(by: .seconds(-5))
    #expect(clock.reading(at: 100) == before)
    clock.step(by: .seconds(2))
    #expect(clock.reading(at: 100) == before)
    #expect(clock.wallTime(at: 100) == before - .seconds(3))
    #expect(clock.timerTime(at: 100) == 100 && clock.trueTime(ofTimer: 1000, from: 100) == 1000)
  }

  @Test("A timer is due at the earliest true time at which the drifting clock shows its time")
  func drift() {
    for drift in [0.01, -0.01, 0.3, -0.5, 1e-9] {
      let clock = NodeClock(skew: .zero, drift: drift)
      for deadline in [1, 999, 1_000_003, 5_000_000_000_000] as [Instant] {
        let due = clock.trueTime(ofTimer: deadline, from: 0)
        #expect(
          clock.timerTime(at: due) >= deadline - .nanoseconds(1)
            && clock.timerTime(at: due - .nanoseconds(1)) < deadline)
        #expect(
          abs(Double(due.nanoseconds) * (1 + drift) - Double(deadline.nanoseconds)) <= 2
            + abs(drift))
      }
    }
  }

  @Test("A drift added by a fault begins, changes and ends without a jump")
  func faultDrift() {
    var clock = NodeClock(skew: .zero, drift: 0)
    clock.setFaultDrift(0.5, at: 1000)
    #expect(clock.timerTime(at: 1000) == 1000 && clock.timerTime(at: 2000) == 2500)
    clock.setFaultDrift(0.75, at: 2000)
    #expect(clock.timerTime(at: 3000) == 4250)
    clock.setFaultDrift(0.25, at: 3000)
    #expect(clock.timerTime(at: 4000) == 5500)
    clock.setFaultDrift(0, at: 4000)
    #expect(clock.timerTime(at: 5000) == 6500)
  }
}
