import ProtocolList
import ReplicaHosting
import Replication
import Simulation
import Testing
import Workloads

/// Starts replicas anew, beside the running ones, from what is on their disks.
struct RecoverySurvey: ProtocolVisitor {
  let kind: ProtocolKind
  private(set) var comparisons = 0
  private(set) var longestLog = 0
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
        guard nodes[number].isUp else { return }
        compare(
          nodes[number].host.core, number, nodes[number].log,
          durable: nodes[number].barrier.durableCount, setup)
      }
    }
  }

  private mutating func compare<Core: ReplicaCore>(
    _ live: Core, _ number: Int, _ log: [Core.Record], durable: Int, _ setup: TrialSetup<Core>
  ) {
    comparisons += 1
    longestLog = max(longestLog, log.count)
    let (fresh, effects) = start(number, log[..<durable], setup)
    let (again, same) = start(number, log[..<durable], setup)
    expect(fresh.status == again.status, "two recoveries differ")
    expect(effects.sends == same.sends && effects.records == same.records, "two starts differ")
    expect(fresh.invariantViolation() == nil, fresh.invariantViolation() ?? "")
    expect(fresh.status.commitIndex <= live.status.lastIndex, "more is committed than was held")
    expect(fresh.status.epoch <= live.status.epoch, "the epoch is from the future")
    guard durable == log.count else { return }
    expect(
      fresh.status.lastIndex == live.status.lastIndex,
      "recovered up to \(fresh.status.lastIndex), live up to \(live.status.lastIndex)")
    // What a start itself makes durable is recovered as well.
    let (second, _) = start(number, log[...] + effects.records, setup)
    expect(second.status.lastIndex == fresh.status.lastIndex, "the second restart differs")
    expect(second.status.epoch >= fresh.status.epoch, "the second restart forgets the epoch")
  }

  private func start<Core: ReplicaCore>(
    _ number: Int, _ records: ArraySlice<Core.Record>, _ setup: TrialSetup<Core>
  ) -> (core: Core, effects: Effects<Core>) {
    var core = Core(id: ReplicaID(number), membership: setup.membership, options: setup.options)
    var effects = Effects<Core>()
    for record in records { core.recover(record) }
    core.handle(.started, at: Instant(nanoseconds: 3_600_000_000_000), into: &effects)
    return (core, effects)
  }

  private mutating func expect(_ holds: Bool, _ problem: String) {
    if !holds, problems.count < 5 { problems.append(problem) }
  }
}

@Suite("Recovery")
struct RecoveryTests {
  @Test(
    "At any moment, a replica recovered from its durable records is where the live one is",
    arguments: ProtocolKind.allCases)
  func survey(kind: ProtocolKind) {
    var survey = RecoverySurvey(kind: kind)
    kind.visit(&survey)
    #expect(survey.problems == [])
    #expect(survey.comparisons >= 300)
    #expect(survey.longestLog >= 100)
  }
}
