import Clients
import Configuration
import Experiments
import Replication
import Testing
import Workloads

private func values(_ text: String) throws -> [[String]] {
  try plan(text).points.map { $0.values.map(\.text) }
}

@Test("Zipped axes vary together, and are one factor of the product")
func zipped() throws {
  let text = """
    { sweep: { 'workload.keys': [1, 2],
      zip: { replicas: [3, 5, 7], 'workload.clients': [8, 8, 9] } } }
    """
  #expect(
    try values(text) == [
      ["1", "3", "8"], ["1", "5", "8"], ["1", "7", "9"],
      ["2", "3", "8"], ["2", "5", "8"], ["2", "7", "9"],
    ])
  let two = "{ sweep: { zip: [{ replicas: [3, 5] }, { 'workload.clients': [1, 2] }] } }"
  #expect(try values(two).count == 4)
}

@Test(
  "A search has a point per value, each a share above the one before, with both ends")
func searchedValues() throws {
  let plan = try plan(
    """
    { find: { maximum: 'workload.arrival.open', suchThat: 'p99 < 10ms',
        between: ['100/s', '200/s'], within: '25%' }, sweep: { replicas: [3, 5] } }
    """)
  #expect(plan.searchedValues == 5)
  #expect(plan.points.count == 10)
  #expect(
    plan.points.prefix(5).map { $0.values.map(\.text) } == [
      ["3", "100/s"], ["3", "125/s"], ["3", "156.3/s"], ["3", "195.3/s"], ["3", "200/s"],
    ])
  guard case .open(let rate, _) = plan.points[1].experiment.workload.arrival else {
    Issue.record("not an open loop")
    return
  }
  #expect(rate == 125)
  // The two fields that are searched most often have default ends.
  let usual = try Experiments.ExperimentPlan.read(
    text: "{ find: { maximum: 'workload.clients', suchThat: 'p99 < 10ms' } }", file: "x")
  #expect(usual.points.first?.values.map(\.text) == ["1"])
  #expect(usual.points.last?.values.map(\.text) == ["10000"])
}

@Test("A duration, a size and a share are searched in their units")
func searchedUnits() throws {
  func ends(_ path: String, _ between: String) throws -> [String] {
    try values(
      "{ find: { minimum: '\(path)', suchThat: 'p99 < 10ms', between: \(between), within: '50%' } }"
    ).map { $0[0] }
  }
  #expect(try ends("options.raft.heartbeat", "['1ms', '2ms']") == ["1ms", "1500us", "2ms"])
  #expect(try ends("workload.valueSize", "['64B', '128B']") == ["64B", "96B", "128B"])
  #expect(try ends("network.loss", "[0.01, 0.02]") == ["0.01", "0.015", "0.02"])
}

@Test("A named list entry can be addressed by its name")
func namedEntries() throws {
  let text = """
    { protocols: ['raft', { name: 'calm', protocol: 'raft', options: { preVote: false } }],
      sweep: { 'protocols.calm.options.heartbeat': ['20ms', '30ms'] } }
    """
  let points = try plan(text).points
  #expect(
    points.map { $0.experiment.protocols.map { $0.options.interval("heartbeat") } } == [
      [.milliseconds(50), .milliseconds(20)], [.milliseconds(50), .milliseconds(30)],
    ])
  #expect(
    refusal(
      "{ protocols: [{ name: 'calm', protocol: 'raft' }] }", set: ["protocols.calmer.replicas=5"]
    )
    .contains(#"found no entry named "calmer", allowed the name of an entry: "calm""#))
  #expect(
    refusal("{ sweep: { 'protocols.calm.name': ['x'] } }").contains("found a sweep over protocols"))
}

@Test("The field that a search varies cannot also be set")
func searchedAndSet() {
  let text = "{ find: { maximum: 'workload.clients', suchThat: 'p99 < 10ms' } }"
  #expect(refusal(text, set: ["workload.clients=5"]).contains("find=null beside it"))
  #expect(throws: Never.self) { try plan(text, set: ["workload.clients=5", "find=null"]) }
}
