import Configuration
import Experiments
import Faults
import Measurement
import ProtocolList
import Replication
import Results
import Trials
import Workloads

extension Command {
  static let list = Command(
    name: "list",
    synopsis: "list protocols|options|faults|workloads|networks|bugs|columns [--format table|json]",
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
      let terminal = Terminal.standardOutput
      let width = terminal.isInteractive ? terminal.width : nil
      try Console.print(
        format == "json" ? listing.json : listing.table(width: width), terminator: "")
      return .done
    })
}

/// A table of names: one of the lists that `rsmbench list` prints.
struct Listing {
  var name: String
  var columns: [String]
  var rows: @Sendable () -> [[String]]

  static let topics: [Listing] = [
    protocols, options, faults, workloads, networks, bugs, columns,
  ]

  static let protocols = Listing(
    name: "protocols",
    columns: [
      "name", "replicas to survive f failures", "authority", "assumes", "summary", "source",
    ]
  ) {
    ProtocolKind.allCases.map { kind in
      let about = kind.description
      let needed =
        !about.failsOver
        ? "survives none"
        : about.replicasPerFailure == 1 ? "f + 1" : "\(about.replicasPerFailure)f + 1"
      return [
        kind.name, needed, about.needsAuthority ? "view service" : "none",
        about.assumption, about.summary,
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
        return [
          kind.name, option.name, fallback, allowed + (option.bound.map(describe) ?? ""),
          option.meaning,
        ]
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

  private static func describe(_ bound: OptionDeclaration.Bound) -> String {
    ", at most \(bound.divisor == 1 ? "" : "1/\(bound.divisor) of ")\(bound.option)"
      + "; where it is not set, at most 1/\(bound.defaultDivisor) of it"
  }

  static let bugs = Listing(name: "bugs", columns: ["protocol", "unsafeBug", "meaning"]) {
    ProtocolKind.allCases.flatMap { kind in
      kind.description.bugs.map { [kind.name, $0.name, $0.meaning] }
    }
  }

  static let columns = Listing(name: "columns", columns: ["metric", "unit", "meaning"]) {
    MetricColumn.all.map { [$0.name, $0.unit, $0.meaning] }
      + LatencyPart.allCases.map { part in
        [
          "breakdown.\(part.rawValue)", "us",
          "only in breakdown.csv, with trace: \(part.meaning)",
        ]
      }
  }

  /// - Parameter width: the terminal's width; nil for one line per row.
  func table(width: Int?) -> String {
    WrappedTable.render([columns] + rows(), width: width)
  }

  var json: String {
    JSONValue.lines(
      rows().map { row in .object(zip(columns, row).map { .init($0, .string($1)) }) })
  }
}
