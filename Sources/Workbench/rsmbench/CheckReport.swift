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
      let keys = keys(of: counterexample).map { history.name(ofKey: $0) }
      rows.append(
        (
          "verdict",
          "VIOLATED "
            + (keys.count > 1 ? "across keys \(keys.joined(separator: ", "))" : "at key \(keys[0])")
        ))
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
      let shown = shown(of: counterexample)
      members.append(.init("key", .string(history.name(ofKey: counterexample.key))))
      members.append(.init("explanation", .string(explanation(of: counterexample, shown))))
      members.append(
        .init("counterexample", .array(shown.map { object($0, of: counterexample) })))
    }
    return JSONValue.object(members).compactText + "\n"
  }
}

// MARK: - The counterexample

extension CheckReport {
  /// An operation of a counterexample, and its place in the history.
  private typealias Shown = (place: Int, operation: Operation)

  private func keys(of counterexample: Counterexample) -> [UInt32] {
    let keys = Set(counterexample.operations.map(\.key)).sorted()
    return keys.isEmpty ? [counterexample.key] : keys
  }

  private func lines(of counterexample: Counterexample) -> [String] {
    let all = shown(of: counterexample)
    let shown = all.suffix(CheckReport.mostOperations)
    var lines = [explanation(of: counterexample, all)]
    if shown.count < all.count {
      lines.append("  (\(all.count - shown.count) earlier operations are left out)")
    }
    let columns = shown.map { shown in
      (
        lineRange(shown.place), "process " + history.name(ofClient: shown.operation.client),
        text(shown.operation, of: counterexample)
      )
    }
    let first = columns.map(\.0.count).max() ?? 0
    let second = columns.map(\.1.count).max() ?? 0
    for (shown, column) in zip(shown, columns) {
      let mark = shown.operation == counterexample.culprit ? "> " : "  "
      lines.append(
        mark + pad(column.0, to: first) + "  " + pad(column.1, to: second) + "  " + column.2)
    }
    return lines
  }

  /// The operation and its answer, with its key if the counterexample has several.
  private func text(_ operation: Operation, of counterexample: Counterexample) -> String {
    let key =
      keys(of: counterexample).count > 1 ? "key \(history.name(ofKey: operation.key)): " : ""
    return key + call(operation) + answer(operation)
  }

  /// The operations of a counterexample in the order of the history. The parts of a scan all have
  /// its place.
  private func shown(of counterexample: Counterexample) -> [Shown] {
    let calls = Set(counterexample.operations.map(\.invoked))
    var left = counterexample.operations
    var shown: [Shown] = []
    for (place, operation) in operations.enumerated() where calls.contains(operation.invoked) {
      if operation.kind == .scan {
        let parts = left.filter {
          $0.kind == .scan && $0.client == operation.client && $0.invoked == operation.invoked
        }
        shown += parts.map { (place, $0) }
      } else if let match = left.firstIndex(of: operation) {
        left.remove(at: match)
        shown.append((place, operation))
      }
    }
    return shown
  }

  /// The explanation, with operations named by their lines, because the list below has their
  /// details.
  private func explanation(of counterexample: Counterexample, _ shown: [Shown]) -> String {
    let text = shown.reduce(counterexample.explanation) { text, shown in
      text.replacing(
        Counterexample.text(shown.operation),
        with: "the \(shown.operation.kind.name) of line \(history.lines[shown.place].call)")
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

  private func object(_ shown: Shown, of counterexample: Counterexample) -> JSONValue {
    let (call, completion) = history.lines[shown.place]
    return .object([
      .init("line", .integer(Int128(call))),
      .init("completionLine", completion.map { .integer(Int128($0)) } ?? .null),
      .init("process", .string(history.name(ofClient: shown.operation.client))),
      .init("operation", .string(text(shown.operation, of: counterexample))),
      .init("isCulprit", .flag(shown.operation == counterexample.culprit)),
    ])
  }
}
