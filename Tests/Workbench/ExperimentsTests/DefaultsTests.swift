import Clients
import Configuration
import Environments
import Experiments
import Faults
import ProtocolList
import Replication
import Simulation
import Testing
import Workloads

@Test("A name is a whole experiment: all but the baseline, three replicas, a LAN, no faults")
func defaults() throws {
  let plan = try plan(#"{ "name": "hello" }"#)
  let hello = plan.experiment
  #expect(hello.name == "hello")
  #expect(hello.protocols.map(\.kind) == ProtocolKind.replicated)
  #expect(hello.protocols.allSatisfy { $0.replicas == 3 })
  #expect(hello.protocols[0].options.interval("heartbeat") == .milliseconds(50))
  #expect(hello.workload == WorkloadSpec())
  #expect(hello.environment == .standard)
  #expect(hello.faults == FaultScript())
  #expect(hello.probeRate == 200)
  #expect(hello.warmUp == .seconds(1) && hello.duration == .seconds(10))
  #expect(plan.points.count == 1 && plan.points[0].values.isEmpty)
}

@Test("With tolerates, each protocol has its own minimum of replicas; the baseline has one")
func tolerates() throws {
  let all = #"["raft", "chain-replication", "unreplicated"]"#
  let two = try experiment("{ tolerates: 2, protocols: \(all) }")
  #expect(two.protocols.map(\.replicas) == [5, 3, 1])
  let three = try experiment("{ replicas: 3, protocols: \(all) }")
  #expect(three.protocols.map(\.replicas) == [3, 3, 1])
}

@Test("The example in the format's description is read as described")
func example() throws {
  let read = try experiment(full)
  #expect(read.protocols[0].options.intervalRange("electionTimeout").upperBound == .seconds(1))
  #expect(read.protocols[0].options.flag("preVote") == false)
  #expect(read.workload.arrival == .open(rate: 20000, process: .constant))
  #expect(read.workload.distribution == .hotspot(keyShare: 0.1, operationShare: 0.9))
  #expect(read.workload.valueSize == .fixed(4096))
  #expect(read.environment.disk.sync == .exponential(minimum: .zero, mean: .microseconds(1500)))
  #expect(read.environment.network.nic == nil)
  #expect(read.environment.network.links.first?.bandwidth == 2.5e6)
  #expect(read.workload.patience == .fixed(.milliseconds(80)))
  #expect(read.seed == .max && read.probeRate == 50)
  #expect(try experiment("{ probe: 'off' }").probeRate == nil)
  #expect(try experiment("{}").traceEvery == nil)
  #expect(try experiment("{ trace: 'off' }").traceEvery == nil)
  #expect(try experiment("{ trace: {} }").traceEvery == 10)
  #expect(try experiment("{ trace: { every: 3 } }").traceEvery == 3)
  #expect(read.environment.network.clients.loss == 0.04)
  #expect(read.environment.network.clients.latency == .constant(.milliseconds(3)))
  #expect(read.environment.network.clients.nic == 1e9)
  #expect(read.faults.timed.count == 13 && read.faults.chaos.count == 1)
  #expect(read.faults.timed[0].action == .crash(.leader, disk: .torn))
  #expect(read.faults.timed[0].duration == nil)
  #expect(read.faults.timed[7].action == .partition(.oneWay(.replica(2), .outbound)))
  #expect(read.faults.timed[8].action == .partition(.groups([[0, 1], [2]])))
  #expect(read.faults.timed[10].action == .clock(.random, .jump(.milliseconds(-500))))
}

@Test(
  "Places beside a preset override those they name; without a latency a place has the network's"
)
func places() throws {
  func network(_ text: String) throws -> NetworkModel {
    try experiment("{ network: \(text) }").environment.network
  }
  let three = try network(
    "{ preset: 'wan-aws-5', places: { replicas: ['virginia', 'ireland', 'tokyo'] } }")
  #expect(three.places?.replicas == [0, 3, 4] && three.places?.clients == [0, 1, 2, 3, 4])
  #expect(three.places?.latency == NetworkModel.wanAWS5.places?.latency)
  let own = try network(
    "{ latency: '2ms', places: { latency: { 'eu-us': '40ms', 'us>eu': '41ms' }, clients: ['us'] } }"
  )
  func constant(_ milliseconds: Int64) -> DelayDistribution {
    .constant(.milliseconds(milliseconds))
  }
  #expect(
    own.places?.latency == [[constant(2), constant(40)], [constant(41), constant(2)]])
  #expect(own.places?.names == ["eu", "us"] && own.places?.clients == [1])
}

