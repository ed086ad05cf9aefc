import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Stubs
import Testing
import Trials

@testable import Simulation

@Suite struct DiskTests {
  @Test("No send leaves before its record is durable, and one sync covers all waiting records")
  func groupCommit() {
    var trial = probes()
    trial.tell(0, Probe.persist + 1)
    trial.tell(0, Probe.early + 9)
    trial.pass(to: 1)
    trial.tell(0, Probe.persist + 2)
    trial.pass(to: 2)
    trial.tell(0, Probe.persist + 3)
    trial.pass(to: 30)
    #expect(trial.notes(1) == ["9@1000", "1@6000", "2@11000", "3@11000"])
    #expect(trial.nodes[0].usage.syncs == 2)
  }

  @Test("Without group commit every turn's record has its own sync")
  func noGroupCommit() {
    var trial = probes { $0.environment.disk.groupCommit = false }
    for record in 1...3 as ClosedRange<UInt64> { trial.tell(0, Probe.persist + record) }
    trial.pass(to: 30)
    #expect(trial.notes(1) == ["1@6000", "2@11000", "3@16000"])
    #expect(trial.nodes[0].usage.syncs == 3)
  }

  @Test("Without group commit the records of one turn share a sync")
  func oneTurn() {
    var trial = probes {
      $0.environment.disk.groupCommit = false
      $0.environment.cpu.perMessage = .milliseconds(4)
    }
    // The second and the third arrive while the processor is busy.
    for record in 1...3 as ClosedRange<UInt64> { trial.tell(0, Probe.persist + record) }
    trial.pass(to: 60)
    #expect(trial.nodes[0].usage.syncs == 2)
  }

  @Test("A sync takes time in proportion to its bytes, with and without group commit")
  func bandwidth() {
    for (groupCommit, expected) in [
      (true, ["1@7000", "2@14000", "3@14000"]), (false, ["1@7000", "2@13000", "3@19000"]),
    ] {
      var trial = probes {
        // A record takes 8 bytes and 8 more: one millisecond.
        $0.environment.disk.bandwidth = 16_000
        $0.environment.disk.groupCommit = groupCommit
      }
      for record in 1...3 as ClosedRange<UInt64> { trial.tell(0, Probe.persist + record) }
      trial.pass(to: 30)
      #expect(trial.notes(1) == expected)
    }
  }

  @Test("Sends that waited for the disk leave when the processor is free, and are charged then")
  func heldSends() {
    var trial = probes { $0.environment.cpu.perMessage = .milliseconds(4) }
    trial.tell(0, Probe.persist + 1)
    trial.pass(to: 8)
    #expect(trial.nodes[0].usage.busyNs == 4_000_000)
    trial.tell(0, Probe.cancelBell)
    trial.pass(to: 11)
    // The sync from 4 to 9 ms ends while the processor receives a message until 12 ms; 1 ms is the
    // link's latency.
    #expect(trial.nodes[0].usage.busyNs == 8_000_000)
    trial.pass(to: 30)
    #expect(trial.nodes[0].usage.busyNs == 12_000_000)
    #expect(trial.notes(1) == ["1@17000"])
  }

  @Test("Each disk draws the times of its syncs from its own stream")
  func ownStreams() {
    func times(_ order: [(node: Int, record: UInt64)], of node: Int) -> [Interval] {
      var trial = probes {
        $0.environment.disk.sync = .uniform(.milliseconds(1)...(.milliseconds(2)))
      }
      var times: [Interval] = []
      for (count, sync) in order.enumerated() {
        trial.tell(sync.node, Probe.persist + sync.record)
        let start = trial.world.now
        while trial.nodes[sync.node].isSyncing {
          trial.world.now = trial.world.queue.nextTime
          trial.happenNext()
        }
        if sync.node == node { times.append(trial.world.now - start) }
        trial.pass(to: Int64(count + 1) * 10)
      }
      return times
    }
    let alone = times([(0, 1), (0, 2), (0, 3)], of: 0)
    #expect(Set(alone).count == 3)
    #expect(times([(1, 4), (0, 1), (1, 5), (0, 2), (0, 3)], of: 0) == alone)
    #expect(times([(1, 1), (1, 2), (1, 3)], of: 1) != alone)
  }

  @Test("Effects of a message to the node itself do not overtake sends that were held longer")
  func ownMessages() {
    var trial = probes()
    trial.tell(0, Probe.viaSelf)
    trial.pass(to: 30)
    #expect(trial.notes(1) == ["7@6000", "8@6000"])
  }

  @Test("A crash loses volatile records and the sends that waited for them")
  func crash() {
    var trial = probes()
    trial.tell(0, Probe.persist + 1)
    trial.pass(to: 1)
    trial.tell(0, Probe.persist + 2)
    trial.pass(to: 7)
    trial.nodes[0].crash(keepingTorn: 0)
    trial.pass(to: 20)
    trial.nodes[0].restart(in: &trial.world)
    trial.tell(0, Probe.persist + 3)
    trial.pass(to: 40)
    #expect(trial.nodes[0].host.core.recovered == [1] && trial.nodes[0].log == [1, 3])
    #expect(trial.notes(1) == ["1@6000", "3@26000"])
  }

  @Test("A torn crash keeps a prefix of the bytes being written")
  func torn() {
    var trial = probes()
    for record in 1...3 as ClosedRange<UInt64> { trial.tell(0, Probe.persist + record) }
    trial.nodes[0].crash(keepingTorn: 2)
    trial.nodes[0].restart(in: &trial.world)
    #expect(trial.nodes[0].host.core.recovered == [1, 2])
  }

  @Test("A stalled disk ends no sync until all stalls are over; a slow disk takes longer")
  func stall() {
    var trial = probes()
    trial.tell(0, Probe.persist + 1)
    for key in [1, 2] {
      trial.ledger.add(.stalledDisk([0]), key: key)
      trial.adopt(.stalledDisk([0]))
    }
    trial.pass(to: 10)
    trial.endFault(1)
    trial.pass(to: 20)
    #expect(trial.notes(1).isEmpty)
    trial.endFault(2)
    trial.pass(to: 30)
    #expect(trial.notes(1) == ["1@21000"])
    trial.nodes[0].extraSyncTime = 10_000_000
    trial.tell(0, Probe.persist + 2)
    trial.pass(to: 60)
    #expect(trial.notes(1).last == "2@46000")
  }

  @Test("A disk without syncs can be stalled and slow at once, and keeps the order when it resumes")
  func stalledWithoutSync() {
    var trial = probes { $0.environment.disk.sync = nil }
    trial.nodes[0].diskIsStalled = true
    trial.nodes[0].extraSyncTime = 3_000_000
    trial.tell(0, Probe.persist + 1)
    trial.pass(to: 10)
    trial.nodes[0].resumeDisk(in: &trial.world)
    trial.tell(0, Probe.persist + 2)
    trial.pass(to: 30)
    #expect(trial.notes(1).map { $0.prefix(2) } == ["1@", "2@"])
    #expect(trial.nodes[0].barrier.isOpen)
    trial.tell(0, Probe.persist + 3)
    trial.pass(to: 40)
    #expect(trial.notes(1).last == "3@34000")
  }
}

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
