import Environments
import Faults
import Histories
import ReplicaHosting
import Replication
import Stubs
import Testing
import Trials
import Unreplicated
import Workloads

@testable import Simulation

@Suite struct TrialTests {
  func run(
    seed: UInt64 = 1, configure: (inout TrialSetup<UnreplicatedServer>) -> Void = { _ in }
  ) -> (operations: [Operation], record: TrialRecord) {
    var setup = TrialSetup<UnreplicatedServer>(
      membership: Membership(replicas: 3), options: UnreplicatedServer.Options())
    setup.plan.duration = .milliseconds(300)
    setup.plan.warmUp = .milliseconds(50)
    setup.plan.workload.clients = 4
    setup.plan.seed = seed
    setup.checksInvariants = true
    configure(&setup)
    var spec = WorkloadSpec()
    spec.clients = setup.plan.workload.clients
    var trial = Trial(setup, load: KeyValueLoad(spec, seed: seed))
    let record = trial.run()!
    return (trial.load.operations, record)
  }

  func chaos(_ setup: inout TrialSetup<UnreplicatedServer>) {
    setup.plan.workload.timeout = .milliseconds(50)
    setup.environment.network.loss = 0.01
    setup.environment.network.duplicate = 0.01
    setup.environment.network.reorder = 0.01
    setup.environment.clocks = ClockModel(maxSkew: .milliseconds(5), maxDrift: 0.01)
    setup.plan.faults = FaultScript(chaos: [
      Chaos(
        meanTimeBetween: .milliseconds(10), meanTimeToRepair: .milliseconds(10),
        kinds: ChaosKind.allCases, from: .zero, until: .milliseconds(300))
    ])
  }

  @Test(
    "The same seed gives the same trial to the last bit; another one differs", arguments: [1, 2, 3])
  func determinism(seed: UInt64) {
    let first = run(seed: seed, configure: chaos)
    let again = run(seed: seed, configure: chaos)
    #expect(first.operations == again.operations)
    #expect(first.record.traceHash == again.record.traceHash)
    #expect(first.record.eventsProcessed == again.record.eventsProcessed)
    #expect(first.record.faults.map(\.nodes) == again.record.faults.map(\.nodes))
    #expect(run(seed: seed + 10, configure: chaos).record.traceHash != first.record.traceHash)
  }

  @Test("With a number of operations the measured part ends at its last answer, and faults with it")
  func operations() {
    let crash = FaultScript(timed: [
      TimedFault(
        at: .milliseconds(250), duration: nil, action: .crash(.replica(0), disk: .kept))
    ])
    let (operations, record) = run { setup in
      setup.plan.workload.operations = 40
      setup.plan.faults = crash
    }
    let answered = operations.map(\.returned).filter { $0 >= record.warmUpEndNs }.sorted()
    #expect(record.measuredEndNs == answered[39] + 1 && record.measuredEndNs < 250_000_000)
    #expect(record.faults.isEmpty)
    let longer = run { setup in
      setup.plan.workload.operations = 1_000_000
      setup.plan.faults = crash
    }
    #expect(longer.record.measuredEndNs == 300_000_000 && longer.record.faults.count == 1)
  }

  @Test("Clients with a rate do no more, and the rates of groups differ")
  func clientRates() {
    let (operations, record) = run { setup in
      setup.plan.duration = .milliseconds(1_050)
      setup.plan.workload.groups = [ClientGroup(clientRate: 100), ClientGroup(clientRate: 20)]
    }
    let measured = operations.filter { $0.invoked >= record.warmUpEndNs }
    for client in 0..<4 as Range<UInt32> {
      let count = measured.count { $0.client == client }
      #expect(abs(count - (client % 2 == 0 ? 100 : 20)) <= 1, "\(count) of client \(client)")
    }
  }

  @Test("Under chaos acknowledged writes survive, and no promise is broken")
  func chaosSurvived() {
    for seed in 1...5 as ClosedRange<UInt64> {
      let (operations, record) = run(seed: seed, configure: chaos)
      #expect(record.safetyViolations.isEmpty)
      let acknowledged = operations.filter { $0.outcome == .ok && $0.kind == .put }
      #expect(!acknowledged.isEmpty)
      for operation in acknowledged {
        let id = RequestID(client: ClientID(UInt64(operation.client)), sequence: operation.sequence)
        if !record.surviving!.contains(id) { Issue.record("\(id) of seed \(seed) is lost") }
      }
    }
  }

  @Test("A crash without an end is repaired before surviving writes are counted")
  func settling() {
    let (operations, record) = run {
      $0.plan.faults = FaultScript(timed: [
        TimedFault(at: .milliseconds(200), duration: nil, action: .crash(.replica(0), disk: .kept))
      ])
    }
    #expect(record.leadership.last?.leader == nil && record.faults.map(\.endNs) == [nil])
    let last = operations.filter { $0.outcome == .ok }.map(\.returned).max()!
    #expect(last > 190_000_000 && last < 202_000_000)
    let put = operations.last { $0.outcome == .ok && $0.kind == .put }!
    #expect(
      record.surviving!.contains(
        RequestID(client: ClientID(UInt64(put.client)), sequence: put.sequence)))
  }

  @Test("Windows show the node in charge, and nodes their work after the warm-up")
  func record() {
    let (operations, record) = run()
    #expect(record.leadership == [LeadershipSample(timeNs: 0, leader: 0, epoch: 1)])
    let measured = operations.filter { $0.outcome == .ok && $0.returned > 50_000_000 }
    let server = record.nodes[0]
    #expect(abs(server.messagesReceived - measured.count) <= 8)
    #expect(abs(server.messagesSent - server.messagesReceived) <= 8)
    #expect(server.bytesWritten > 0 && server.syncs > 0 && server.busyNs > 0)
    #expect(record.nodes[2].messagesReceived == 0)
  }

  @Test("No answer to an update comes before its sync has ended")
  func latencyFloor() {
    let (operations, _) = run {
      $0.environment.network = NetworkModel(latency: .constant(.microseconds(100)))
      $0.environment.disk.sync = .constant(.milliseconds(2))
    }
    let answered = operations.filter { $0.outcome == .ok }
    #expect(answered.filter { $0.kind == .put }.allSatisfy { $0.returned - $0.invoked > 2_200_000 })
    #expect(answered.contains { $0.kind == .get && $0.returned - $0.invoked < 1_000_000 })
  }
}
