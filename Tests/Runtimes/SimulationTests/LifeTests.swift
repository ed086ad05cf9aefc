import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Stubs
import Testing
import Trials

@testable import Simulation

@Suite struct LifeTests {
  @Test("A paused node handles and sends nothing; then it handles all events at once")
  func pause() {
    var trial = probes()
    trial.tell(0, Probe.persist + 1)
    trial.tell(0, Probe.setBell + 3)
    trial.nodes[0].isPaused = true
    trial.tell(0, Probe.early + 2)
    trial.pass(to: 20)
    #expect(trial.notes(0).count == 2 && trial.notes(1).isEmpty)
    trial.nodes[0].resume(in: &trial.world)
    trial.pass(to: 30)
    #expect(trial.notes(0).dropFirst(2) == ["4002@20000", "bell@20000"])
    #expect(trial.notes(1) == ["1@21000", "2@21000"])
  }

  @Test("A node that crashes and restarts during a pause starts when the pause ends")
  func crashWhilePaused() {
    var trial = probes()
    trial.nodes[0].isPaused = true
    trial.tell(0, 1)
    trial.nodes[0].crash(keepingTorn: 0)
    trial.pass(to: 5)
    trial.nodes[0].restart(in: &trial.world)
    trial.tell(0, 2)
    trial.pass(to: 10)
    #expect(trial.nodes[0].host.core.notes.isEmpty)
    trial.nodes[0].resume(in: &trial.world)
    trial.pass(to: 15)
    #expect(trial.nodes[0].host.core.notes == ["start@10000", "2@10000"])
  }

  @Test("Overlapping faults of one kind on one node end with the last of them")
  func overlapping() {
    func fault(_ at: Int64, _ duration: Int64, _ action: FaultAction) -> TimedFault {
      TimedFault(at: .milliseconds(at), duration: .milliseconds(duration), action: action)
    }
    var trial = probes(
      3,
      faults: [
        fault(1, 10, .crash(.replica(0), disk: .kept)),
        fault(5, 10, .crash(.replica(0), disk: .kept)),
        fault(1, 10, .pause(.replica(1))), fault(5, 10, .pause(.replica(1))),
        fault(1, 10, .slowCPU(.replica(2), factor: 2)),
        fault(5, 10, .slowCPU(.replica(2), factor: 5)),
        fault(1, 10, .clock(.replica(2), .drift(0.5))),
        fault(5, 10, .clock(.replica(2), .drift(0.25))),
        fault(1, 10, .disk(.replica(2), .slow(.milliseconds(1)))),
        fault(5, 10, .disk(.replica(2), .slow(.milliseconds(2)))),
      ])
    trial.pass(to: 6)
    #expect(trial.nodes[2].slowness == 10 && trial.nodes[2].extraSyncTime == 3_000_000)
    trial.pass(to: 12)
    #expect(!trial.nodes[0].isUp && trial.nodes[1].isPaused)
    #expect(trial.nodes[2].slowness == 5 && trial.nodes[2].extraSyncTime == 2_000_000)
    trial.pass(to: 16)
    #expect(trial.nodes[0].isUp && !trial.nodes[1].isPaused)
    #expect(trial.nodes[2].slowness == 1 && trial.nodes[2].extraSyncTime == 0)
    // Ten milliseconds with a drift of one half, and ten with one quarter more.
    #expect(trial.nodes[2].clock.timerTime(at: 16_000_000) == 23_500_000)
    #expect(trial.injected.count == 10 && trial.ledger.entries.isEmpty)
  }
}

@Suite struct RestartTests {
  private static func fault(
    _ at: Int64, until end: Int64, _ action: FaultAction
  ) -> TimedFault {
    TimedFault(at: .milliseconds(at), duration: .milliseconds(end - at), action: action)
  }

  @Test("A restarted node is subject to the faults still in effect")
  func faultsOutliveProcess() {
    var trial = probes(
      1,
      faults: [
        Self.fault(1, until: 20, .slowCPU(.replica(0), factor: 3)),
        Self.fault(1, until: 20, .disk(.replica(0), .slow(.milliseconds(2)))),
        Self.fault(1, until: 20, .disk(.replica(0), .stall)),
        Self.fault(1, until: 20, .clock(.replica(0), .drift(0.5))),
        Self.fault(2, until: 6, .crash(.replica(0), disk: .kept)),
      ])
    trial.pass(to: 10)
    let node = trial.nodes[0]
    #expect(node.isUp && node.slowness == 3 && node.extraSyncTime == 2_000_000)
    #expect(node.diskIsStalled && node.clock.faultDrift == 0.5)
    trial.tell(0, Probe.persist + 1)
    trial.pass(to: 19)
    #expect(trial.nodes[0].unsyncedCount == 1)
    trial.pass(to: 30)
    #expect(trial.nodes[0].slowness == 1 && trial.nodes[0].extraSyncTime == 0)
    #expect(trial.nodes[0].unsyncedCount == 0 && trial.nodes[0].clock.faultDrift == 0)
  }

  @Test("A restarted node reads its log before it is up, and decodes it before other work")
  func readingLog() {
    var trial = probes(
      2,
      faults: [
        Self.fault(15, until: 20, .crash(.replica(0), disk: .kept)),
        Self.fault(21, until: 25, .crash(.replica(0), disk: .kept)),
      ]
    ) {
      // A record is 16 bytes: one millisecond of the disk and 1.6 of the processor.
      $0.environment.disk.bandwidth = 16_000
      $0.environment.cpu.perByte = .microseconds(100)
    }
    trial.nodes[0].log = [1, 2]
    trial.nodes[0].barrier = DurabilityBarrier(recovered: 2)
    trial.pass(to: 21)
    // A second crash, while the log is read, only ends the reading.
    #expect(!trial.nodes[0].isUp && !trial.nodes[0].isReadingLog)
    trial.pass(to: 26)
    #expect(!trial.nodes[0].isUp && trial.nodes[0].isReadingLog)
    trial.tell(0, 9)
    trial.pass(to: 28)
    #expect(trial.nodes[0].isUp && trial.nodes[0].host.core.recovered == [1, 2])
    trial.tell(0, 4)
    trial.pass(to: 40)
    #expect(trial.nodes[0].host.core.notes.first == "start@27000")
    #expect(trial.notes(0) == ["4@30200"])
  }

  @Test("Faults that start and end while a node is down leave it down, and others hold afterwards")
  func faultsEndWhileDown() {
    var trial = probes(
      1,
      faults: [
        Self.fault(1, until: 4, .slowCPU(.replica(0), factor: 2)),
        Self.fault(2, until: 8, .crash(.replica(0), disk: .kept)),
        Self.fault(3, until: 5, .pause(.replica(0))),
        Self.fault(3, until: 20, .slowCPU(.replica(0), factor: 5)),
      ])
    trial.pass(to: 7)
    #expect(!trial.nodes[0].isUp && !trial.nodes[0].isPaused)
    trial.pass(to: 9)
    #expect(trial.nodes[0].isUp && trial.nodes[0].slowness == 5)
  }

  @Test("A node that restarts during a pause starts when the pause ends")
  func restartDuringPause() {
    var trial = probes(
      1,
      faults: [
        Self.fault(1, until: 5, .crash(.replica(0), disk: .kept)),
        Self.fault(2, until: 10, .pause(.replica(0))),
      ])
    trial.pass(to: 9)
    #expect(trial.nodes[0].isUp && trial.nodes[0].isPaused)
    #expect(trial.nodes[0].host.core.notes.isEmpty)
    trial.pass(to: 12)
    #expect(trial.nodes[0].host.core.notes == ["start@10000"])
  }
}
