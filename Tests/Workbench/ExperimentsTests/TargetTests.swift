import Configuration
import Experiments
import ProtocolList
import Testing

@Test("A target is a further row of the comparison, after the protocols")
func targets() throws {
  let one = try experiment("{ runtime: 'cluster', target: { redis: 'localhost:6379' } }")
  #expect(
    one.targets == [TargetChoice(name: "redis", kind: .redis, address: "127.0.0.1:6379")])
  #expect(
    one.contenders.map(\.name) == ProtocolKind.replicated.map(\.name) + ["redis"])
  let several = try experiment(
    """
    { runtime: 'cluster', protocols: [], target: [
      { name: 'a', redis: '127.0.0.1:6379' }, { redis: '[::1]:6380' }, { etcd: '10.0.0.1:2379' }] }
    """)
  #expect(several.protocols.isEmpty)
  #expect(several.contenders.map(\.name) == ["a", "redis", "etcd"])
  #expect(several.targets.map(\.address) == ["127.0.0.1:6379", "[::1]:6380", "10.0.0.1:2379"])
  #expect(several.targets.map(\.kind) == [.redis, .redis, .etcd])
  #expect(try experiment("{ target: [] }").targets.isEmpty)
}

@Test(
  "A Redis target can wait for replicas, and the resolved experiment shows their number")
func targetWaits() throws {
  let waiting = try plan("{ runtime: 'cluster', target: { redis: '127.0.0.1:1', wait: 64 } }")
  #expect(waiting.experiment.targets.map(\.wait) == [64])
  #expect(waiting.resolvedText.contains(#""wait": 64"#))
  let plain = try plan(
    "{ runtime: 'cluster', target: [{ redis: '127.0.0.1:1' }, { etcd: '127.0.0.1:2', wait: null }] }"
  )
  #expect(plain.experiment.targets.map(\.wait) == [0, 0])
  #expect(plain.resolvedText.contains(#""wait": 0"#))
}

private let address = #"a numeric address and a port, such as "127.0.0.1:7400" or "[::1]:7400""#

@Test(
  "A target that cannot be driven is refused with the reason",
  arguments: [
    (
      "target: { redis: 'redis.example:6379' }",
      "target.redis: found \"redis.example:6379\", allowed \(address), or \"localhost:7400\""
    ),
    (
      "target: { redis: '127.0.0.1:0' }",
      "target.redis: found \"127.0.0.1:0\", allowed \(address), or \"localhost:7400\""
    ),
    (
      "target: { redis: '127.0.0.1\\u0000:1' }",
      "target.redis: found \"127.0.0.1\\u0000:1\", allowed \(address), or \"localhost:7400\""
    ),
    (
      "target: 'redis'",
      "target: found \"redis\", allowed a target, such as { redis: \"127.0.0.1:6379\" }, or a list of "
        + "targets"
    ),
    ("target: {}", "target: found {}, allowed exactly one of redis and etcd"),
    (
      "target: [{ redis: '127.0.0.1:1', etcd: '127.0.0.1:2' }]",
      "target[0]: found { \"redis\": \"127.0.0.1:1\", \"etcd\": \"127.0.0.1:2\" }, allowed exactly one "
        + "of redis and etcd"
    ),
    (
      "target: { reddis: '127.0.0.1:1' }",
      "target.reddis: found an unknown key, allowed name, redis, etcd, wait; did you mean \"redis\"?"
    ),
    (
      "target: { etcd: '127.0.0.1:1', wait: 1 }",
      "target.wait: found 1, allowed a wait only with redis, whose primary acknowledges before its "
        + "replicas do"
    ),
    (
      "target: { redis: '127.0.0.1:1', wait: 65 }",
      "target.wait: found 65, allowed a whole number 0...64"
    ),
    (
      "target: [{ redis: '127.0.0.1:1', wait: -1 }]",
      "target[0].wait: found -1, allowed a whole number 0...64"
    ),
    (
      "target: { redis: '127.0.0.1:1', wait: '1s' }",
      "target.wait: found \"1s\", allowed a whole number 0...64"
    ),
    (
      "target: { name: '../x', redis: '127.0.0.1:1' }",
      "target.name: found \"../x\", allowed 1 to 100 letters, digits, '.', '_' or '-', not starting "
        + "with '.' or '-'"
    ),
    (
      "target: [{ redis: '127.0.0.1:1' }, { redis: '127.0.0.1:2' }]",
      "target[1].name: found \"redis\", allowed a name that no protocol and no other target has"
    ),
    (
      "protocols: ['raft'], target: { name: 'multi-paxos', redis: '127.0.0.1:1' }",
      "target.name: found \"multi-paxos\", allowed a name that no protocol and no other target has"
    ),
    (
      "target: { redis: '127.0.0.1:1' }, workload: { mix: { get: 1, cas: 0.5 } }",
      "workload.mix.cas: found 0.5 with the target redis, allowed a mix without cas (Redis has GET, "
        + "SET, DEL and APPEND)"
    ),
    (
      "target: { etcd: '127.0.0.1:1' }, workload: { mix: { cas: 1 } }",
      "workload.mix.cas: found 1 with the target etcd, allowed a mix without cas (etcd is driven with "
        + "get, put and delete)"
    ),
    (
      "target: { name: 'e', etcd: '127.0.0.1:1' }, workload: { mix: { append: 1 } }",
      "workload.mix.append: found 1 with the target e, allowed a mix without append (etcd is driven "
        + "with get, put and delete)"
    ),
    (
      "target: { redis: '127.0.0.1:1' }, faults: [{ at: '1s', crash: 0 }]",
      "faults: found [{ \"at\": \"1s\", \"crash\": 0 }], allowed no faults beside the target redis (a "
        + "fault cannot be injected into a server that rsmbench did not start)"
    ),
    (
      "target: { redis: '127.0.0.1:1' }, sweep: { 'target.name': ['a'] }",
      "sweep.target.name: found a sweep over target, allowed a sweep over anything but format, name, "
        + "description, runtime, protocols, baseline, target, trials, seed, expect, find, sweep"
    ),
  ])
