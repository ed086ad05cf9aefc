import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Stubs
import Testing
import Trials

@testable import Simulation

@Suite struct TimerTests {
  @Test("A timer fires once, by the drifting clock, independent of clock steps")
  func firing() {
    var trial = probes()
    trial.tell(0, Probe.setBell + 10)
    trial.nodes[0].clock.step(by: .seconds(-100))
    trial.pass(to: 9)
    #expect(trial.notes(0).count == 1)
    trial.pass(to: 50)
    #expect(trial.notes(0).count == 2)
    trial.tell(1, Probe.setBell + 10)
    trial.nodes[1].clock.setFaultDrift(1, at: trial.world.now)
    trial.nodes[1].rescheduleTimers(in: &trial.world)
    trial.pass(to: 54)
    #expect(trial.notes(1).count == 1)
    trial.pass(to: 55)
    #expect(trial.notes(1).last == "bell@60000")
  }

  @Test("A timer that is set again fires at the new time only, and a cancelled timer never")
  func reset() {
    var trial = probes()
    trial.tell(0, Probe.setBell + 10)
    trial.pass(to: 5)
    trial.tell(0, Probe.setBell + 10)
    trial.tell(1, Probe.setBell + 3)
    trial.pass(to: 6)
    trial.tell(1, Probe.cancelBell)
    trial.pass(to: 50)
    #expect(trial.notes(0).last == "bell@15000" && trial.notes(0).count == 3)
    #expect(trial.notes(1).count == 2)
  }

  @Test("A timer that was set again or cancelled while it waited in the inbox does not fire")
  func inbox() {
    for (message, expected) in [
      (Probe.cancelBell, ["1@8000", "2000@12000"]),
      (Probe.setBell + 50, ["1@8000", "1050@12000", "bell@62000"]),
    ] {
      var trial = probes { $0.environment.cpu.perMessage = .milliseconds(4) }
      trial.nodes[0].arrive(Probe.setBell + 10, from: 0, bytes: 0, in: &trial.world)
      trial.pass(to: 8)
      trial.tell(0, 1)
      trial.pass(to: 9)
      trial.tell(0, message)
      trial.pass(to: 100)
      #expect(Array(trial.notes(0).dropFirst()) == expected)
    }
  }
}
