import Configuration
import Experiments
import Foundation
import Testing

@Test(
  "A mistake gives one line with its place, what was found and what is allowed",
  arguments: [
    (
      "{ faults: [{ at: '1s', crash: 0 }, { at: '5', crash: 0 }] }",
      #"x.json5: faults[1].at: found "5", allowed a duration with a unit (ns, us, ms, s, m), such as "250us""#
    ),
    (
      "{ workload: { clents: 5 } }",
      #"workload.clents: found an unknown key, *did you mean "clients"?"#
    ),
    ("{ trace: 'on' }", #"trace: found "on", allowed { every: 10 } or "off""#),
    ("{ trace: { evry: 2 } }", #"trace.evry: found an unknown key, *did you mean "every"?"#),
    ("{ trace: { every: 0 } }", "trace.every: found 0, allowed *1...1000000"),
    ("{ trails: 5 }", #"trails: found an unknown key, *did you mean "trials"?"#),
    ("{ protocols: ['rafd'] }", #"protocols[0]: found "rafd", *did you mean "raft"?"#),
    ("{ protocols: ['raft', 'raft'] }", "protocols[1]: found *each name once"),
    ("{ protocols: [] }", "protocols: found [], allowed a list"),
    (
      "{ protocols: [{ name: 'x' }] }", "protocols[0].protocol: found nothing, allowed the protocol"
    ),
    (
      "{ protocols: [{ nam: 'x', protocol: 'raft' }] }",
      #"protocols[0].nam: found an unknown key, allowed name, protocol, *did you mean "name"?"#
    ),
    (
      "{ protocols: [{ name: 'multi-paxos', protocol: 'raft' }] }",
      #"protocols[0].name: found "multi-paxos", allowed a name that is not another protocol's"#
    ),
    (
      "{ protocols: ['raft', { protocol: 'raft' }] }",
      #"allowed each name once: a second configuration of raft needs a name of its own"#
    ),
    (
      "{ protocols: [{ name: 'r', protocol: 'raft', options: { prevote: true } }] }",
      #"protocols[0].options.prevote: found an unknown key, *did you mean "preVote"?"#
    ),
    (
      """
      { options: { raft: { heartbeat: '100ms' } },
        protocols: [{ name: 'r', protocol: 'raft', options: { electionTimeout: ['60ms', '90ms'] } }] }
      """,
      #"protocols[0].options.heartbeat: found "100ms", allowed at most 60ms"#
    ),
    (
      "{ protocols: [{ name: 'u', protocol: 'unreplicated', replicas: 3 }] }",
      "protocols[0].replicas: found 3, allowed 1 replica"
    ),
    (
      "{ protocols: ['raft'], sweep: { replicas: [3] }, baseline: 'rafd' }",
      #"baseline: found "rafd", allowed "raft"; did you mean "raft"?"#
    ),
    ("{ trials: { max: 50 } }", "trials.until: found nothing, allowed how narrow"),
    ("{ trials: { until: 'throughput ±2%' } }", "trials.max: found nothing, allowed the most"),
    (
      "{ trials: { min: 9, max: 5, until: 'throughput ±2%' } }",
      "trials.min: found min 9 with max 5, allowed a min up to max"
    ),
    ("{ trials: { min: 1, max: 5, until: 'throughput ±2%' } }", "trials.min: found 1, allowed a"),
    (
      "{ trials: { max: 9, until: 'throughputs ±2%' } }",
      #"trials.until: found "throughputs", allowed a metric *did you mean "throughput"?"#
    ),
    ("{ trials: { max: 9, until: 'throughput 2%' } }", "trials.until: found *such as"),
    ("{ trials: { max: 9, until: ['p99 ±2/s'] } }", "trials.until[0]: found 2/s, allowed a share"),
    ("{ trials: 'many' }", #"trials: found "many", allowed a whole number 1...10000, or a rule"#),
    (
      "{ sweep: { zip: { replicas: [3, 5], 'workload.clients': [1] } } }",
      "sweep.zip: found 2 values of replicas and 1 of workload.clients, allowed lists of equal length"
    ),
    ("{ sweep: { zip: {} } }", "sweep.zip: found {}, allowed lists of equal length by path"),
    (
      "{ sweep: { zip: { replicas: [3, 3], 'workload.clients': [1, 1] } } }",
      "sweep.zip: found combination 2 a second time"
    ),
    (
      "{ sweep: { replicas: [3], zip: { replicas: [5] } } }",
      "sweep.zip.replicas: found a path that overlaps with replicas"
    ),
    ("{ find: { suchThat: 'p99 < 1ms' } }", "find: found *exactly one of maximum and minimum"),
    ("{ find: { maximum: 'workload.clients' } }", "find.suchThat: found nothing"),
    (
      "{ find: { maximum: 'workload.clents', suchThat: 'p99 < 1ms' } }",
      "find.between: found nothing, allowed where to look for workload.clents"
    ),
    (
      "{ find: { maximum: 'workload.clients', suchThat: 'p99 < 10' } }",
      "find.suchThat: found 10 beside p99"
    ),
    (
      "{ find: { maximum: 'workload.clients', suchThat: 'raft.p99 < 10ms' } }",
      #"find.suchThat: found "raft", allowed no row, because each row is searched by itself"#
    ),
    (
      "{ find: { maximum: 'workload.clients', suchThat: 'p99 < 1ms', between: [9, 5] } }",
      "find.between: found [9, 5], allowed two values, the smaller first"
    ),
    (
      "{ find: { maximum: 'workload.clients', suchThat: 'p99 < 1ms', within: 0.02 } }",
      "find.within: found 0.02, allowed a share"
    ),
    (
      "{ find: { maximum: 'trials', suchThat: 'p99 < 1ms', between: [1, 2] } }",
      "find.maximum: found a sweep over trials"
    ),
    (
      "{ workload: { arrival: { phases: [{ for: '1s' }] } } }",
      "workload.arrival.phases[0]: found *exactly one of open and ramp"
    ),
    (
      "{ workload: { arrival: { phases: [{ for: '1s', open: '0/s' }] } } }",
      "workload.arrival.phases: found *a rate above 0/s"
    ),
    (
      "{ workload: { arrival: { phases: [{ open: '1/s' }] } } }",
      "workload.arrival.phases[0].for: found nothing"
    ),
    (
      "{ workload: { arrival: { phases: [{ for: '1s', ramp: ['1/s'] }] } } }",
      "phases[0].ramp: found *the rates at its start and its end"
    ),
    ("{ workload: { arrival: { open: '1/s', phases: [] } } }", "arrival.open: found both"),
    ("{ workload: { arrival: { open: '1/s', repeat: true } } }", "repeat only beside phases"),
    (
      "{ workload: { arrival: { phases: [{ for: '1s', open: '9000000/s' }] } } }",
      "workload.arrival.phases: found 90000000 operations in 10s, allowed at most 50000000"
    ),
    ("{ expect: 'p99 < 10ms' }", "expect: found *allowed a list of conditions"),
    ("{ expect: [5] }", "expect[0]: found 5, allowed a condition in quotes"),
    ("{ sweep: { expect: [[]] } }", "sweep.expect: found a sweep over expect"),
    ("{ protocols: 'raft' }", "protocols: found"),
    ("{ options: { raft: { heartbeets: '5ms' } } }", #"*did you mean "heartbeat"?"#),
    (
      "{ options: { raft: { heartbeat: 5 } } }",
      "options.raft.heartbeat: found 5, allowed a duration"
    ),
    ("{ options: { raft: { heartbeat: '5m' } } }", "found *allowed a duration from 100us to 60s"),
    (
      "{ options: { raft: { heartbeat: '151ms' } } }",
      #"options.raft.heartbeat: found "151ms", allowed at most 150ms, the shortest electionTimeout"#
    ),
    (
      "{ options: { 'multi-paxos': { heartbeat: '1s', electionTimeout: ['999ms', '2s'] } } }",
      #"options.multi-paxos.heartbeat: found "1s", allowed at most 999ms"#
    ),
    (
      "{ options: { 'primary-backup': { failureTimeout: '100ms', ping: '26ms' } } }",
      #"found "26ms", allowed at most 25ms, 1/4 of the shortest failureTimeout"#
    ),
    ("{ options: { 'chain-replication': { ping: '51ms' } } }", "allowed at most 50ms"),
    ("{ options: { raft: { reads: 'lease' } } }", #"found "lease", allowed "read-index""#),
    ("{ options: { raft: { electionTimeout: ['2s', '1s'] } } }", "the shorter first"),
    ("{ options: { raft: { inFlightLimit: 1.5 } } }", "found 1.5, allowed a whole number 1...4096"),
    ("{ options: { zab: {} } }", "options.zab: found an unknown key"),
    ("{ replicas: 0 }", "replicas: found 0, allowed a whole number 1...64"),
    ("{ replicas: 3, tolerates: 1 }", "tolerates: found both"),
    ("{ tolerates: 32 }", "tolerates: found 65 replicas of raft"),
    ("{ trials: 0 }", "trials: found 0"),
    ("{ seed: -1 }", "seed: found -1"),
    ("{ seed: 18446744073709551616 }", "seed: found 18446744073709551616"),
    ("{ name: 'a/b' }", #"name: found "a/b""#), ("{ name: '' }", "name: found"),
    ("{ name: '..' }", "name: found"), ("{ format: 2 }", "format: found 2, allowed 1"),
    (
      "{ runtime: 'clusters' }",
      #"runtime: found "clusters", allowed "simulation", "cluster"; did you mean "cluster"?"#
    ),
    ("{ check: 'sequentially' }", "check: found"),
    ("{ duration: '1e300s' }", "duration: found"), ("{ duration: '-5s' }", "duration: found"),
    ("{ duration: '99999999999999999999s' }", "duration: found *from 1ms to 3600s"),
    (
      "{ duration: '1s' }", "duration: found duration 1s, allowed a duration longer than the warmUp"
    ),
    ("{ duration: NaN }", "duration: found NaN"),
    ("{ window: '9.5s' }", "window: found 9500ms, allowed a window no longer than"),
    ("{ window: '1us' }", "window: found 1us, allowed at most 100000 windows"),
    ("{ window: '1.5ns' }", "window: found \"1.5ns\", allowed whole nanoseconds"),
    ("{ workload: { mix: { get: 0 } } }", "workload.mix: found *at least one share above 0"),
    ("{ workload: { mix: { get: NaN } } }", "workload.mix.get: found NaN"),
    ("{ workload: { mix: { get: Infinity } } }", "workload.mix.get: found Infinity"),
    ("{ workload: { preset: 'ycsb-g' } }", "workload.preset: found \"ycsb-g\", *\"ycsb-e\""),
    ("{ workload: { keys: 10000000, valueSize: '1MiB' } }", "workload.keys: found"),
    (
      "{ workload: { valueSize: 128 } }",
      "workload.valueSize: found 128, allowed a size with a unit"
    ),
    (
      "{ workload: { valueSize: { unifrom: ['64B', '4KiB'] } } }",
      "workload.valueSize.unifrom: *did you mean \"uniform\"?"
    ),
    (
      "{ workload: { valueSize: { uniform: ['4KiB', '64B'] } } }",
      "workload.valueSize.uniform: found *allowed two sizes, the smaller first"
    ),
    (
      "{ workload: { valueSize: { uniform: ['4B', '64B'] } } }",
      "workload.valueSize.uniform[0]: found \"4B\", allowed a size from 8B to 1MiB"
    ),
    ("{ workload: { valueSize: {} } }", "workload.valueSize: found {}, allowed a size with a unit"),
    (
      "{ workload: { valueSize: { lognormal: { sigma: 1 } } } }",
      "workload.valueSize.lognormal.median: *allowed a size"
    ),
    (
      "{ workload: { valueSize: { weighted: [['64B', 0]] } } }",
      "workload.valueSize.weighted: found *at least one weight above 0"
    ),
    (
      "{ workload: { valueSize: { weighted: [['64B']] } } }",
      "workload.valueSize.weighted[0]: found *allowed sizes with their weights"
    ),
    (
      "{ workload: { keys: 10000000, valueSize: { uniform: ['8B', '1MiB'] } } }",
      "workload.keys: found 10000000 keys of 524292B"
    ),
    (
      "{ workload: { distribution: { zipfian: 0 } } }",
      "workload.distribution.zipfian: found 0, allowed an exponent above 0"
    ),
    (
      "{ workload: { distribution: { zipfian: 10.5 } } }",
      "workload.distribution.zipfian: found 10.5, allowed a number from 0 to 10"
    ),
    ("{ workload: { arrival: { open: 5000 } } }", "workload.arrival.open: found 5000"),
    ("{ workload: { arrival: { open: '10000000/s' } } }", "operations in a trial"),
    (
      "{ workload: { connections: 0 } }",
      #"workload.connections: found 0, allowed a whole number 1...1024 or "per-client""#
    ),
    ("{ workload: { connections: 'each' } }", #"workload.connections: found "each", allowed a"#),
    (
      "{ workload: { connections: 'per-client', clients: 20001 } }",
      #"workload.connections: found "per-client" with 20001 clients, allowed at most 20000"#
    ),
    (
      "{ workload: { patience: 'short' } }",
      "workload.patience: found \"short\", allowed \"adaptive\" or a duration, such as \"100ms\""
    ),
    ("{ workload: { patience: '1us' } }", "workload.patience: found \"1us\", allowed a duration"),
    ("{ probe: 'on' }", "probe: found \"on\", allowed { rate: \"200/s\" } or \"off\""),
    ("{ probe: { rate: '2000/s' } }", "probe.rate: found \"2000/s\", allowed a rate from 1/s to"),
    ("{ probe: { rates: '1/s' } }", "probe.rates: found an unknown key"),
    ("{ network: { preset: 'wan-aws-5', latency: '1ms' } }", "network.latency: found"),
    ("{ network: { nic: '1Gbps', bandwidth: '1Gbps' } }", "network.bandwidth: found both"),
    ("{ network: { transport: 'udp' } }", #"network.transport: found "udp", allowed "tcp", "#),
    (
      "{ network: { duplicate: 0.1 } }", "network.duplicate: found 0.1, allowed 0 over TCP*datagram"
    ),
    ("{ network: { reorder: 1 } }", "network.reorder: found 1, allowed 0 over TCP"),
    (
      "{ faults: [{ at: '1s', link: 0, reorder: 0.5 }] }", "faults[0].reorder: found 0.5, allowed 0"
    ),
    (
      "{ network: { preset: 'wan-aws-5', clients: { latency: '1ms' } } }",
      "network.clients.latency: found *places"
    ),
    ("{ network: { places: {} } }", "network.places.latency: found nothing, allowed one-way"),
    (
      "{ network: { places: { latency: { eu: '1ms' } } } }",
      #"network.places.latency.eu: found "eu""#
    ),
    ("{ network: { places: { latency: { 'a-b-c': '1ms' } } } }", "allowed two places"),
    (
      "{ network: { places: { latency: { 'a-b': '1ms', 'b-c': '1ms' } } } }",
      "network.places.latency: found nothing from a to c"
    ),
    (
      "{ network: { places: { latency: { 'a>b': '1ms' } } } }", "found nothing from b to a"
    ),
    (
      "{ network: { places: { latency: { 'a-b': '1ms' }, clients: ['c'] } } }",
      #"network.places.clients[0]: found "c", allowed "a", "b""#
    ),
    (
      "{ network: { places: { latency: { 'a-b': '1ms' }, replicas: [] } } }",
      "network.places.replicas: found [], allowed"
    ),
    (
      "{ network: { preset: 'wan-aws-5', places: { clients: ['tokio'] } } }",
      #"did you mean "tokyo"?"#
    ),
    ("{ network: { links: [{ from: 0, to: 3 }] } }", "network.links[0].to: found 3"),
    (
      "{ network: { latency: { lognormal: {} } } }",
      "network.latency.lognormal.median: found nothing"
    ),
    ("{ disk: 'ssd' }", #"disk: found "ssd", allowed "none""#),
    ("{ faults: [{ at: '1s' }] }", "faults[0]: found *exactly one of crash"),
    ("{ faults: [{ at: '1s', crsh: 0 }] }", #"faults[0].crsh: *did you mean "crash"?"#),
    ("{ faults: [{ crash: 0 }] }", "faults[0].at: found nothing"),
    ("{ faults: [{ at: '10s', crash: 0 }] }", "faults[0].at: found *before the end of the trial"),
    ("{ faults: [{ at: '1s', crash: 0, pause: 1 }] }", "faults[0]: found crash and pause"),
    (
      "{ faults: [{ at: '1s', crash: 7 }] }",
      "faults[0].crash: found 7, allowed a replica number 0...2"
    ),
    ("{ faults: [{ at: '1s', crash: 'leeder' }] }", #"did you mean "leader"?"#),
    ("{ replicas: 1, faults: [{ at: '1s', crash: 'follower' }] }", "at least 2 replicas"),
    (
      "{ protocols: ['unreplicated'], replicas: 1, faults: [{ at: '1s', crash: 0, disk: 'lost' }] }",
      "faults: found disk: *leave unreplicated out"
    ),
    (
      "{ faults: [{ at: '1s', disk: 0, full: true }] }", "faults[0].full: found *a full disk cannot"
    ),
    ("{ faults: [{ at: '1s', 'add-replica': 3 }] }", "faults[0].add-replica: *cannot be injected"),
    ("{ faults: [{ at: '1s', disk: 0 }] }", "exactly one of slow and stall"),
    ("{ faults: [{ at: '1s', link: 0 }] }", "a link fault that changes nothing"),
    ("{ faults: [{ at: '1s', partition: [[0, 0]] }] }", "each replica once"),
    ("{ faults: [{ at: '1s', partition: [[0, 1, 2]] }] }", "at least two sides"),
    ("{ faults: [{ at: '1s', partition: 'bridge', target: 0 }] }", "faults[0].target: found"),
    ("{ faults: [{ chaos: {}, from: '5s', until: '4s' }] }", "faults[0].until: found"),
    (
      "{ sweep: { replicas: [3, 5] }, faults: [{ at: '1s', crash: 4 }] }",
      "faults[0].crash: found 4 at the sweep's point replicas=3"
    ),
    ("{ sweep: { replica: [3] } }", #"sweep.replica: *did you mean "replicas"?"#),
    ("{ sweep: { 'workload.clents': [3] } }", "workload.clents: found an unknown key"),
    ("{ sweep: { seed: [1] } }", "sweep.seed: found a sweep over seed"),
    ("{ sweep: { replicas: [] } }", "sweep.replicas: found []"),
    ("{ sweep: { replicas: [3, 3] } }", "sweep.replicas[1]: found 3, allowed each value once"),
    ("{ sweep: { workload: [{}], 'workload.keys': [1] } }", "overlaps with workload"),
    ("{\n  a: 1,\n  a: 2 }", #"line 3, column 3: found the key "a" a second time"#),
    ("{ duration: 20ms }", #"line 1, column 13: found "20ms", allowed a number; durations"#),
    ("{ a: 1 b: 2 }", #"line 1, column 8: found "b", allowed a comma or }"#),
    ("{ a: ", "line 1, column 6: found the end of the file"),
    ("{} x", "allowed the end of the file"), ("", "x.json5: found an empty file"),
    ("[1]", "x.json5: found [1], allowed an object"), ("{ a: 'x\n' }", "closing quote"),
    (String(repeating: "[", count: 100_000), "more than 64 levels"),
  ])
func refusals(text: String, expected: String) { expectRefusal(text, saying: expected) }

@Test("An error about a value from the command line names the argument")
func argumentErrors() {
  #expect(refusal("{}", set: ["workload.clients=x"]).hasPrefix("--set workload.clients=x: "))
  #expect(refusal("{}", set: ["workload.clents=5"]).contains("did you mean \"clients\"?"))
  #expect(refusal("{}", set: ["foo.bar=1"]).hasPrefix("--set foo.bar=1: foo: "))
  #expect(refusal("{}", set: ["faults[0].at=1s"]).contains("nothing before [0]"))
  #expect(refusal("{ faults: [] }", set: ["faults[0].at=1s"]).contains("the list is empty"))
  #expect(refusal("{ disk: 'none' }", set: ["disk.fsync=1ms"]).contains("only inside objects"))
  #expect(refusal("{}", set: ["a..b=1"]).contains("a path that cannot be read"))
  #expect(
    refusal("{ sweep: { replicas: [3] } }", set: ["replicas=5"]).contains("to drop the sweep"))
  for argument in ["sweep.replicas=[3, 0]", "sweep={ replicas: [3, 0] }"] {
    #expect(refusal("{}", set: [argument]).hasPrefix("--set \(argument): replicas: found 0 at"))
  }
  #expect(throws: ExperimentError.self) { try Override(set: "clients") }
  #expect(throws: ExperimentError.self) { try Override(set: "=5") }
}

@Test("A refusal is one line, whatever names and arguments it repeats")
func oneLine() {
  #expect(
    refusal("{ 'a\\nb': 1 }").hasPrefix("x.json5: a\\nb: found an unknown key, allowed format"))
  #expect(refusal("{ disk: { '\\u001b[31m': 1 } }").hasPrefix("x.json5: disk.\\u001b[31m: found"))
  #expect(refusal("{}", set: ["a\nb=1"]).hasPrefix("--set a\\nb=1: a\\nb: found an unknown key"))
}

@Test("A file that is not readable text is refused by name")
func unreadableFiles() throws {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("experiments-\(ProcessInfo.processInfo.processIdentifier)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  func refusal(_ path: String) -> String {
    do {
      _ = try ExperimentPlan.read(file: path)
      return "accepted"
    } catch { return "\(error)" }
  }
  let binary = folder.appendingPathComponent("binary.json5").path
  try Data([0x7B, 0xFF, 0xFE, 0x7D]).write(to: URL(fileURLWithPath: binary))
  #expect(refusal(binary).contains("not UTF-8"))
  #expect(refusal(folder.path).contains("a directory"))
  #expect(refusal(folder.path + "/absent.json5").contains("no such file"))
  #expect(refusal("/dev/null").contains("not a file"))
  let large = folder.appendingPathComponent("large.json5").path
  try Data(repeating: 0x20, count: 1 << 21).write(to: URL(fileURLWithPath: large))
  #expect(refusal(large).contains("more than 1MiB"))
}
