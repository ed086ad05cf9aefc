import Clients
import Configuration
import Experiments
import Foundation
import Replication
import Testing
import Trials
import Workloads

@Test("Cures of overload are read by field, or by the name of one with its usual values")
func overload() throws {
  #expect(try experiment("{}").overload == OverloadCures())
  #expect(try experiment("{ overload: 'none' }").overload == OverloadCures())
  let several = try experiment(
    "{ overload: { queue: 64, dropLate: true, retryBudget: 0.2, backoff: ['5ms', '2s'] } }"
  ).overload
  #expect(several.limits == RequestLimits(queue: 64, dropsLate: true))
  #expect(several.retryBudget == 0.2)
  #expect(several.backoff == .milliseconds(5)...(.seconds(2)))
  let admission = try experiment("{ overload: 'admission' }").overload
  #expect(admission.limits == RequestLimits(admission: .milliseconds(20)))
  for cure in OverloadSection.cures {
    let named = try experiment("{ overload: '\(cure.name)' }").overload
    #expect(try experiment("{ overload: \(cure.section) }").overload == named)
    #expect((named == OverloadCures()) == (cure.name == "none"))
  }
  #expect(try experiment("{}").workload.limitsOutstanding)
  let unlimited = try experiment("{ workload: { outstanding: 'unlimited' } }")
  #expect(!unlimited.workload.limitsOutstanding)
  let swept = try plan("{ sweep: { overload: ['none', 'backoff'] } }")
  #expect(swept.points.map(\.values[0].text) == ["none", "backoff"])
}

@Test("The expiry of sessions is 1 h, and never close to the clients' timeout")
func sessionExpiry() throws {
  #expect(try experiment("{}").sessionExpiry == .seconds(3600))
  let slow = try experiment("{ workload: { timeout: '600s' } }")
  #expect(slow.sessionExpiry == .seconds(6000))
  let short = try experiment("{ workload: { timeout: '500ms' }, sessionExpiry: '5s' }")
  #expect(short.plan(of: short.contenders[0], seed: 1).limits.sessionExpiry == .seconds(5))
  let error = #expect(throws: ExperimentError.self) {
    try experiment("{ workload: { timeout: '500ms' }, sessionExpiry: '4s' }")
  }
  #expect("\(error!)".contains("sessionExpiry: found \"4s\", allowed"))
}

@Test("The plan of a trial has the cures; refusals are definite only where nothing is duplicated")
func overloadPlan() throws {
  let experiment = try experiment("{ overload: 'all', seed: 3 }")
  let plan = experiment.plan(of: experiment.contenders[0], seed: 3)
  #expect(plan.overload == experiment.overload)
  let retries = plan.retries(overTCP: true)
  #expect(retries.backoff == experiment.overload.backoff && retries.budget == 0.1)
  #expect(retries.tellsTimeLeft && retries.refusalsAreDefinite && retries.seed == 3)
  #expect(!plan.retries(overTCP: false).refusalsAreDefinite)
}

@Test(
  "Mistakes in overload are refused with the reason and the nearest word",
  arguments: [
    ("overload: 'backof'", #"overload: found "backof", allowed *did you mean "backoff"?"#),
    ("overload: 3", #"overload: found 3, allowed "none", "queue", *an object such as"#),
    ("overload: { queu: 3 }", #"overload.queu: found an unknown key, *did you mean "queue"?"#),
    ("overload: { queue: 0 }", "overload.queue: found 0, allowed *1...1000000"),
    ("overload: { queue: 9, admission: '1ms' }", "overload.queue: found both, allowed one of"),
    ("overload: { admission: 5 }", "overload.admission: found 5, allowed a duration"),
    ("overload: { dropLate: 1 }", "overload.dropLate: found 1, allowed true or false"),
    ("overload: { retryBudget: -1 }", "overload.retryBudget: found -1, *a number from 0 to 10"),
    ("overload: { backoff: '5ms' }", "overload.backoff: found \"5ms\", allowed two durations"),
    ("overload: { backoff: ['5ms', '1ms'] }", "overload.backoff: found *allowed two durations"),
    (
      "workload: { outstanding: 'unlimitd' }",
      #"workload.outstanding: found "unlimitd", *did you mean "unlimited"?"#
    ),
    (
      "runtime: 'cluster', overload: { dropLate: true }",
      "overload.dropLate: found true, allowed false (a process does not see how long a request has "
        + "waited in its socket)"
    ),
    (
      "runtime: 'cluster', target: { redis: '127.0.0.1:1' }, overload: 'backoff'",
      "overload.backoff: found *allowed no backoff beside target (requests to other systems are sent "
        + "once"
    ),
  ])
func overloadRefusals(text: String, message: String) {
  let found = refusal("{ \(text) }")
  var rest = found[...]
  for part in message.split(separator: "*") {
    guard let range = rest.range(of: part) else {
      Issue.record("\(part) is not in: \(found)")
      return
    }
    rest = rest[range.upperBound...]
  }
}

@Test("A node's process is told what its server is to do, and nothing about clients")
func overloadOfNodes() throws {
  #expect(OverloadSection.limitsText(try experiment("{ overload: 'backoff' }").overload) == nil)
  let text = try #require(
    OverloadSection.limitsText(
      try experiment("{ overload: { queue: 7, retryBudget: 0.1 } }").overload))
  #expect(try OverloadSection.limits(text) == RequestLimits(queue: 7))
  #expect(throws: ExperimentError.self) { try OverloadSection.limits("{ dropLate: true }") }
  #expect(try experiment("{ runtime: 'cluster', overload: 'queue' }").overload.limits.queue == 512)
}
