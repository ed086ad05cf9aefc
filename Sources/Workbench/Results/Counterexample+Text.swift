import Histories
import Linearizability

extension Counterexample {
  private static let mostOperations = 12

  /// The operations that the text lists: if there are many, the last ones, because the earlier ones
  /// could still be explained.
  var shownOperations: [Operation] { operations.suffix(Counterexample.mostOperations) }

  /// The explanation, then the operations that cannot be explained together, one per line. The
  /// explanation does not repeat what these lines say.
  var text: String {
    let shown = shownOperations
    var lines = [
      shown.reduce(explanation) {
        $0.replacing(Counterexample.text($1), with: "client \($1.client)'s \($1.kind.name)")
      }
    ]
    let omitted = operations.count - shown.count
    if omitted > 0 { lines.append("  (\(omitted) earlier operations of key \(key) are left out)") }
    for operation in shown {
      let mark = operation == culprit ? "> " : "  "
      lines.append(mark + operation.line)
    }
    return lines.joined(separator: "\n")
  }
}

extension Operation {
  fileprivate var line: String {
    let start = DecimalText.milliseconds(invoked)
    let end = outcome == .unknown ? "?" : DecimalText.milliseconds(returned)
    return "[\(start) .. \(end) ms] client \(client): \(call) -> \(answer)"
  }

  private var call: String {
    switch kind {
    case .get, .scan, .delete: "\(kind.name) key \(key)"
    case .put, .append: "\(kind.name) key \(key) \(argument.shortText)"
    case .compareAndSwap:
      "\(kind.name) key \(key) \(expected.shortText) to \(argument.shortText)"
    }
  }

  private var answer: String {
    switch outcome {
    case .failed: "failed"
    case .unknown: "unknown"
    case .ok:
      switch kind {
      case .get, .scan: observed.shortText
      case .compareAndSwap: swapped ? "swapped" : "found \(observed.shortText)"
      case .put, .delete, .append: "ok"
      }
    }
  }
}

extension ValueDigest {
  /// Enough of the digest to tell values apart by eye.
  fileprivate var shortText: String {
    if isAbsent { return "nothing" }
    let hex = String(hash, radix: 16)
    return "#" + (String(repeating: "0", count: 16 - hex.count) + hex).prefix(8)
  }
}
