import Experiments
import ProtocolList
import Replication
import Testing

/// The paths of an experiment's warnings.
private func warned(_ text: String) throws -> [String] { try plan(text).warnings.map(\.path) }

@Test("An experiment of defaults gives no warning, in either runtime")
func defaultsAreSilent() throws {
  #expect(try plan("{}").warnings == [])
  #expect(try plan("{ runtime: 'cluster' }").warnings == [])
}

@Test(
  "A doubtful value gives a warning, and a sound value near it gives none",
  arguments: [
    ("{ replicas: 4 }", "{ replicas: 5 }", "replicas"),
    (
      "{ protocols: ['viewstamped-replication'], replicas: 2 }",
      "{ protocols: ['primary-backup', 'chain-replication', 'unreplicated'], replicas: 2 }",
      "replicas"
    ),
    (
      "{ protocols: [{ name: 'r', protocol: 'raft', replicas: 4 }] }",
      "{ protocols: [{ name: 'r', protocol: 'raft', replicas: 5 }] }", "protocols[0].replicas"
    ),
    ("{ trials: 2 }", "{ trials: 3 }", "trials"),
    ("{ trials: 2 }", "{ trials: 2, protocols: ['raft'] }", "trials"),
    ("{ workload: { timeout: '11s' } }", "{ workload: { timeout: '10s' } }", "workload.timeout"),
    (
      "{ faults: [{ at: '900ms', crash: 'leader', for: '1s' }] }",
      "{ faults: [{ at: '1s', crash: 'leader', for: '1s' }] }", "faults[0].at"
    ),
    (
      "{ faults: [{ chaos: { mtbf: '1s', mttr: '1s', kinds: ['crash'] }, from: '900ms' }] }",
      "{ faults: [{ chaos: { mtbf: '1s', mttr: '1s', kinds: ['crash'] }, from: '1s' }] }", "faults"
    ),
    (
      "{ workload: { patience: '199us' } }", "{ workload: { patience: '200us' } }",
      "workload.patience"
    ),
    (
      "{ warmUp: '299ms', protocols: ['raft'] }", "{ warmUp: '300ms', protocols: ['raft'] }",
      "warmUp"
    ),
    (
      "{ protocols: ['raft'], network: { latency: '38ms' }, slo: { latency: '1s' } }",
      "{ protocols: ['raft'], network: { latency: '37ms' }, slo: { latency: '1s' } }",
      "options.raft.electionTimeout"
    ),
    (
      "{ protocols: ['multi-paxos'], network: { latency: '38ms' }, slo: { latency: '1s' } }",
      "{ protocols: ['multi-paxos'], network: { latency: '37ms' }, slo: { latency: '1s' } }",
      "options.multi-paxos.electionTimeout"
    ),
    (
      "{ protocols: ['chain-replication'], network: { latency: '51ms' }, slo: { latency: '1s' } }",
      "{ protocols: ['chain-replication'], network: { latency: '50ms' }, slo: { latency: '1s' } }",
      "options.chain-replication.failureTimeout"
    ),
    (
      "{ protocols: ['unreplicated'], network: { latency: '51ms' } }",
      "{ protocols: ['unreplicated'], network: { latency: '50ms' } }", "slo.latency"
    ),
    (
      "{ protocols: ['primary-backup'], replicas: 3, network: { latency: '26ms' } }",
      "{ protocols: ['primary-backup'], replicas: 3, network: { latency: '25ms' } }", "slo.latency"
    ),
    (
      "{ protocols: ['primary-backup'], replicas: 3, network: { latency: '26ms' } }",
      "{ protocols: ['primary-backup'], replicas: 3, network: { latency: '26ms' }, "
        + "workload: { mix: { get: 1 } } }", "slo.latency"
    ),
    (
      "{ protocols: ['unreplicated'], network: { places: { latency: { 'a-b': '51ms' } } }, "
        + "workload: { clients: 1, arrival: { open: '10/s' } } }",
      "{ protocols: ['unreplicated'], network: { places: { latency: { 'a-b': '51ms' } } }, "
        + "workload: { clients: 1 } }", "slo.latency"
    ),
    (
      "{ protocols: ['unreplicated'], network: { latency: '51ms' }, slo: { latency: '1s' }, "
        + "workload: { timeout: '100ms' } }",
      "{ protocols: ['unreplicated'], network: { latency: '50ms' }, slo: { latency: '1s' }, "
        + "workload: { timeout: '100ms' } }", "workload.timeout"
    ),
  ])
func doubtful(_ text: String, _ sound: String, _ path: String) throws {
  #expect(try warned(text) == [path])
  #expect(try warned(sound) == [])
}

@Test("The default timers are all too short for a network across continents")
func wideArea() throws {
  #expect(
    try Set(warned("{ replicas: 5, network: { preset: 'wan-aws-5' } }"))
      == Set(
        ProtocolKind.replicated.flatMap { kind in
          kind.options.filter(\.awaitsSignOfLife).map { "options.\(kind.name).\($0.name)" }
        } + ["slo.latency"]))
}

@Test("A single slow link gives a warning as well")
func slowLink() throws {
  let network = "network: { links: [{ from: 0, to: 2, latency: '80ms' }] }"
  #expect(
    try warned("{ protocols: ['raft'], \(network) }") == ["options.raft.electionTimeout"])
}

@Test("A warning for some points of a sweep appears once and names the first of them")
func sweep() throws {
  let warnings = try plan("{ sweep: { replicas: [3, 4, 5] } }").warnings
  #expect(warnings.map(\.path) == ["replicas"])
  #expect(warnings.first?.text.hasSuffix("(with replicas = 4)") == true)
}

@Test("Timeouts are compared with the time that values take, where heartbeats wait for them")
func sendingTimes() throws {
  let large = "{ network: { nic: '100Mbps' }, workload: { clients: 1, valueSize: '1MiB' } }"
  let paths = try Set(warned(large)).filter { $0.hasPrefix("options.") }
  #expect(
    paths == [
      "options.raft.electionTimeout", "options.multi-paxos.electionTimeout",
      "options.viewstamped-replication.viewChangeTimeout",
    ])
  let warning = try plan(large).warnings.first { $0.path == "options.raft.electionTimeout" }
  // 1 MiB to two replicas at 100 Mbps.
  #expect(warning?.text.contains("takes 167.8ms") == true)
  #expect(try warned(large.replacing("1MiB", with: "64KiB")).isEmpty)
}
