import Environments
import Histories
import ProtocolList
import Replication
import Simulation
import Testing
import Trials
import Workloads

/// Traces every operation of a swarm trial, or of a given plan.
private struct TracedTrial: ProtocolVisitor {
  typealias Outcome = (record: TrialRecord, operations: [Operation])

  let kind: ProtocolKind
  let plan: SwarmPlan
  var every: Int?
  var environment: Environment?

  static func run(
    _ kind: ProtocolKind, _ plan: SwarmPlan, every: Int? = 1, environment: Environment? = nil
  ) -> Outcome {
    var trial = TracedTrial(kind: kind, plan: plan, every: every, environment: environment)
    return kind.visit(&trial)
  }

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> Outcome {
    var setup = plan.setup(of: core, for: kind, bug: nil)
    setup.plan.warmUp = .milliseconds(100)
    setup.plan.traceEvery = every
    if let environment { setup.environment = environment }
    var trial = Trial(setup, load: KeyValueLoad(plan.workload, seed: plan.seed))
    guard let record = trial.run() else { preconditionFailure("no caller stops the trial") }
    return (record, trial.load.operations)
  }
}

@Suite("Where the time went")
struct TimeTraceTests {
  @Test(
    "Under chaos the parts of every operation add up to its latency",
    arguments: ProtocolKind.allCases)
  func partsAddUp(kind: ProtocolKind) throws {
    for seed in 1...8 as ClosedRange<UInt64> {
      let (record, operations) = TracedTrial.run(kind, SwarmPlan(seed: seed))
      let trace = try #require(record.timeTrace)
      for operation in trace.operations {
        for (part, members) in zip(operation.partsNs, operation.membersNs) {
          #expect(0 <= members && members <= part)
        }
      }
      // Each answered operation that was due in the measured interval is there, with its latency.
      let answered = operations.filter {
        $0.outcome == .ok && $0.intended >= record.warmUpEndNs && $0.intended < record.measuredEndNs
      }
      #expect(trace.forgotten == 0 && answered.count > 10)
      #expect(
        answered.map { [$0.intended, $0.returned - $0.intended] }.sorted {
          $0.lexicographicallyPrecedes($1)
        }
          == trace.operations.map { [$0.dueNs, $0.latencyNs] }
          .sorted { $0.lexicographicallyPrecedes($1) })
    }
  }

  @Test(
    "Tracing changes no event; one of so many operations is traced",
    arguments: ProtocolKind.allCases)
  func changesNothing(kind: ProtocolKind) throws {
    let plan = SwarmPlan(seed: 5)
    let traced = TracedTrial.run(kind, plan)
    let sampled = TracedTrial.run(kind, plan, every: 4)
    let plain = TracedTrial.run(kind, plan, every: nil)
    #expect(plain.record.timeTrace == nil)
    #expect(plain.record.traceHash == traced.record.traceHash)
    #expect(plain.record.eventsProcessed == traced.record.eventsProcessed)
    #expect(plain.operations == traced.operations && plain.operations == sampled.operations)
    let all = try #require(traced.record.timeTrace?.operations.count)
    let few = try #require(sampled.record.timeTrace?.operations.count)
    #expect(few > all / 8 && few < all / 2)
  }

  /// One client, links of 1 ms, syncs of 10 ms, and processors that take no time.
  private func calm(_ kind: ProtocolKind, clients: Int = 1) throws -> [OperationBreakdown] {
    var plan = SwarmPlan(seed: 1, faults: [])
    plan.workload.clients = clients
    plan.workload.timeout = .seconds(1)
    var environment = Environment.standard
    environment.network.latency = .constant(.milliseconds(1))
    environment.network.nic = nil
    environment.disk = DiskModel(sync: .constant(.milliseconds(10)))
    environment.cpu.perMessage = .zero
    environment.cpu.perByte = .zero
    environment.cpu.apply = .zero
    let outcome = TracedTrial.run(kind, plan, environment: environment)
    return try #require(outcome.record.timeTrace).operations
  }

  /// In milliseconds.
  private func median(_ operations: [OperationBreakdown], _ part: LatencyPart) -> Double {
    median(operations.map { $0.partsNs[part.index] })
  }

  private func median(_ operations: [OperationBreakdown], ofMembers part: LatencyPart) -> Double {
    median(operations.map { $0.membersNs[part.index] })
  }

  private func median(_ values: [Int64]) -> Double {
    Double(values.sorted()[values.count / 2]) / 1e6
  }

  @Test("A write of Raft waits for its client's wire, one round between nodes and one sync")
  func raftWrite() throws {
    let writes = try calm(.raft).filter { !$0.isRead }
    #expect(writes.count > 10)
    #expect(median(writes, .clientWire) == 2)
    #expect(median(writes, .nodeWire) == 2)
    #expect(median(writes, .disk) == 10)
    for part in [LatencyPart.sending, .retry, .processor, .processorWait, .timer, .other] {
      #expect(median(writes, part) == 0, "\(part)")
    }
    // The faster follower is the quorum's last member: the leader's own sync has ended before.
    #expect(median(writes, ofMembers: .nodeWire) == 2 && median(writes, ofMembers: .disk) == 10)
  }

  @Test("A write of a chain passes from node to node, and its syncs overlap")
  func chainWrite() throws {
    let writes = try calm(.chainReplication).filter { !$0.isRead }
    #expect(writes.count > 10)
    #expect(median(writes, .clientWire) == 2)
    #expect(median(writes, .nodeWire) + median(writes, .disk) + median(writes, .diskWait) == 12)
    #expect(median(writes, .disk) == 10)
    // The mark that the head's records are durable comes last: behind the head's own sync it passes
    // two links, which are the wait for the other members.
    #expect(
      writes.allSatisfy {
        $0.membersNs
          == $0.partsNs.enumerated().map {
            $0.offset == LatencyPart.nodeWire.index ? $0.element : 0
          }
      })
    #expect(median(writes, ofMembers: .nodeWire) == 2)
  }

  @Test("Without replication a read takes its client's wire and nothing else")
  func unreplicatedRead() throws {
    let reads = try calm(.unreplicated).filter(\.isRead)
    #expect(reads.count > 10)
    #expect(reads.allSatisfy { $0.partsNs[LatencyPart.clientWire.index] == $0.latencyNs })
    #expect(reads.allSatisfy { $0.membersNs.allSatisfy { $0 == 0 } })
  }

  @Test("With many clients, records wait for the sync before theirs")
  func waitsForDisk() throws {
    let writes = try calm(.unreplicated, clients: 8).filter { !$0.isRead }
    let waiting = writes.filter { $0.partsNs[LatencyPart.diskWait.index] > 0 }
    #expect(waiting.count > writes.count / 4)
    #expect(median(writes, .disk) == 10)
  }
}