func targetRefusals(fields: String, expected: String) {
  #expect(refusal("{ runtime: 'cluster', \(fields) }") == "x.json5: " + expected)
}

@Test("Redis accepts appends, and every system accepts the presets")
func targetMixes() throws {
  let redis = "runtime: 'cluster', target: { redis: '127.0.0.1:1' }"
  #expect(throws: Never.self) { try plan("{ \(redis), workload: { mix: { append: 1 } } }") }
  for preset in ["ycsb-a", "ycsb-d", "ycsb-f"] {
    #expect(throws: Never.self) {
      try plan(
        "{ runtime: 'cluster', target: { etcd: '127.0.0.1:1' }, workload: { preset: '\(preset)' } }"
      )
    }
  }
}

@Test("A target is asked for single keys, so that scans are refused beside one")
func targetScans() {
  #expect(
    refusal(
      "{ runtime: 'cluster', target: { redis: '127.0.0.1:1' }, workload: { preset: 'ycsb-e' } }")
      == "x.json5: workload.mix.scan: found 0.95 with the target redis, allowed a mix without scan "
      + "(Redis has GET, SET, DEL and APPEND)")
}

@Test("Targets need the cluster runtime, and without a target there must be a protocol")
func targetsNeedTheCluster() {
  #expect(
    refusal("{ target: { redis: '127.0.0.1:1' } }")
      == "x.json5: target: found { \"redis\": \"127.0.0.1:1\" }, allowed a target only with runtime "
      + "\"cluster\" (a simulation cannot drive a real server)")
  #expect(
    refusal("{ runtime: 'cluster', protocols: [], target: [] }").hasPrefix(
      "x.json5: protocols: found [], allowed a list of \"raft\""))
}

@Test("Targets count among the trials of a run")
func targetTrials() {
  let line = refusal(
    "{ runtime: 'cluster', protocols: [], target: { redis: '127.0.0.1:1' }, trials: 10000, "
      + "sweep: { 'workload.clients': [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] } }")
  #expect(
    line
      == "x.json5: trials: found 10000 trials of 1 protocols and targets at 11 points, allowed at "
      + "most 100000 trials in all")
}
