import Faults
import Workloads

/// The lists of what experiments may say of faults and workloads.
extension Listing {
  private static let both = "simulation, cluster"
  private static let cluster = "cluster"

  static let faults = Listing(name: "faults", columns: ["kind", "runtime", "example", "meaning"]) {
    [
      [
        "crash", both, #"{ at: "5s", crash: "leader", for: "3s" }"#,
        "the process dies and restarts from its disk; disk: \"torn\" keeps part of what was being written",
      ],
      [
        "crash", cluster, #"{ at: "5s", crash: "follower", disk: "lost", for: "3s" }"#,
        "the process dies and restarts with an empty disk, which no protocol here promises to survive",
      ],
      [
        "pause", both, #"{ at: "5s", pause: "leader", for: "2s" }"#,
        "the process stops and goes on",
      ],
      [
        "slow-cpu", both, #"{ at: "5s", "slow-cpu": "follower", factor: 10, for: "2s" }"#,
        "everything the node computes takes longer",
      ],
      [
        "partition", both, #"{ at: "5s", partition: "minority-with-leader", for: "2s" }"#,
        "replicas cannot reach each other: "
          + PartitionShape.names.joined(separator: ", ") + ", or groups such as [[0, 1], [2]]",
      ],
      [
        "link", both, #"{ at: "5s", link: "leader", loss: 0.1, latency: "5ms", for: "2s" }"#,
        "all links of the node lose, delay, duplicate, reorder or corrupt messages",
      ],
      [
        "clock", both, #"{ at: "5s", clock: "random", jump: "-500ms" }"#,
        "the node's clock steps, or drifts: drift: 0.01; leases of primary-backup and chain-replication "
          + "stand clocks that differ by a factor of 1.25",
      ],
      [
        "disk", both, #"{ at: "5s", disk: "follower", slow: "20ms", for: "2s" }"#,
        "every sync takes longer, or none ends: stall: true",
      ],
      [
        "disk", cluster, #"{ at: "5s", disk: "follower", error: true, for: "2s" }"#,
        "the next sync fails and the replica stops; full: true: the next write finds no space",
      ],
      [
        "disk", cluster, #"{ at: "5s", disk: "follower", bitRot: true }"#,
        "one bit of the replica's log flips, which it notices when it next starts",
      ],
      [
        "chaos", both,
        #"{ chaos: { mtbf: "4s", mttr: "500ms", kinds: ["crash"] }, from: "5s", until: "9s" }"#,
        "random faults, one at a time: "
          + ChaosKind.allCases.map(\.rawValue).joined(separator: ", "),
      ],
      [
        "targets", both, FaultTarget.named.map(\.name).joined(separator: " "),
        "or the number of a replica; resolved when the fault fires",
      ],
    ]
  }

  static let workloads = Listing(name: "workloads", columns: ["workload", "meaning"]) {
    WorkloadPreset.allCases.map { [$0.rawValue, $0.meaning] } + [
      ["arrival: \"closed\"", "each client waits for its answer before it asks again"],
      [
        "arrival: { open: \"5000/s\" }",
        "operations come due whatever the answers do; process: \"poisson\" or \"constant\"",
      ],
      ["mix", "shares of get, put, delete, append, cas, insert, readModifyWrite"],
      [
        "distribution",
        "\"uniform\", { zipfian: 0.99 }, { hotspot: [keys, operations] }, \"latest\"",
      ],
      [
        "connections",
        "TCP connections to each node that all clients share, 1 to 1024 (default 4), or "
          + "\"per-client\"; the simulation models none",
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
    ]
  }
}
