import Configuration
import Experiments
import Replication
import Testing

/// A catalog shaped like the real one, with an option of every kind.
let catalog = ProtocolCatalog([
  entry(
    "raft", replicasPerFailure: 2,
    [
      electionTimeout, interval("heartbeat"),
      OptionDeclaration("preVote", .flag(default: true), "Pre-vote"), .electOnDisconnect,
      OptionDeclaration(
        "reads", .choice(default: "read-index", of: ["read-index", "log"]), "Reads"),
      OptionDeclaration("inFlightLimit", .integer(default: 64, range: 1...4096), "In flight"),
    ]),
  entry(
    "multi-paxos", replicasPerFailure: 2,
    [interval("heartbeat"), interval("retransmission"), electionTimeout, .electOnDisconnect]),
  entry(
    "primary-backup", replicasPerFailure: 1, needsAuthority: true,
    [interval("failureTimeout"), interval("ping"), interval("resend")]),
  entry(
    "chain-replication", replicasPerFailure: 1, needsAuthority: true,
    [interval("failureTimeout"), interval("ping"), interval("resend")]),
  entry("unreplicated", replicasPerFailure: 0),
])

private let electionTimeout = OptionDeclaration(
  "electionTimeout",
  .intervalRange(
    default: .milliseconds(150) ... .milliseconds(300), range: .milliseconds(10) ... .seconds(60)),
  "Election timeout")

private func interval(_ name: String) -> OptionDeclaration {
  OptionDeclaration(
    name, .interval(default: .milliseconds(50), range: .milliseconds(1) ... .seconds(10)), name)
}

private func entry(
  _ name: String, replicasPerFailure: Int, needsAuthority: Bool = false,
  _ options: [OptionDeclaration] = []
) -> ProtocolCatalog.Entry {
  ProtocolCatalog.Entry(
    ProtocolDescription(
      name: name, summary: "", source: "", replicasPerFailure: replicasPerFailure,
      needsAuthority: needsAuthority, bugs: []),
    options: options)
}

func plan(
  _ text: String, set: [String] = [], hosts: HostsFile? = nil
) throws -> ExperimentPlan {
  try ExperimentPlan.read(
    text: text, file: "x.json5", overrides: set.map { try Override(set: $0) }, hosts: hosts,
    catalog: catalog)
}

func experiment(_ text: String, set: [String] = []) throws -> Experiment {
  try plan(text, set: set).experiment
}

/// The one line that a refusal prints; a test fails if there is none.
func refusal(_ text: String, set: [String] = [], hosts: HostsFile? = nil) -> String {
  do {
    _ = try plan(text, set: set, hosts: hosts)
    Issue.record("accepted: \(text) \(set)")
    return ""
  } catch {
    return "\(error)"
  }
}
