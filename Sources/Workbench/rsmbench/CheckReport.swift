import Configuration
import Histories
import Linearizability

/// The output of `rsmbench check` for a history.
struct CheckReport {
  var file: String
  var history: RecordedHistory
  var model: HistoryModel
  var isGuessed: Bool
  var verdict: Verdict

  /// The most operations of a counterexample shown; of a longer one, the last are shown.
  static let mostOperations = 40

  var exitCode: ExitCode {
    switch verdict {
    case .consistent: .done
    case .violated: .violated
    case .undecided: .undecided
    }
  }

  private var operations: [Operation] { history.operations }
  private var unknown: Int { operations.count { $0.outcome == .unknown } }
  private var failed: Int { operations.count { $0.outcome == .failed } }
  private var keys: Int {
    Set(operations.map(\.key)).union(history.scans.versions.map(\.key)).count
  }
  private var clients: Int { Set(operations.map(\.client)).count }

  var text: String {
    var rows = [
      (
        "history",
        "\(file) (\(history.format.rawValue)\(history.order.map { ", ordered by \($0)" } ?? ""))"
      ),
      ("model", model.rawValue + (isGuessed ? " (guessed from the operations)" : "")),
      (
        "operations",
        "\(operations.count) by \(clients) clients on \(keys) keys; \(unknown) unknown, "
          + "\(failed) failed"
      ),
    ]
    var lines: [String] = []
    switch verdict {
    case .consistent(let level): rows.append(("verdict", level.rawValue))
    case .undecided(let key, let reason):
      rows.append(("verdict", "undecided at key \(history.name(ofKey: key))"))
      lines.append("Undecided: \(reason).")
    case .violated(let counterexample):
      rows.append(("verdict", "VIOLATED at key \(history.name(ofKey: counterexample.key))"))
      lines = self.lines(of: counterexample)
    }
    return rows.map { pad($0, to: 12) + $1 + "\n" }.joined()
      + (lines.isEmpty ? "" : "\n" + lines.joined(separator: "\n") + "\n")
  }

  var json: String {
    var members: [JSONValue.Member] = [
      .init("history", .string(file)), .init("format", .string(history.format.rawValue)),
      .init("order", .string(history.order ?? "lines")),
      .init("model", .string(model.rawValue)), .init("modelGuessed", .flag(isGuessed)),
      .init("operations", .integer(Int128(operations.count))),
      .init("clients", .integer(Int128(clients))), .init("keys", .integer(Int128(keys))),
      .init("unknown", .integer(Int128(unknown))), .init("failed", .integer(Int128(failed))),
      .init("verdict", .string(verdict.name)),
    ]
    switch verdict {
    case .consistent: break
    case .undecided(let key, let reason):
      members.append(.init("key", .string(history.name(ofKey: key))))
      members.append(.init("reason", .string(reason)))
    case .violated(let counterexample):
      let places = places(of: counterexample.operations)
      members.append(.init("key", .string(history.name(ofKey: counterexample.key))))
      members.append(.init("explanation", .string(explanation(of: counterexample, places))))
      members.append(
        .init("counterexample", .array(places.map { object($0, counterexample.culprit) })))
    }
    return JSONValue.object(members).compactText + "\n"
  }
}

// MARK: - The counterexample

extension CheckReport {
  private func lines(of counterexample: Counterexample) -> [String] {
    let places = places(of: counterexample.operations)
    let shown = places.suffix(CheckReport.mostOperations)
    var lines = [explanation(of: counterexample, places)]
    if shown.count < places.count {
      lines.append("  (\(places.count - shown.count) earlier operations are left out)")
    }
    let columns = shown.map { place in
      (
        lineRange(place), "process " + history.name(ofClient: operations[place].client),
        call(operations[place]) + answer(operations[place])
      )
    }
    let first = columns.map(\.0.count).max() ?? 0
    let second = columns.map(\.1.count).max() ?? 0
    for (place, column) in zip(shown, columns) {
      let mark = operations[place] == counterexample.culprit ? "> " : "  "
      lines.append(
        mark + pad(column.0, to: first) + "  " + pad(column.1, to: second) + "  " + column.2)
    }
    return lines
  }

  /// The places in the history of a counterexample's operations.
  private func places(of wanted: [Operation]) -> [Int] {
    let calls = Set(wanted.map(\.invoked))
    var left = wanted
    var places: [Int] = []
    for (place, operation) in operations.enumerated() where calls.contains(operation.invoked) {
      guard let match = left.firstIndex(of: operation) else { continue }
      left.remove(at: match)
      places.append(place)
    }
    return places
  }

  /// The explanation, with operations named by their lines, because the list below has their
  /// details.
  private func explanation(of counterexample: Counterexample, _ places: [Int]) -> String {
    let text = places.reduce(counterexample.explanation) { text, place in
      let operation = operations[place]
      return text.replacing(
        Counterexample.text(operation),
        with: "the \(operation.kind.name) of line \(history.lines[place].call)")
    }
    return text.prefix(1).uppercased() + text.dropFirst()
  }

  private func lineRange(_ place: Int) -> String {
    let (call, completion) = history.lines[place]
    return completion.map { "lines \(call) to \($0)" } ?? "line \(call) to the end"
  }

  private func name(_ value: ValueDigest, _ operation: Operation) -> String {
    history.name(of: value, ofKey: operation.key)
  }

  private func call(_ operation: Operation) -> String {
    switch operation.kind {
    case .get, .scan, .delete: operation.kind.name
    case .put, .append: "\(operation.kind.name) \(name(operation.argument, operation))"
    case .compareAndSwap:
      "cas \(name(operation.expected, operation)) to \(name(operation.argument, operation))"
    }
  }

  private func answer(_ operation: Operation) -> String {
    guard operation.outcome == .ok else { return ", unknown" }
    switch operation.kind {
    case .put, .append, .delete: return ""
    case .get, .scan: return " -> \(name(operation.observed, operation))"
    case .compareAndSwap:
      if operation.swapped { return "" }
      return operation.observed == .unobserved
        ? ", refused" : ", refused, found \(name(operation.observed, operation))"
    }
  }

  private func object(_ place: Int, _ culprit: Operation?) -> JSONValue {
    let operation = operations[place]
    let (call, completion) = history.lines[place]
    return .object([
      .init("line", .integer(Int128(call))),
      .init("completionLine", completion.map { .integer(Int128($0)) } ?? .null),
      .init("process", .string(history.name(ofClient: operation.client))),
      .init("operation", .string(self.call(operation) + answer(operation))),
      .init("isCulprit", .flag(operation == culprit)),
    ])
  }
}
