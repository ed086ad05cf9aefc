import Configuration
import Experiments
import Faults
import Foundation
import Primitives
import ProtocolList
import Replication
import Testing
import Workloads

@Test(
  "Reading the printed experiment gives the same experiment and the same points",
  arguments: [
    "{}", full, "{ tolerates: 2, disk: 'none', network: { preset: 'wan-aws-5' } }",
    "{ workload: { preset: 'ycsb-d', distribution: { zipfian: 0.5 } } }",
    "{ workload: { preset: 'ycsb-a' }, sweep: { 'workload.preset': ['ycsb-a', 'ycsb-d'] } }",
    "{ workload: { mix: { scan: 3, put: 1 }, scanLength: 7 } }",
    "{ workload: { scanLength: { uniform: [2, 9] } }, sweep: { 'workload.preset': ['ycsb-a', 'ycsb-e'] } }",
    "{ sweep: { 'network.preset': ['lan', 'wan-aws-5'], tolerates: [1, 2] } }",
    """
    { faults: [{ chaos: {} }, { at: '1s', partition: 'isolate' }],
      sweep: { 'faults[1].partition': ['isolate', 'one-way'] } }
    """,
    "{ workload: { connections: 'per-client', outstanding: 'unlimited' } }",
    "{ workload: { operations: 9, clientRate: '5/s', distribution: { conflict: 0.25 } } }",
    "{ workload: { clientRate: 'unlimited', groups: [{ clientRate: '0.5/s' }] } }",
    "{ workload: { ask: 'spread', groups: [{ ask: 2, keys: [0, 9] }, {}, { ask: 'in-charge' }] } }",
    "{ network: { preset: 'wan-aws-5' }, sweep: { 'workload.ask': ['nearest', 1] } }",
    "{ overload: { queue: 3, dropLate: true, retryBudget: 0.5, backoff: ['1ms', '5ms'] } }",
    "{ sweep: { overload: ['admission', 'backoff', { queue: 4 }] } }",
    """
    { workload: { arrival: { phases: [{ for: '2s', open: '100/s' }, { for: '1s', ramp: ['0/s', '2.5/s'] }],
      repeat: true, process: 'constant' } }, sweep: { 'workload.arrival.phases[0].open': ['1/s', '2/s'] } }
    """,
    """
    { trials: { min: 3, max: 9, until: ['throughput ±2%', 'write_p99 +- 1ms'] },
      sweep: { 'workload.keys': [1, 2], zip: [{ replicas: [3, 5], 'workload.clients': [2, 2] },
        { 'probe.rate': ['1/s', '2/s'], duration: ['3s', '4s'] }], 'slo.latency': ['1ms', '2ms'] } }
    """,
    "{ find: { maximum: 'workload.arrival.open', suchThat: 'p99 < 10ms', within: '7%' } }",
    """
    { find: { minimum: 'options.raft.heartbeat', suchThat: 'availability > 0.9',
        between: ['2ms', '50ms'], within: '10%' }, sweep: { replicas: [3, 5] } }
    """,
    """
    { protocols: ['raft', { name: 'calm', protocol: 'raft', options: { preVote: false } }],
      sweep: { 'protocols.calm.options.heartbeat': ['20ms', '30ms'] } }
    """,
    """
    { options: { raft: { heartbeat: '20ms' } }, baseline: 'raft',
      protocols: ['raft', { name: 'calm', protocol: 'raft', options: { preVote: false } },
        { name: 'large', protocol: 'raft', replicas: 5 }, { protocol: 'multi-paxos' }],
      expect: ['calm.throughput >= 0.9 * raft.throughput', '*.verdict == linearizable'],
      sweep: { 'options.raft.heartbeat': ['20ms', '30ms'] } }
    """,
    """
    { runtime: 'cluster', protocols: ['raft'], disk: 'none', clocks: { maxSkew: '5ms' },
      workload: { connections: 16 }, faults: [{ at: '1s', crash: 0, disk: 'lost', for: '1s' }, { at: '2s', disk: 1, error: true },
        { at: '2s', disk: 2, full: true, for: '1s' }, { at: '3s', disk: 1, bitRot: true }] }
    """,
    """
    { runtime: 'cluster', protocols: [], target: [{ redis: 'localhost:6379' },
      { name: 'other', redis: '[::1]:6380', wait: 2 }, { etcd: '127.0.0.1:2379' }] }
    """,
    """
    { network: { preset: 'wan-aws-5', transport: 'datagram', nic: '2Gbps',
      places: { clients: ['tokyo'], replicas: ['ohio', 'mars'], authority: ['oregon'],
        latency: { 'mars-virginia': '9s', 'ohio-mars': '9s', 'mars-oregon': '9s', 'mars-ireland': '9s',
          'mars-tokyo': '8s', 'tokyo>mars': { uniform: ['1s', '2s'] } } } } }
    """,
    """
    { network: { latency: '2ms', places: { latency: { 'eu-us': '40ms' } }, nic: 'unlimited',
      retransmission: ['10ms', '1s'], givesUpAfter: '1m', clients: { loss: 0.5, nic: '1kbps' } } }
    """,
    "{ workload: { valueSize: { uniform: ['64B', '4KiB'] }, distribution: { zipfian: 1.2 } } }",
    "{ workload: { valueSize: { lognormal: { median: '1KiB' } }, distribution: { zipfian: 1 } } }",
    """
    { sweep: { 'workload.valueSize': ['1KiB', { weighted: [['100B', 0.9], ['64KiB', 0.1]] },
      { lognormal: { median: '1KiB', sigma: 0.5 } }] } }
    """,
    "{ network: { bandwidth: '1234.5bps' }, workload: { arrival: { open: '0.125/s' } } }",
  ])
