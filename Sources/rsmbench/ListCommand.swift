import Experiments
import Faults
import Measurement
import ProtocolList
import Replication
import Workloads

extension Command {
  static let list = Command(
    name: "list",
    synopsis: "list protocols|options|faults|workloads|bugs|columns [--format table|json]",
    meaning: "Lists what experiments may name and what results contain.",
    flags: {
      [Flag(name: "--format", value: "table|json", meaning: "how to print (default table)")]
    },
    execute: { arguments in
      let topics = Listing.topics.map(\.name)
      guard let topic = arguments.positional.first else {
        throw UsageError("list what? One of \(topics.joined(separator: ", "))")
      }
      guard arguments.positional.count == 1 else {
        throw UsageError("one list at a time: found \"\(arguments.positional[1])\"")
      }
      guard let listing = Listing.topics.first(where: { $0.name == topic }) else {
        throw UsageError(
          "no list \"\(topic)\"; there are \(topics.joined(separator: ", "))"
            + suggestion(for: topic, among: topics))
      }
      let format = try arguments.choice("--format", of: ["table", "json"]) ?? "table"
      Console.print(format == "json" ? listing.json : listing.table, terminator: "")
      return .done
    })
}

/// A table of words: one of the things `rsmbench list` knows.
struct Listing {
  var name: String
  var columns: [String]
  var rows: @Sendable () -> [[String]]

  static let topics: [Listing] = [
    protocols, options, faults, workloads, bugs, columns,
  ]

  static let protocols = Listing(
    name: "protocols",
    columns: ["name", "replicas to survive f failures", "authority", "summary", "source"]
  ) {
    ProtocolKind.allCases.map { kind in
      let about = kind.description
      let needed =
        about.replicasPerFailure == 0
        ? "survives none"
        : about.replicasPerFailure == 1 ? "f + 1" : "\(about.replicasPerFailure)f + 1"
      return [
        about.name, needed, about.needsAuthority ? "view service" : "none", about.summary,
        about.source,
      ]
    }
  }

  static let options = Listing(
    name: "options", columns: ["protocol", "option", "default", "allowed", "meaning"]
  ) {
    ProtocolKind.allCases.flatMap { kind in
      kind.options.map { option in
        let (fallback, allowed) = describe(option.kind)
        return [kind.name, option.name, fallback, allowed, option.meaning]
      }
    }
  }

  private static func describe(_ kind: OptionDeclaration.Kind) -> (String, String) {
    switch kind {
    case .flag(let value): ("\(value)", "true, false")
    case .integer(let value, let range):
      ("\(value)", "\(range.lowerBound) to \(range.upperBound)")
    case .interval(let value, let range):
      ("\(value)", "\(range.lowerBound) to \(range.upperBound)")
    case .intervalRange(let value, let range):
      (
        "[\(value.lowerBound), \(value.upperBound)]",
        "two durations from \(range.lowerBound) to \(range.upperBound)"
      )
    case .choice(let value, let allowed): (value, allowed.joined(separator: ", "))
    }
  }

  static let faults = Listing(name: "faults", columns: ["kind", "example", "meaning"]) {
    [
      [
        "crash", #"{ at: "5s", crash: "leader", for: "3s" }"#,
        "the process dies and restarts from its disk; disk: \"torn\" keeps part of what was being written",
      ],
      ["pause", #"{ at: "5s", pause: "leader", for: "2s" }"#, "the process stops and goes on"],
      [
        "slow-cpu", #"{ at: "5s", "slow-cpu": "follower", factor: 10, for: "2s" }"#,
        "everything the node computes takes longer",
      ],
      [
        "partition", #"{ at: "5s", partition: "minority-with-leader", for: "2s" }"#,
        "replicas cannot reach each other: "
          + PartitionShape.names.joined(separator: ", ") + ", or groups such as [[0, 1], [2]]",
      ],
      [
        "link", #"{ at: "5s", link: "leader", loss: 0.1, latency: "5ms", for: "2s" }"#,
        "all links of the node lose, delay, duplicate, reorder or corrupt messages",
      ],
      [
        "clock", #"{ at: "5s", clock: "random", jump: "-500ms" }"#,
        "the node's clock steps, or drifts: drift: 0.01; leases of primary-backup and chain-replication "
          + "stand clocks that differ by a factor of 1.25",
      ],
      [
        "disk", #"{ at: "5s", disk: "follower", slow: "20ms", for: "2s" }"#,
        "every sync takes longer, or none ends: stall: true",
      ],
      [
        "chaos",
        #"{ chaos: { mtbf: "4s", mttr: "500ms", kinds: ["crash"] }, from: "5s", until: "9s" }"#,
        "random faults, one at a time: "
          + ChaosKind.allCases.map(\.rawValue).joined(separator: ", "),
      ],
      [
        "targets", FaultTarget.named.map(\.name).joined(separator: " "),
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
    ]
  }

  static let bugs = Listing(name: "bugs", columns: ["protocol", "unsafeBug", "meaning"]) {
    ProtocolKind.allCases.flatMap { kind in
      kind.description.bugs.map { [kind.name, $0.name, $0.meaning] }
    }
  }

  static let columns = Listing(name: "columns", columns: ["metric", "unit", "meaning"]) {
    MetricColumn.all.map { [$0.name, $0.unit, $0.meaning] }
  }

  var table: String {
    let rows = [columns] + rows()
    let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (column, text) in row.enumerated() {
        line += column == row.count - 1 ? text : pad(text, to: widths[column] + 2)
      }
      return line + "\n"
    }.joined()
  }

  var json: String {
    let objects = rows().map { row in
      let fields = zip(columns, row).map { "\(JSONValue.quoted($0)): \(JSONValue.quoted($1))" }
      return "  { " + fields.joined(separator: ", ") + " }"
    }
    return "[\n" + objects.joined(separator: ",\n") + "\n]\n"
  }
}
