import Faults
import Workloads

/// The lists of what experiments may say of faults and workloads.
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
        "or the number of a replica; resolved when the fault fires",
      ]
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
      ["mix", "shares of get, put, delete, append, cas, insert, readModifyWrite"],
      [
        "distribution",
        "\"uniform\", { zipfian: 0.99 }, { hotspot: [keys, operations] }, \"latest\"",
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