func roundTrip(text: String) throws {
  let first = try plan(text)
  let printed = first.resolvedText
  let second = try plan(printed)
  #expect(second.experiment == first.experiment)
  #expect(second.points == first.points)
  #expect(second.resolvedText == printed)
  // The text is valid JSON too: another reader accepts it.
  #expect(throws: Never.self) {
    try JSONSerialization.jsonObject(with: Data(printed.utf8))
  }
}

@Test(
  "The experiments in the repository are valid",
  arguments: [("", "", 6), ("/peers", "peers-", 2)])
func shippedExperiments(below: String, prefix: String, atLeast count: Int) throws {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("experiments" + below)
  let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    .filter { $0.hasSuffix(".json5") }
  #expect(files.count >= count)
  for file in files {
    let plan = try ExperimentPlan.read(
      file: folder.appendingPathComponent(file).path)
    #expect(plan.experiment.name + ".json5" == prefix + file)
  }
}

@Test("The first axis of a sweep is the slowest")
func sweepOrder() throws {
  let points = try plan("{ sweep: { replicas: [3, 5], 'workload.clients': [1, 8] } }").points
  #expect(
    points.map { $0.values.map(\.text) } == [["3", "1"], ["3", "8"], ["5", "1"], ["5", "8"]])
  #expect(points[2].experiment.protocols[0].replicas == 5)
  #expect(points[3].experiment.workload.clients == 8)
  #expect(points[3].experiment.sweep.isEmpty)
}

@Test("Arguments override the file's values before they are checked")
func overrides() throws {
  let read = try experiment(
    "{ replicas: 3, faults: [{ at: '1s', crash: 0 }] }",
    set: [
      "workload.clients=64", "name=other", "duration=5s", "faults[0].at=2s",
      "options.raft.electionTimeout=[\"1s\", \"2s\"]", "options.multi-paxos={}",
      "replicas=null", "tolerates=2", "sweep.workload.keys=[1, 2]",
    ])
  #expect(read.workload.clients == 64 && read.name == "other" && read.duration == .seconds(5))
  #expect(read.faults.timed[0].at == .seconds(2))
  #expect(
    read.protocols.map(\.replicas) == ProtocolKind.replicated.map { $0.replicas(tolerating: 2) })
  #expect(read.sweep.map(\.path) == ["workload.keys"])
  let plan = try ExperimentPlan.read(
    text: "{}", file: "x.json5", overrides: [.seed(.max), .trials(7), .runtime("simulation")])
  #expect(plan.experiment.seed == .max && plan.experiment.trials == 7)
}

@Test("Seeded damage to a file gives an experiment or an error, never a trap")
func damagedFiles() throws {
  var random = RandomStream(seed: 42)
  let original = Array(full.unicodeScalars)
  let pieces = [
    "0", "-1", "1e999", "NaN", "-Infinity", "\"\"", "null", "{", "}", "[", "]", ",", "'", "\\u",
    "99999999999999999999999999999999999999999", "\"1e300s\"", "\"-5s\"", "[]", "{}", "\u{2028}",
    "\"9999999999999999999999ms\"", "leader", "7", "0x", ":", "/*", "true",
  ]
  var accepted = 0
  for _ in 0..<1500 {
    var scalars = original
    for _ in 0...random.below(2) {
      let start = random.below(scalars.count)
      let end = min(scalars.count, start + random.below(6))
      let piece = random.below(3) == 0 ? "" : pieces[random.below(pieces.count)]
      scalars.replaceSubrange(start..<end, with: Array(piece.unicodeScalars))
    }
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    do {
      _ = try plan(String(text))
      accepted += 1
    } catch {
      let line = "\(error)"
      #expect(!line.contains("\n") && line.hasPrefix("x.json5: "))
    }
  }
  #expect(accepted > 0)
}

@Test("Any value in any place gives an experiment or an error, never a trap")
func damagedValues() throws {
  let values = [
    "0", "-1", "1.5", "1e30", "NaN", "Infinity", "''", "'1e300s'", "'-1s'", "'0s'", "'1ns'",
    "'9223372036854775807ns'", "[]", "[[]]", "{}", "true", "'all'", "170141183460469231731687303",
    "['1s', '0s']", "'3600s'",
  ]
  let plain = try plan("{}").resolvedText
  let document = try JSONSerialization.jsonObject(with: Data(plain.utf8))
  for path in paths(document, "") + ["faults[0].at", "faults[0].for", "faults[0].crash"] {
    for value in values {
      do {
        _ = try plan("{ faults: [{ at: '1s', crash: 0 }] }", set: ["\(path)=\(value)"])
      } catch let error as ExperimentError {
        #expect(!error.found.isEmpty && !error.allowed.isEmpty)
      }
    }
  }
}

private func paths(_ value: Any, _ prefix: String) -> [String] {
  guard let members = value as? [String: Any] else { return [prefix] }
  return (prefix.isEmpty ? [] : [prefix])
    + members.sorted { $0.key < $1.key }.flatMap {
      paths($0.value, prefix.isEmpty ? $0.key : "\(prefix).\($0.key)")
    }
}
