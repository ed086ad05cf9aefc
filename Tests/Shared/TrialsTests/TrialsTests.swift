import Replication
import Testing
import Trials
import Workloads

@Suite("Trials") struct TrialsTests {
  @Test("A broken promise is noted once, and no more than sixteen are kept")
  func violations() {
    var violations = Violations()
    for number in [1, 2, 1] { violations.note("promise \(number)") }
    #expect(violations.list == ["promise 1", "promise 2"])
    for number in 0..<40 { violations.note("promise \(number)") }
    #expect(violations.list.count == Violations.limit)
    #expect(violations.list.first == "promise 1")
  }

  @Test("A record of a plan counts nothing yet, and knows when measuring begins and ends")
  func record() {
    var plan = TrialPlan()
    plan.warmUp = .milliseconds(300)
    plan.duration = .seconds(2)
    plan.workload.clients = 7
    let record = TrialRecord(of: plan)
    #expect(record.warmUpEnd == 300_000_000 && record.measuredEnd == 2_000_000_000)
    #expect(record.clients == 7 && record.operations.isEmpty && record.lostWrites == nil)
  }

  @Test("Usage is added and subtracted count by count, whatever a node has reported")
  func usage() {
    var a = NodeUsage(node: 1, syncs: 5, logRecords: 2)
    a.garbage = 3
    let sum = a + NodeUsage(node: 2, messagesSent: 1, syncs: .max)
    #expect(sum.node == 1 && sum.messagesSent == 1 && sum.garbage == 3 && sum.logRecords == 2)
    #expect((sum - a).syncs == .max)
  }

  @Test("Of a client's requests those that are part of the state are found by number")
  func surviving() {
    var surviving = SurvivingRequests()
    func id(_ client: UInt64, _ sequence: UInt64) -> RequestID {
      RequestID(client: ClientID(client), sequence: sequence)
    }
    // The second of them was ordered again by a retry; no trial has as many clients as the last
    // number says.
    for request in [id(0, 1), id(0, 3), id(0, 3), id(1, 2), id(1 << 40, 1)] {
      surviving.insert(request)
    }
    #expect(surviving.count == 3 && SurvivingRequests().count == 0)
    #expect(surviving.contains(id(0, 3)) && surviving.contains(id(1, 2)))
    #expect(!surviving.contains(id(0, 2)) && !surviving.contains(id(9, 1)))
  }
}
