import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Stubs
import Testing
import Trials

@testable import Simulation

/// Tests processes that stop at any point, and faults that overlap.
@Suite struct PauseTests {
  @Test("A node stopped inside a turn has handled the first event, and sends after the pause")
  func pauseInsideTurn() {
    var trial = probes()
    trial.nodes[0].stopInsideTurn()
    trial.nodes[0].isPaused = true
    trial.pass(to: 2)
    trial.tell(0, Probe.viaSelf)
    trial.tell(0, Probe.early + 2)
    // A second pause finds it inside the turn.
    trial.nodes[0].stopInsideTurn()
    trial.pass(to: 20)
    #expect(trial.notes(0) == ["5000@2000"] && trial.notes(1).isEmpty)
    #expect(trial.nodes[0].unsyncedCount == 0)
    trial.nodes[0].resume(in: &trial.world)
    trial.pass(to: 40)
    #expect(trial.notes(0) == ["5000@2000", "4002@20000", "5001@25000"])
    #expect(trial.notes(1) == ["2@21000", "7@26000", "8@26000"])
  }

  @Test("The decisions of a node stopped inside a turn are lost if it crashes there")
  func crashInsideTurn() {
    var trial = probes()
    trial.nodes[0].stopInsideTurn()
    trial.nodes[0].isPaused = true
    trial.tell(0, Probe.persist + 1)
    trial.nodes[0].crash(keepingTorn: 0)
    trial.nodes[0].restart(in: &trial.world)
    trial.nodes[0].resume(in: &trial.world)
    trial.pass(to: 20)
    #expect(trial.nodes[0].host.core.recovered.isEmpty && trial.notes(1).isEmpty)
    #expect(!trial.nodes[0].standsInsideTurn && !trial.nodes[0].pausesInsideTurn)
  }

  @Test("The seed decides whether a pause finds a node between two turns or inside one")
  func pausesAnywhere() {
    let insides = (1...40 as ClosedRange<UInt64>).count { seed in
      let pause = TimedFault(
        at: .milliseconds(1), duration: .milliseconds(9), action: .pause(.replica(0)))
      var trial = probes(faults: [pause]) { $0.plan.seed = seed }
      trial.pass(to: 2)
      trial.tell(0, 1)
      trial.pass(to: 20)
      #expect(["1@2000", "1@10000"].contains(trial.notes(0).first))
      return trial.notes(0).first == "1@2000"
    }
    #expect((10...30).contains(insides))
  }

  @Test("Neither a step of the wall clock nor a pause moves the time that the core sees")
  func steps() {
    var trial = probes(faults: [
      TimedFault(
        at: .milliseconds(2), duration: nil, action: .clock(.replica(0), .jump(.seconds(-5))))
    ])
    trial.pass(to: 3)
    trial.nodes[0].isPaused = true
    trial.tell(0, 1)
    trial.pass(to: 10)
    trial.nodes[0].resume(in: &trial.world)
    trial.pass(to: 11)
    #expect(trial.notes(0) == ["1@10000"])
    #expect(trial.nodes[0].clock.wallTime(at: 0) == Instant(nanoseconds: 3_595_000_000_000))
  }

  private static func someFault(_ random: inout RandomStream) -> TimedFault {
    var link = LinkDegradation()
    link.loss = 0.5
    link.bandwidth = 1e6
    let node = FaultTarget.replica(random.below(2))
    let actions: [FaultAction] = [
      .crash(node, disk: .kept), .crash(node, disk: .torn), .pause(node),
      .slowCPU(node, factor: 3), .partition(.isolate(node)), .partition(.oneWay(node, .inbound)),
      .link(node, link), .clock(node, .drift(0.1)), .clock(node, .jump(.seconds(1))),
      .disk(node, .slow(.milliseconds(3))), .disk(node, .stall),
    ]
    return TimedFault(
      at: .milliseconds(Int64(random.below(40))),
      duration: .milliseconds(Int64(1 + random.below(40))),
      action: actions[random.below(actions.count)])
  }

  @Test("After overlapping faults a node is intact, and handles the events that came")
  func overlaps() {
    for seed in 1...60 as ClosedRange<UInt64> {
      var random = RandomStream(seed: seed)
      let faults = (0..<20).map { _ in PauseTests.someFault(&random) }
      var trial = probes(3, faults: faults) { $0.plan.seed = seed }
      for time in stride(from: 1 as Int64, to: 100, by: 1) {
        trial.pass(to: time)
        if time < 80 { trial.tell(Int(time % 2), Probe.persist + UInt64(time)) }
      }
      for number in 0..<2 {
        let node = trial.nodes[number]
        #expect(node.isUp && !node.isPaused && !node.standsInsideTurn, "seed \(seed)")
        #expect(!node.pausesInsideTurn && !node.diskIsStalled, "seed \(seed)")
        #expect(node.slowness == 1 && node.extraSyncTime == 0, "seed \(seed)")
        #expect(node.clock.faultDrift == 0, "seed \(seed)")
      }
      #expect(trial.world.network.degradations.isEmpty, "seed \(seed)")
      let isCut = trial.world.network.links.indices.contains { link in
        trial.world.network.links[link].isCut
      }
      #expect(!isCut, "seed \(seed)")
      #expect(trial.ledger.entries.isEmpty, "seed \(seed)")
      for number in 0..<2 { trial.tell(number, 9) }
      trial.pass(to: 200)
      for number in 0..<2 {
        #expect(trial.notes(number).contains { $0.hasPrefix("9@") }, "seed \(seed)")
        #expect(trial.nodes[number].unsyncedCount == 0, "seed \(seed)")
      }
    }
  }
}