@Test("The bandwidth of older files is the interface's; a preset brings its own")
func interfaces() throws {
  func nic(_ text: String) throws -> Double? {
    try experiment("{ network: \(text) }").environment.network.nic
  }
  #expect(try nic("{}") == 10e9 && nic("{ preset: 'wan-aws-5' }") == 1e9)
  #expect(try nic("{ bandwidth: '1Gbps' }") == 1e9 && nic("{ nic: '2Mbps' }") == 2e6)
  #expect(try nic("{ nic: 'unlimited' }") == nil)
}

/// Uses every section and every kind of fault, all with values other than the default.
let full = """
  // A comment, /* another */
  {
    format: 1, name: 'full-1.2_x', description: "quote \\" and\\nline", runtime: "simulation",
    protocols: ["raft", "multi-paxos", "unreplicated"], replicas: 3,
    options: { raft: { electionTimeout: ["500ms", "1s"], heartbeat: "70ms", preVote: false,
      reads: "read-index", inFlightLimit: 7 } },
    workload: { clients: 8, arrival: { open: "20000/s", process: "constant" },
      mix: { get: 1, put: .25, cas: 0.5, delete: 0.1, append: 1e-3, insert: 2, readModifyWrite: 3 },
      keys: 0x10, preload: true, distribution: { hotspot: [0.1, 0.9] }, valueSize: "4KiB",
      timeout: "1.5s", patience: "80ms" },
    probe: { rate: "50/s" },
    network: { latency: { normal: { mean: "1ms", deviation: "0.1ms" } }, loss: 0.01,
      transport: "datagram", duplicate: 0.02, reorder: 0.03, bandwidth: "unlimited",
      clients: { loss: 0.04, latency: "3ms", nic: "1Gbps" },
      links: [{ from: 0, to: 1, bothWays: false, latency: { uniform: ["1ms", "4ms"] }, loss: 1,
        bandwidth: "2.5Mbps" }] },
    disk: { fsync: { exponential: { mean: "1.5ms" } }, bandwidth: "2.5MB/s", groupCommit: false },
    cpu: { perMessage: "1us", perByte: "2ns", apply: "3us" },
    clocks: { maxSkew: "3ms", maxDrift: 0.01 },
    faults: [
      { at: "1s", crash: "leader", disk: "torn" },
      { at: "2s", pause: "all", for: "1ms" },
      { chaos: { mtbf: "4s", mttr: "500ms", kinds: ["link", "clock"] }, from: "3s", until: "9s" },
      { at: "3s", "slow-cpu": "follower", factor: 2.5, for: "1s" },
      { at: "4s", partition: "isolate", target: "tail" },
      { at: "4s", partition: { isolate: 1 } },
      { at: "4s", partition: "minority-with-leader", for: "2s" },
      { at: "5s", partition: "majority-ring" },
      { at: "5s", partition: "one-way", target: 2, direction: "out" },
      { at: "6s", partition: [[0, 1], [2]] },
      { at: "7s", link: "minority", loss: 0.5, latency: "20ms", bandwidth: "1Mbps", for: "1s" },
      { at: "8s", clock: "random", jump: "-500ms" },
      { at: "8s", clock: "coordinator", drift: -0.1, for: "1s" },
      { at: "9s", disk: "majority", stall: true, for: "1s" },
    ],
    warmUp: "500ms", duration: "11s", window: "250ms", slo: { latency: "20ms" }, trials: 3,
    seed: 18446744073709551615, check: "none",
    sweep: { "workload.clients": [1, 64], "options.raft.preVote": [false, true] },
  }
  """
