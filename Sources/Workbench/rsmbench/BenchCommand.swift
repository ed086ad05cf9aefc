import Benchmarks
import Configuration

extension Command {
  static let bench = Command(
    name: "bench", synopsis: "bench [--filter TEXT] [--format table|json]",
    meaning: "Runs the micro-benchmarks of this program and prints their figures.",
    notes: """
      Each figure is the best of \(Benchmark.repetitions) repetitions on one core. Compare figures of one run
      with each other, not with another machine's.
      """,
    flags: {
      [
        Flag(
          name: "--filter", value: "TEXT", meaning: "only benchmarks whose name contains TEXT"),
        Flag(name: "--format", value: "table|json", meaning: "how to print (default table)"),
      ]
    },
    execute: { arguments in
      guard arguments.positional.isEmpty else {
        throw UsageError("bench takes no file: found \"\(arguments.positional[0])\"")
      }
      let format = try arguments.choice("--format", of: ["table", "json"]) ?? "table"
      let filter = arguments["--filter"] ?? ""
      let chosen = BenchmarkSuite.all.filter { filter.isEmpty || $0.name.contains(filter) }
      guard !chosen.isEmpty else {
        let names = BenchmarkSuite.all.map(\.name).joined(separator: ", ")
        throw UsageError("--filter: no benchmark's name contains \"\(filter)\"; there are \(names)")
      }
      if format == "table" {
        for benchmark in chosen {
          let result = benchmark.measure()
          let name = pad(result.name, to: 28)
          try Console.print(
            "\(name)\(pad(figure(result.value), to: 16, left: true)) \(result.unit)")
        }
      } else {
        let rows = chosen.map { benchmark in
          let result = benchmark.measure()
          return JSONValue.object([
            .init("name", .string(result.name)), .init("value", plain(result.value)),
            .init("unit", .string(result.unit)),
          ])
        }
        try Console.print(JSONValue.lines(rows), terminator: "")
      }
      return .done
    })
}

/// The number with one decimal below a thousand, and with none above.
private func plain(_ value: Double) -> JSONValue {
  value < 1000 ? .number((value * 10).rounded() / 10) : .integer(Int128(value.rounded()))
}

/// The same with separated thousands.
private func figure(_ value: Double) -> String {
  let digits = plain(value).compactText
  guard value >= 1000 else { return digits }
  var text = ""
  for (position, digit) in digits.reversed().enumerated() {
    if position > 0, position % 3 == 0 { text.append(" ") }
    text.append(digit)
  }
  return String(text.reversed())
}
