import Configuration
import Experiments
import Testing
import Workloads

@Test("Operations, rates of clients and conflicts are read, for groups too")
func loadLimits() throws {
  let plain = try experiment("{}").workload
  #expect(plain.operations == nil && plain.clientRate == nil && plain.rates == [])
  let unlimited = "{ workload: { operations: 'unlimited', clientRate: 'unlimited' } }"
  #expect(try experiment(unlimited).workload == plain)
  let spec = try experiment(
    """
    { workload: { operations: 1e5, clientRate: '50/s', distribution: { conflict: 0.25 },
      groups: [{}, { clientRate: '10/s' }] } }
    """
  ).workload
  #expect(spec.operations == 100_000 && spec.clientRate == 50 && spec.rates == [50, 10])
  #expect(spec.distribution == .conflict(share: 0.25))
}

@Test(
  "Mistakes in limits of the load are refused with the reason and the nearest word",
  arguments: [
    ("operations: 0", "workload.operations: found 0, allowed a whole number 1...1000000000"),
    ("operations: 'unlimitd'", "did you mean \"unlimited\"?"),
    ("operationCount: 5", "did you mean \"operations\"?"),
    ("clientRate: 0", "workload.clientRate: found 0"),
    ("clientRate: '0/s'", "workload.clientRate: found \"0/s\", allowed a rate"),
    (
      "arrival: { open: '9/s' }, clientRate: '9/s'",
      "found \"9/s\", allowed a clientRate only with arrival \"closed\""
    ),
    (
      "arrival: { open: '9/s' }, groups: [{ clientRate: '9/s' }]",
      "workload.groups[0].clientRate: found \"9/s\", allowed a clientRate only with"
    ),
    ("distribution: { conflict: 2 }", "workload.distribution.conflict: found 2"),
    (
      "keys: 8, clients: 8, distribution: { conflict: 0.5 }",
      "workload.keys: found 8 keys for 8 clients, allowed more keys than clients"
    ),
    (
      "distribution: { conflict: 0.5 }, groups: [{ keys: [0, 4] }]",
      "beside the distribution conflict"
    ),
  ])
func loadLimitRefusals(text: String, message: String) {
  #expect(refusal("{ workload: { \(text) } }").contains(message))
}
