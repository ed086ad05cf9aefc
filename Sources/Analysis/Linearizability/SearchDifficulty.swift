import Histories

/// Explains in words why the search over the operations of one key exceeded its budget.
struct SearchDifficulty {
  private let count: Int
  /// The maximum number of operations that were open at one time; operations without an answer stay
  /// open.
  private let overlap: Int
  private let unanswered: Int
  private var reasons: [String] = []

  init(_ operations: [Operation]) {
    count = operations.count
    unanswered = operations.count { $0.outcome == .unknown }
    overlap = SearchDifficulty.overlap(of: operations)
    let kinds = Set(operations.map(\.kind))
    if kinds.contains(.append) { reasons.append("appends") }
    if kinds.contains(.delete) { reasons.append("deletes") }
    if operations.contains(where: { $0.isRefused && $0.observed == .unobserved }) {
      reasons.append("swaps refused without saying what was found")
    }
    let values = operations.filter { $0.kind != .delete }.compactMap(\.writtenValue)
    if Set(values).count < values.count { reasons.append("values written more than once") }
    if unanswered > 0 { reasons.append("\(unanswered) operations without an answer") }
  }

  private static func overlap(of operations: [Operation]) -> Int {
    var events = operations.map { ($0.invoked, 0) }
    events += operations.filter { $0.outcome == .ok }.map { ($0.returned, 1) }
    events.sort { $0 < $1 }
    var open = 0
    var most = 0
    for (_, isReturn) in events {
      open += isReturn == 0 ? 1 : -1
      most = max(most, open)
    }
    return most
  }

  func reason(given: SearchBudget, left: SearchBudget) -> String {
    let spent =
      left.configurations < 0
      ? "\(given.configurations) states were remembered" : "\(given.steps) steps were made"
    let mix = reasons.isEmpty ? "" : ", with " + reasons.joined(separator: ", ")
    return "the search over its \(count) operations ran out of its budget after \(spent), because "
      + "up to \(overlap) of them overlap\(mix); fewer clients per key (or more keys), a mix of "
      + "gets, puts and swaps alone, or a larger budget (rsmbench check --budget) can decide it"
  }
}
