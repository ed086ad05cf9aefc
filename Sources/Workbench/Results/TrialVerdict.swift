import Faults
import Histories
import Linearizability
import Measurement
import Trials

/// The result of the check as the files show it.
package struct TrialVerdict: Sendable, Equatable, Codable {
  /// Ordered from the best to the worst; a row of `summary.csv` has the worst verdict of its
  /// trials.
  package enum Word: String, Sendable, Codable, CaseIterable, Comparable {
    case linearizable, sequential, eventual, unchecked, undecided, violated

    private var rank: Int { Word.allCases.firstIndex(of: self) ?? 0 }
    package static func < (a: Word, b: Word) -> Bool { a.rank < b.rank }
  }

  package var word: Word
  /// Readable text: the counterexample, or why the checker gave up. Empty if no problem was found.
  package var explanation: String

  package init(word: Word, explanation: String = "") {
    self.word = word
    self.explanation = explanation
  }

  /// The checker's verdict on a trial's history. A counterexample is followed by the leadership and
  /// faults observed around it.
  package init(_ verdict: Verdict, in observation: TrialRecord) {
    switch verdict {
    case .consistent(.linearizable): self.init(word: .linearizable)
    case .consistent(.sequential): self.init(word: .sequential)
    case .consistent(.eventual): self.init(word: .eventual)
    case .consistent(.none): self.init(word: .unchecked)
    case .violated(let counterexample):
      self.init(
        word: .violated,
        explanation: ([counterexample.text] + observation.circumstances(of: counterexample))
          .joined(separator: "\n"))
    case .undecided(let key, let reason):
      self.init(word: .undecided, explanation: "key \(key): \(reason)")
    }
  }

  static let mostSafetyViolations = 4

  /// The verdict becomes `violated` if the runtime itself saw a broken promise, whatever the check
  /// of the history found. Only the first violations are shown.
  func with(safetyViolations: [String]) -> TrialVerdict {
    guard !safetyViolations.isEmpty else { return self }
    var lines = word == .violated ? [explanation] : []
    lines += safetyViolations.prefix(TrialVerdict.mostSafetyViolations)
    let omitted = safetyViolations.count - TrialVerdict.mostSafetyViolations
    if omitted > 0 { lines.append("(\(omitted) more broken promises are left out)") }
    return TrialVerdict(word: .violated, explanation: lines.joined(separator: "\n"))
  }
}

extension TrialRecord {
  /// The nodes in charge and the faults in effect from the first shown operation of a
  /// counterexample to its end.
  fileprivate func circumstances(of counterexample: Counterexample) -> [String] {
    let shown = counterexample.shownOperations
    guard let start = shown.map(\.invoked).min() else { return [] }
    let last = counterexample.culprit ?? shown[shown.count - 1]
    let end = max(start, last.outcome == .unknown ? last.invoked : last.returned)
    return [leaders(start, end), faults(start, end)].compactMap { $0 }
  }

  private func leaders(_ start: Int64, _ end: Int64) -> String? {
    guard !leadership.isEmpty else { return nil }
    var parts: [String] = []
    let before = leadership.last { $0.timeNs <= start }
    var earlier: LeadershipSample?
    for sample in [before].compactMap({ $0 })
      + leadership.filter({ $0.timeNs > start && $0.timeNs <= end })
    {
      defer { earlier = sample }
      if let earlier, earlier.leader == sample.leader, earlier.epoch == sample.epoch { continue }
      let name =
        sample.leader.map { "node \($0) (term, ballot or view \(sample.epoch))" } ?? "no node"
      parts.append(
        earlier == nil
          ? name : "\(name) from \(DecimalText.milliseconds(sample.timeNs)) ms")
    }
    return parts.isEmpty ? nil : "in charge: " + parts.joined(separator: ", then ")
  }

  /// If no fault was in effect at that time, the last one before it, because its effect may have
  /// come late.
  private func faults(_ start: Int64, _ end: Int64) -> String? {
    guard !faults.isEmpty else { return nil }
    let holding = faults.filter { $0.startNs <= end && ($0.endNs ?? .max) >= start }
    let chosen = holding.isEmpty ? faults.last { $0.startNs <= end }.map { [$0] } ?? [] : holding
    guard !chosen.isEmpty else { return "faults: none had begun" }
    let most = 6
    var parts = chosen.suffix(most).map { fault in
      let hit = fault.nodes.map(String.init).joined(separator: "+")
      let target = [fault.target, hit.isEmpty ? "" : "(node \(hit))"]
      return ([fault.kind] + target).filter { !$0.isEmpty }.joined(separator: " ")
        + " from \(DecimalText.milliseconds(fault.startNs)) ms"
        + (fault.endNs.map { " to \(DecimalText.milliseconds($0)) ms" } ?? " to the end")
    }
    if chosen.count > most { parts.insert("\(chosen.count - most) earlier ones", at: 0) }
    return (holding.isEmpty ? "last fault before: " : "faults: ") + parts.joined(separator: ", ")
  }
}
