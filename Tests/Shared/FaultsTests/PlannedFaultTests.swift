import Faults
import Primitives
import Replication
import Testing

@Suite struct ChaosTests {
  func plan(_ kinds: [ChaosKind], seed: UInt64 = 1) -> [PlannedFault] {
    let chaos = Chaos(
      meanTimeBetween: .milliseconds(40), meanTimeToRepair: .milliseconds(20), kinds: kinds,
      from: .seconds(1), until: .seconds(9))
    var random = RandomStream(seed: seed)
    return PlannedFault.plan(
      FaultScript(chaos: [chaos]), duration: .seconds(10), random: &random)
  }

  @Test("Chaos is one fault at a time, within its bounds, at the given rates")
  func oneAtATime() {
    let plan = plan(ChaosKind.allCases)
    #expect(plan.first!.start >= .zero + .seconds(1) && plan.last!.end! <= .zero + .seconds(9))
    for (one, next) in zip(plan, plan.dropFirst()) { #expect(one.end! <= next.start) }
    // Eight seconds with a fault every 60 ms.
    #expect(plan.count > 90 && plan.count < 180)
    #expect(Set(plan.map(\.action.kind)).count >= 7)
  }

  @Test("Chaos is the same for the same seed, and empty without kinds")
  func seeds() {
    #expect(plan([.crash]).map(\.start) == plan([.crash]).map(\.start))
    #expect(plan([.crash]).map(\.start) != plan([.crash], seed: 2).map(\.start))
    #expect(plan([]).isEmpty)
  }

  @Test("A script is sorted by time, and faults that would start after the end are left out")
  func order() {
    func fault(_ at: Int64) -> TimedFault {
      TimedFault(at: .seconds(at), duration: nil, action: .pause(.random))
    }
    var random = RandomStream(seed: 1)
    let plan = PlannedFault.plan(
      FaultScript(timed: [fault(7), fault(2), fault(10), fault(5)]), duration: .seconds(10),
      random: &random)
    #expect(plan.map(\.start) == [2, 5, 7].map { .zero + .seconds($0) })
    #expect(plan.allSatisfy { $0.end == nil })
  }
}
