import ProtocolTesting
import Replication
import ViewService

@testable import PrimaryBackup

extension Wording<PrimaryBackupReplica> {
  /// The events of primary-backup replication.
  static var primaryBackup: Wording {
    Wording(
      message: { $0.words }, record: { $0.words }, timer: { _ in "looks whether answers are due" },
      status: { $0.epoch == 0 ? "in no view" : "\($0.role) in view \($0.epoch)" })
  }
}

extension PrimaryBackupReplica.Message {
  var words: String {
    switch self {
    case .append(let append):
      let entries = append.entries.map(\.batch.words).joined(separator: ", ")
      return "Append view \(append.view), after \(append.previous): "
        + (entries.isEmpty ? "nothing" : "[\(entries)]") + ", commit \(append.commitIndex)"
    case .appended(let view, let index):
      return "Appended view \(view): my disk equals your log up to \(index)"
    case .summary(let view, _, let runs):
      let ends = runs.map { "view \($0.view) up to \($0.last)" }.joined(separator: ", ")
      return "Summary view \(view): my log has \(ends.isEmpty ? "no entry" : ends)"
    case .present(let view): return "Present view \(view)"
    case .outdated(let view): return "Outdated: this is view \(view)"
    case .authority: return "of the authority"
    }
  }
}

extension PrimaryBackupReplica.Record {
  var words: String { "entry \(index) (view \(entry.view)): \(entry.batch.words)" }
}
