import ProtocolTesting
import Replication

@testable import ViewstampedReplication

extension Wording<ViewstampedReplica> {
  /// The events of Viewstamped Replication in the words of Liskov & Cowling 2012.
  static var viewstamped: Wording {
    Wording(
      message: { $0.words }, record: { $0.words },
      timer: { timer in
        switch timer {
        case .viewChange: "has not heard the primary for too long"
        case .commit: "Commit is due"
        case .retransmission: "sends again what is not answered"
        }
      },
      status: {
        $0.role == "view-change"
          ? "in the change to view \($0.epoch)" : "\($0.role) in view \($0.epoch)"
      }, entry: "operation")
  }
}

extension [Viewstamp] {
  /// `view 0 up to 2, view 1 up to 3`.
  fileprivate var words: String {
    isEmpty
      ? "no operation" : map { "view \($0.view) up to \($0.op)" }.joined(separator: ", ")
  }
}

extension ViewstampedReplica.Message {
  var words: String {
    switch self {
    case .prepare(let message):
      let list = message.batches.map(\.words).joined(separator: ", ")
      return "Prepare view \(message.view), operations from \(message.op): [\(list)], "
        + "commit \(message.commit)\(roundWords(message.readRound))"
    case .prepareOK(let message):
      return "PrepareOK view \(message.view): I have all up to \(message.op)"
    case .commit(let message):
      return "Commit view \(message.view): commit \(message.commit), sent up to \(message.op)"
        + roundWords(message.readRound)
    case .commitOK(let message):
      return "CommitOK view \(message.view): I know no later view\(roundWords(message.readRound))"
    case .startViewChange(let view): return "StartViewChange view \(view)"
    case .doViewChange(let message):
      return "DoViewChange view \(message.view): last normal in view \(message.lastNormalView), "
        + "my log has \(message.history.words), commit \(message.commit)"
    case .startView(let message):
      return "StartView view \(message.view): the log has \(message.history.words), "
        + "commit \(message.commit)"
    case .getState(let message):
      return "GetState view \(message.view): operations \(message.op.next) to \(message.through)"
    case .newState(let message):
      let list = message.batches.map(\.words).joined(separator: ", ")
      return "NewState view \(message.view): after \(message.op): [\(list)], of view "
        + "\(message.opView)"
    case .recovery: return "Recovery: what is the state?"
    case .recoveryResponse(let message):
      return "RecoveryResponse view \(message.view)"
        + (message.log.map { ", I am its primary: the log has \($0.history.words)" } ?? "")
    case .newerView(let view): return "This is view \(view)"
    case .snapshot: return "part of a snapshot"
    }
  }

  private func roundWords(_ round: UInt64) -> String { round == 0 ? "" : ", read round \(round)" }
}

extension ViewstampedReplica.Record {
  var words: String? {
    switch self {
    case .view(let view, let lastNormal): return "view \(view), last normal in view \(lastNormal)"
    case .append(let first, let view, let batches):
      return batches.isEmpty
        ? "no operation from \(first) on"
        : batches.enumerated().map { offset, batch in
          "operation \(first + offset) (view \(view)): \(batch.words)"
        }.joined(separator: "; ")
    case .snapshot(let reference): return "log begins behind operation \(reference.index)"
    case .started(let count): return "start \(count)"
    case .recovered: return "has recovered"
    case .incarnations(let lives):
      guard lives.contains(where: { $0.start > 0 }) else { return nil }
      return "knows starts \(lives.map { "\($0.start)" }.joined(separator: ", "))"
    }
  }
}
