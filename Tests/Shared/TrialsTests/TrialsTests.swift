import Replication
import Testing
import Trials
import Workloads

@Suite("Trials") struct TrialsTests {
  @Test("A broken promise is recorded once, with its first time and a count; at most 16 are kept")
  func violations() {
    var violations = Violations()
    for (second, number) in [1, 2, 1].enumerated() {
      violations.note("promise \(number)", at: .zero + .microseconds(1_007_900) * second)
    }
    let expected = ["promise 1 (first at 0.000 s, 2 times)", "promise 2 (at 1.007 s)"]
    #expect(violations.list == expected)
    for number in 0..<40 { violations.note("promise \(number)", at: .zero + .seconds(70)) }
    #expect(violations.list.count == Violations.limit)
    #expect(violations.list[0] == "promise 1 (first at 0.000 s, 3 times)")
    #expect(violations.list[2] == "promise 0 (at 70.000 s)")
  }

  @Test("A new record has zero counts and the plan's measured interval")
  func record() {
    var plan = TrialPlan()
    plan.warmUp = .milliseconds(300)
    plan.duration = .seconds(2)
    plan.workload.clients = 7
    let record = TrialRecord(of: plan)
    #expect(record.warmUpEndNs == 300_000_000 && record.measuredEndNs == 2_000_000_000)
    #expect(record.clients == 7 && record.operations.isEmpty && record.lostWrites == nil)
  }

  @Test("Usage is added and subtracted count by count, whatever values a node reports")
  func usage() {
    var a = NodeUsage(node: 1, syncs: 5, logRecords: 2)
    a.garbage = 3
    let sum = a + NodeUsage(node: 2, messagesSent: 1, syncs: .max)
    #expect(sum.node == 1 && sum.messagesSent == 1 && sum.garbage == 3 && sum.logRecords == 2)
    #expect((sum - a).syncs == .max)
  }

  @Test("A client's requests that are part of the state are found by number")
  func surviving() {
    var surviving = SurvivingRequests()
    func id(_ client: UInt64, _ sequence: UInt64) -> RequestID {
      RequestID(client: ClientID(client), sequence: sequence)
    }
    // The second request was ordered again by a retry; the last number is larger than the number of
    // clients of any trial.
    for request in [id(0, 1), id(0, 3), id(0, 3), id(1, 2), id(1 << 40, 1)] {
      surviving.insert(request)
    }
    #expect(surviving.count == 3 && SurvivingRequests().count == 0)
    #expect(surviving.contains(id(0, 3)) && surviving.contains(id(1, 2)))
    #expect(!surviving.contains(id(0, 2)) && !surviving.contains(id(9, 1)))
  }
}
