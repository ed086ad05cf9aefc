import ProtocolTesting
import Replication

@testable import MultiPaxos

extension Wording<MultiPaxosReplica> {
  /// The events of Multi-Paxos in the words of Lamport 2001.
  static var multiPaxos: Wording {
    Wording(
      message: { $0.words }, record: { $0.words },
      timer: { timer in
        switch timer {
        case .election: "has not heard a leader for too long"
        case .heartbeat: "heartbeat is due"
        case .resend: "looks whether reports are due"
        }
      },
      status: { "\($0.role), knows ballot \(Ballot.words(of: $0.epoch))" },
      entry: "slot")
  }
}

extension MultiPaxosReplica.Ballot {
  /// `2.B`: the round, and the replica that made the ballot.
  var words: String { self == .none ? "none" : "\(round).\(node.letter)" }

  fileprivate static func words(of rawValue: UInt64) -> String {
    Ballot(round: rawValue >> 16, node: ReplicaID(Int(rawValue & 0xFFFF))).words
  }
}

extension MultiPaxosReplica.AcceptedValue {
  fileprivate var words: String {
    let origin = ballot == .chosen ? "chosen" : "ballot \(ballot.words)"
    return "slot \(slot): \(value?.words ?? "what you hold") (\(origin))"
  }
}

extension MultiPaxosReplica.Message {
  var words: String {
    switch self {
    case .prePrepare(let ballot): return "PrePrepare ballot \(ballot.words): would you promise it?"
    case .prePromise(let ballot): return "PrePromise ballot \(ballot.words): yes"
    case .prepare(let ballot, let from, let held):
      let runs = held.map { "ballot \($0.ballot.words) up to \($0.last)" }
      return "Prepare ballot \(ballot.words), from slot \(from)"
        + (runs.isEmpty ? "" : ", I hold " + runs.joined(separator: ", "))
    case .promise(let ballot, _, let accepted, let next, _, _):
      let values = accepted.map(\.words).joined(separator: ", ")
      return "Promise ballot \(ballot.words): \(values.isEmpty ? "nothing accepted" : values)"
        + (next == nil ? "" : ", and more")
    case .accept(let ballot, let first, let values, let commitIndex, let round):
      let list = values.map(\.words).joined(separator: ", ")
      guard !values.isEmpty else {
        return "Accept ballot \(ballot.words), no value, next slot \(first), chosen up to "
          + "\(commitIndex): what do you lack?\(roundWords(round))"
      }
      return "Accept ballot \(ballot.words), slots from \(first): [\(list)], chosen up to "
        + "\(commitIndex)\(roundWords(round))"
    case .accepted(let ballot, let first, let count, let gap, _):
      let slots =
        switch count {
        case 0: "nothing new"
        case 1: "slot \(first)"
        default: "\(count) slots from \(first)"
        }
      return "Accepted ballot \(ballot.words), \(slots)\(gapWords(gap))"
    case .preempted(let ballot): return "Preempted: I have promised ballot \(ballot.words)"
    case .heartbeat(let ballot, let commitIndex, let next, let round):
      return "Heartbeat ballot \(ballot.words), chosen up to \(commitIndex), next slot \(next)"
        + roundWords(round)
    case .heartbeatAcknowledged(let ballot, let round, let gap):
      return "Acknowledged ballot \(ballot.words)\(roundWords(round))\(gapWords(gap))"
    case .replaced(let ballot, let generations):
      return "Replaced ballot \(ballot.words): disks of generations \(generations)"
    case .noted(let ballot, let generations):
      return "Noted ballot \(ballot.words): disks of generations \(generations)"
    case .promoted(let ballot, _): return "Promoted ballot \(ballot.words): be an acceptor again"
    case .snapshot: return "part of a snapshot"
    }
  }

  private func roundWords(_ round: UInt64) -> String { round == 0 ? "" : ", read round \(round)" }

  private func gapWords(_ gap: Gap) -> String {
    gap.count == 0
      ? "" : ", I lack \(gap.count) \(gap.count == 1 ? "slot" : "slots") from \(gap.first) on"
  }
}

extension MultiPaxosReplica.Record {
  var words: String {
    switch self {
    case .promised(let ballot): return "promised ballot \(ballot.words)"
    case .accepted(let slot, let ballot, let value):
      return ballot == .chosen
        ? "slot \(slot): \(value.words), chosen"
        : "slot \(slot): \(value.words), accepted in ballot \(ballot.words)"
    case .chosen(let slot): return "chosen up to slot \(slot)"
    case .snapshot(let reference, _): return "log begins behind slot \(reference.index)"
    case .generations(let generations): return "disks of generations \(generations)"
    case .promoted: return "is an acceptor again"
    }
  }
}
