import Primitives
import ProtocolList
import ReplicaHosting
import Replication
import Simulation
import Testing
import Workloads

/// Starts new replicas from the disks of the running ones, and compares both.
struct RecoverySurvey: ProtocolVisitor {
  let kind: ProtocolKind
  private(set) var comparisons = 0
  private(set) var longestLog = 0
  private(set) var longestState = 0
  private(set) var problems: [String] = []

  init(kind: ProtocolKind) { self.kind = kind }

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) {
    for seed in 1...10 as ClosedRange<UInt64> {
      let plan = SwarmPlan(seed: seed)
      let setup = plan.setup(of: core, for: kind)
      var trial = Trial(setup, load: KeyValueLoad(plan.workload, seed: seed))
      trial.prepare()
      var eventCount = 0
      trial.step(to: plan.duration) { _, nodes in
        eventCount += 1
        guard eventCount % 97 == 0 else { return }
        let number = eventCount / 97 % nodes.count
        // The decisions of a node that was stopped inside a turn are not yet on their way to the
        // disk.
        guard nodes[number].isUp, !nodes[number].standsInsideTurn else { return }
        compare(
          nodes[number].host.core, number, nodes[number].log,
          durable: nodes[number].barrier.durableCount - nodes[number].forgottenCount, setup)
      }
    }
  }

  private mutating func compare<Core: ReplicaCore>(
    _ live: Core, _ number: Int, _ log: [Core.Record], durable: Int, _ setup: TrialSetup<Core>
  ) {
    comparisons += 1
    longestLog = max(longestLog, log.count)
    let recovered = recover(number, log[..<durable], setup)
    let (fresh, effects) = start(recovered)
    let (again, same) = start(recover(number, log[..<durable], setup))
    expect(fresh.status == again.status, "two recoveries differ")
    expect(effects.sends == same.sends && effects.records == same.records, "two starts differ")
    expect(fresh.invariantViolation() == nil, fresh.invariantViolation() ?? "")
    expect(fresh.status.commitIndex <= live.status.lastIndex, "more is committed than was held")
    expect(fresh.status.epoch <= live.status.epoch, "the epoch is from the future")
    guard durable == log.count else { return }
    let state = recovered.durableState
    expectEqual(state, live.durableState, "after recovery")
    longestState = max(longestState, state.numbers.count + state.log.count)
    // Records that the start itself made durable are recovered as well.
    var second = recovered
    for record in effects.records { second.recover(record) }
    expectEqual(second.durableState, fresh.durableState, "after a second recovery")
  }

  private func start<Core: ReplicaCore>(_ recovered: Core) -> (core: Core, effects: Effects<Core>) {
    var core = recovered
    var effects = Effects<Core>()
    core.handle(.started, at: Instant(nanoseconds: 3_600_000_000_000), into: &effects)
    return (core, effects)
  }

  private func recover<Core: ReplicaCore>(
    _ number: Int, _ records: ArraySlice<Core.Record>, _ setup: TrialSetup<Core>
  ) -> Core {
    var core = Core(id: ReplicaID(number), membership: setup.membership, options: setup.options)
    for record in records { core.recover(record) }
    return core
  }

  private mutating func expectEqual(
    _ state: DurableState, _ other: DurableState, _ when: String
  ) {
    guard let difference = state.difference(from: other) else { return }
    expect(false, "\(when) \(difference)")
  }

  private mutating func expect(_ holds: Bool, _ problem: String) {
    if !holds, problems.count < 5 { problems.append(problem) }
  }
}

@Suite("Recovery")
struct RecoveryTests {
  @Test(
    "At any moment, a replica recovered from its durable records equals the live one",
    arguments: ProtocolKind.allCases)
  func survey(kind: ProtocolKind) {
    var survey = RecoverySurvey(kind: kind)
    kind.visit(&survey)
    #expect(survey.problems == [])
    #expect(survey.comparisons >= 200)
    #expect(survey.longestLog >= 100)
    // A protocol that does not expose its durable state could not be compared.
    #expect(survey.longestState >= 50)
  }
}
