import Environments
import Experiments
import Faults
import Workloads

/// The lists of the faults, workloads and networks that experiments may use.
extension Listing {
  static let faults = Listing(name: "faults", columns: ["kind", "runtime", "example", "meaning"]) {
    func runtimes(_ entry: FaultEntry) -> String {
      [("simulation", FaultInjector.simulation), ("cluster", .ownProcesses)]
        .filter { entry.refusals[$0.1] == nil }.map(\.0).joined(separator: ", ")
    }
    return FaultTable.entries.filter(\.exists).map {
      [$0.kind, runtimes($0), $0.example, $0.meaning]
    } + [
      [
        "targets", "simulation, cluster", FaultTarget.named.map(\.name).joined(separator: " "),
        "or the number of a replica, authority:0 for a node of the authority, or a list such as "
          + "[0, \"tail\"]; resolved when the fault fires",
      ],
      [
        "at", "simulation, cluster", #"at: "kill.end + 2s""#,
        "since the start of the trial: \"5s\", \"50%\" of it, \"warmUp + 1s\", or after a fault above by "
          + "its name: \"kill + 2s\" (its start), \"kill.end + 2s\"",
      ],
      [
        "every", "simulation, cluster",
        #"{ name: "kill", at: "2s", crash: "random", for: "1s", every: "3s", until: "9s" }"#,
        "again and again until a time (default the end of the trial); a name makes its fields sweep "
          + "variables: \"faults.kill.for\"",
      ],
    ]
  }

  static let workloads = Listing(name: "workloads", columns: ["workload", "meaning"]) {
    WorkloadPreset.allCases.map { [$0.rawValue, $0.meaning] } + [
      ["arrival: \"closed\"", "each client waits for its answer before it asks again"],
      [
        "arrival: { open: \"5000/s\" }",
        "operations come due whatever the answers do, and clients are made for them; process: "
          + "\"poisson\" or \"constant\"",
      ],
      [
        "arrival: { phases: [{ for: \"5s\", ramp: [\"100/s\", \"900/s\"] }] }",
        "a load that changes: phases one after the other, each open: RATE or ramp: [RATE, RATE]; repeat: true "
          + "begins again, else the last rate stays",
      ],
      [
        "trace: \"trace.csv\"",
        "operations from a CSV file beside the experiment, due at their times whatever the answers do: "
          + "columns time_us (since the trial's start), key, operation (get, put, delete, append, cas) and "
          + "size (bytes written, else valueSize); in place of arrival, mix, keys, distribution",
      ],
      ["mix", "shares of get, put, delete, append, cas, insert, readModifyWrite, scan"],
      [
        "scanLength: { uniform: [1, 100] }",
        "the number of consecutive keys that a scan reads at one moment, or a number such as 10; beside "
          + "scans there are no deletes and appends",
      ],
      [
        "distribution",
        "of keys: \"uniform\", { zipfian: 0.99 } (YCSB's scrambled one, with any exponent up to 10), "
          + "{ hotspot: [keys, operations] }, \"latest\", { conflict: 0.25 } (the share of operations on one "
          + "shared key, the others on keys of their client alone)",
      ],
      [
        "operations: 100000",
        "the measured part ends with this many answers, at the latest after duration",
      ],
      [
        "clientRate: \"50/s\"",
        "what each client of a closed loop begins per second at most, as YCSB's target; also of a group",
      ],
      [
        "valueSize: \"128B\"",
        "of written values; or a distribution: { uniform: [\"64B\", \"4KiB\"] }, { lognormal: { median: "
          + "\"1KiB\", sigma: 1 } }, { weighted: [[\"100B\", 0.9], [\"64KiB\", 0.1]] }",
      ],
      [
        "patience",
        "when a client asks again: \"adaptive\" (round trips so far, RFC 6298) or a fixed \"100ms\"",
      ],
      [
        "probe: { rate: \"200/s\" }",
        "beside workload: so many small reads and writes per second that see outages, or \"off\"",
      ],
      [
        "ask",
        "the replica that a client asks first: \"in-charge\" (it answered last), \"nearest\" (with places), "
          + "\"spread\" (client i replica i), or a number",
      ],
      [
        "groups: [{ ask: 0, keys: [0, 499] }, {}]",
        "client i of n groups belongs to group i mod n; a group may ask another replica, and use some keys only",
      ],
      [
        "outstanding",
        "in an open loop: as many operations as are answered in half of the timeout (\"answered\"), or "
          + "\"unlimited\"",
      ],
      [
        "connections",
        "TCP connections to each node that all clients share, 1 to 1024 (default 4), or "
          + "\"per-client\"; the simulation models none",
      ],
      [
        "overload: { queue: 512, backoff: [\"10ms\", \"1s\"] }",
        "beside workload: what servers (queue, admission, dropLate) and clients (retryBudget, backoff) "
          + "do against overload, or the name of one cure",
      ],
      [
        "target: { redis: \"127.0.0.1:6379\" }",
        "beside workload: another system under the same load, also { etcd: ADDRESS } and lists; "
          + "only in the cluster runtime, without faults",
      ],
      [
        "target: { redis: ADDRESS, wait: 2 }",
        "each write is acknowledged by so many replicas of the Redis server (WAIT), 0 to 64",
      ],
    ] + overload
  }

