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
