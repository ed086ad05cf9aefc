import Configuration
import Experiments
import Replication
import Testing

func plan(
  _ text: String, set: [String] = [], hosts: HostsFile? = nil
) throws -> ExperimentPlan {
  try ExperimentPlan.read(
    text: text, file: "x.json5", overrides: set.map { try Override(set: $0) }, hosts: hosts)
}

func experiment(_ text: String, set: [String] = []) throws -> Experiment {
  try plan(text, set: set).experiment
}

/// The one line that a refusal prints; the test fails if the experiment is not refused.
func refusal(_ text: String, set: [String] = [], hosts: HostsFile? = nil) -> String {
  do {
    _ = try plan(text, set: set, hosts: hosts)
    Issue.record("accepted: \(text) \(set)")
    return ""
  } catch {
    return "\(error)"
  }
}

/// Expects a refusal whose line has these parts, in their order, with any text for each `*`.
func expectRefusal(_ text: String, saying expected: String) {
  let line = refusal(text)
  var rest = line[...]
  for part in expected.split(separator: "*") {
    guard let range = rest.firstRange(of: part) else {
      Issue.record("\(line)\nlacks: \(part)")
      return
    }
    rest = rest[range.upperBound...]
  }
}