  /// The cures of overload that have a name.
  private static var overload: [[String]] {
    OverloadSection.cures.map { cure in
      ["overload: \"\(cure.name)\"", "\(cure.section): \(cure.meaning)"]
    }
  }

  static let networks = Listing(name: "networks", columns: ["network", "meaning"]) {
    NetworkModel.presets.map { ["preset: \"\($0.name)\"", $0.meaning] } + [
      [
        "latency: \"250us\"",
        "one way, of every link; or a distribution: { lognormal: { median: \"1ms\", sigma: 0.3 } }, "
          + "also uniform, normal, exponential",
      ],
      [
        "places: { latency: { \"eu-us\": \"40ms\" } }",
        "one-way latency of each pair of places, both ways (\"eu-us\") or in one direction (\"eu>us\"); "
          + "inside a place (\"eu-eu\") that of the network unless it is given",
      ],
      [
        "places: { replicas: [\"eu\", \"us\"], clients: [\"eu\"] }",
        "replica i and client i sit at entry i of the list, which repeats (default: all places in "
          + "turn); beside a preset it says where in the preset's places",
      ],
      [
        "places: { authority: [\"eu\"] }",
        "the same for the nodes of the authority (default: each at a place of its own, as far as there "
          + "are places, first at those of replicas)",
      ],
      [
        "nic: \"1Gbps\"",
        "what each node's one interface sends and receives per second, for all its peers and clients "
          + "together, or \"unlimited\"; bandwidth is an older name of it",
      ],
      [
        "transport: \"tcp\"",
        "the default: loss is delay, because what is lost is sent again and what follows waits; what is "
          + "sent during a partition arrives after it; a connection ends with the process at either end",
      ],
      [
        "retransmission: [\"200ms\", \"120s\"]",
        "over tcp: a first loss is mended after a round trip, a second by a timer of this length beside "
          + "the round trip, which doubles up to the second value",
      ],
      [
        "givesUpAfter: \"15s\"",
        "over tcp: a connection that gets nothing through for so long is replaced by a new one, and "
          + "what was sent on it is lost",
      ],
      [
        "transport: \"datagram\"",
        "each message for itself: loss is loss; duplicate and reorder are shares of messages that "
          + "arrive twice (also at clients) or late",
      ],
      ["loss: 0.01", "share of messages between nodes that the network loses"],
      [
        "clients: { loss: 0.01, latency: \"5ms\", nic: \"1Gbps\" }",
        "of the links between clients and nodes (default: no loss, the latency of the network or of "
          + "the places, each client's own interface unlimited)",
      ],
      [
        "links: [{ from: 0, to: 1, latency: \"15ms\", loss: 0.1, bandwidth: \"10Mbps\" }]",
        "replaces parts for one link between replicas, both ways unless bothWays: false; its bandwidth "
          + "limits the path beside the interfaces at its ends",
      ],
    ]
  }
}
