import Environments
import Experiments
import Faults
import ProtocolList
import Replication
import Simulation
import Testing
import Workloads

@Test(
  "Settings that the cluster runtime cannot honour are refused with the reason",
  arguments: [
    (
      "network: { loss: 0.1 }",
      "network: found { \"loss\": 0.1 }, allowed the default (the cluster runtime runs on this "
        + "machine's own network; use link faults to degrade it)"
    ),
    (
      "network: { preset: 'wan-aws-5' }",
      "network: found { \"preset\": \"wan-aws-5\" }, allowed the default (the cluster runtime runs on "
        + "this machine's own network; use link faults to degrade it)"
    ),
    (
      "cpu: { apply: '2us' }",
      "cpu: found { \"apply\": \"2us\" }, allowed the default (the cluster runtime runs on this "
        + "machine's own processors; use slow-cpu faults to slow them down)"
    ),
    (
      "disk: { fsync: '2ms' }",
      "disk.fsync: found \"2ms\", allowed the default (a real disk takes its own time), or "
        + "disk: \"none\""
    ),
    (
      "disk: { bandwidth: '500MB/s' }",
      "disk.bandwidth: found \"500MB/s\", allowed the default (a real disk is as fast as it is)"
    ),
    (
      "disk: { groupCommit: false }",
      "disk.groupCommit: found false, allowed true (a real log syncs once for all that wait for it)"
    ),
    (
      "sweep: { disk: ['none', { groupCommit: false }] }",
      "disk.groupCommit: found false at the sweep's point disk={ \"groupCommit\": false }, allowed "
        + "true (a real log syncs once for all that wait for it)"
    ),
    (
      "faults: [{ at: '1s', 'add-replica': 3 }]",
      "faults[0].add-replica: found \"add-replica\", allowed crash, pause, slow-cpu, partition, link, "
        + "clock, disk, chaos (changes of membership cannot be injected in this version)"
    ),
    (
      "faults: [{ at: '1s', 'remove-replica': 3 }]",
      "faults[0].remove-replica: found \"remove-replica\", allowed crash, pause, slow-cpu, partition, "
        + "link, clock, disk, chaos (changes of membership cannot be injected in this version)"
    ),
    (
      "faults: [{ at: '1s', 'transfer-leadership': 0 }]",
      "faults[0].transfer-leadership: found \"transfer-leadership\", allowed crash, pause, slow-cpu, "
        + "partition, link, clock, disk, chaos (a transfer of leadership cannot be injected in this "
        + "version)"
    ),
    (
      "faults: [{ at: '1s', disk: 0, error: false }]",
      "faults[0].error: found false, allowed true"
    ),
    (
      "faults: [{ at: '1s', disk: 0, error: true, full: true }]",
      "faults[0]: found { \"at\": \"1s\", \"disk\": 0, \"error\": true, \"full\": true }, allowed "
        + "exactly one of slow, stall, error, full and bitRot"
    ),
  ])
func clusterRefusals(fields: String, expected: String) {
  #expect(refusal("{ runtime: 'cluster', \(fields) }") == "x.json5: " + expected)
  // The command line gives the same answer.
  let line = refusal("{ \(fields) }", set: ["runtime=cluster"])
  #expect(line == "x.json5: " + expected)
}

@Test("The cluster runtime accepts faults of real disks, an unsynced disk and clocks that are off")
func clusterAccepts() throws {
  let read = try experiment(
    """
    { runtime: 'cluster', protocols: ['raft', 'primary-backup'], disk: 'none', clocks: { maxSkew: '5ms', maxDrift: 0.001 },
      workload: { connections: 'per-client' },
      faults: [{ at: '1s', crash: 0, disk: 'lost' }, { at: '1s', crash: 0, disk: 'torn' },
        { at: '2s', disk: 0, error: true }, { at: '2s', disk: 0, full: true },
        { at: '2s', disk: 0, bitRot: true }, { at: '2s', disk: 0, stall: true },
        { at: '2s', disk: 0, slow: '1ms' }, { chaos: {} }] }
    """)
  #expect(read.runtime == .cluster && read.environment.disk.sync == nil)
  #expect(read.environment.clocks.maxSkew == .milliseconds(5))
  #expect(read.workload.connections == .perClient)
  let target = FaultTarget.replica(0)
  #expect(
    read.faults.timed.map(\.action) == [
      .crash(target, disk: .lost), .crash(target, disk: .torn), .disk(target, .error),
      .disk(target, .full), .disk(target, .bitRot), .disk(target, .stall),
      .disk(target, .slow(.milliseconds(1))),
    ])
  #expect(read.faults.chaos.count == 1)
}

@Test("An experiment printed for the simulation can be read for the cluster")
func printedDefaults() throws {
  let printed = try plan("{ faults: [{ at: '1s', crash: 0 }] }").resolvedText
  #expect(try experiment(printed, set: ["runtime=cluster"]).runtime == .cluster)
}

@Test(
  "The simulation refuses faults of real disks and names those it can inject",
  arguments: [
    (
      "{ at: '1s', disk: 0, error: true }",
      "error: found \"error\", allowed slow or stall (failing syncs cannot be injected in the "
        + "simulation)"
    ),
    (
      "{ at: '1s', disk: 0, full: true }",
      "full: found \"full\", allowed slow or stall (a full disk cannot be injected in the simulation)"
    ),
    (
      "{ at: '1s', disk: 0, bitRot: true }",
      "bitRot: found \"bitRot\", allowed slow or stall (bit rot cannot be injected in the simulation)"
    ),
  ])
func simulationRefusals(fault: String, expected: String) {
  #expect(refusal("{ faults: [\(fault)] }") == "x.json5: faults[0]." + expected)
}

@Test("Clients share four connections to each node unless the file says otherwise")
func connections() throws {
  #expect(try experiment("{}").workload.connections == .shared(4))
  #expect(
    try experiment("{ workload: { connections: 1024 } }").workload.connections == .shared(1024))
  #expect(
    try plan("{ sweep: { 'workload.connections': [1, 'per-client'] } }").points.map {
      $0.experiment.workload.connections
    } == [.shared(1), .perClient])
}

@Test("A lost disk is allowed only for protocols that replace the replica, in either runtime")
func lostDisks() throws {
  let fault = "faults: [{ at: '1s', crash: 0, disk: 'lost' }]"
  let able = ProtocolKind.allCases.filter(\.replacesLostReplicas).map(\.name)
  for runtime in ["cluster", "simulation"] {
    #expect(
      refusal("{ runtime: '\(runtime)', protocols: ['raft', 'unreplicated'], \(fault) }")
        == "x.json5: faults: found disk: \"lost\", allowed disk: \"lost\" only for protocols that "
        + "replace a replica that lost its disk (\(able.joined(separator: ", "))); leave "
        + "unreplicated out of protocols")
    let allowed = "{ runtime: '\(runtime)', protocols: ['raft', 'multi-paxos'], \(fault) }"
    #expect(try experiment(allowed).faults.timed.count == 1)
  }
}
