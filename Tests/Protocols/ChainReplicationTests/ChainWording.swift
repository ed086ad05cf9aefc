import ProtocolTesting
import Replication
import ViewService

@testable import ChainReplication

extension Wording<ChainReplica> {
  /// The events of a chain in the words of van Renesse & Schneider 2004.
  static var chain: Wording {
    Wording(
      message: { $0.words }, record: { $0.words }, timer: { _ in "looks whether answers are due" },
      status: { $0.epoch == 0 ? "in no view" : "\($0.role) in view \($0.epoch)" })
  }
}

extension [ViewEntry] {
  /// `[x=4, x=5]`.
  fileprivate var words: String { "[\(map(\.batch.words).joined(separator: ", "))]" }
}

extension ChainReplica.Message {
  var words: String {
    switch self {
    case .forward(let view, let forward):
      return "Forward view \(view)\(forward.words)"
    case .stable(let view, let index):
      return "Stable view \(view): on the disks of all before you up to \(index)"
    case .acknowledge(let view, let index):
      return "Acknowledge view \(view): on all disks up to \(index)"
    case .durable(let view, let index): return "Durable view \(view): on my disk up to \(index)"
    case .hail(let view, _, _): return "Hail view \(view): where do you stand?"
    case .position(let view, let position):
      return "Position view \(view): my log ends at \(position.last) (view \(position.lastView)), "
        + "committed up to \(position.commitIndex)"
    case .standing(let view, let standing):
      return "Standing view \(view): in line up to \(standing.last)"
        + (standing.acknowledged.map { ", acknowledged up to \($0)" } ?? "")
    case .synchronise(let view, let synchronisation):
      let forward = synchronisation.forward
      return "Synchronise view \(view): my log ends at \(synchronisation.through)\(forward.words)"
    case .receipt(let view, let index): return "Receipt view \(view): on my disk up to \(index)"
    case .authority: return "of the authority"
    }
  }
}

extension ChainReplica.Forward {
  fileprivate var words: String {
    ", after \(previous): \(entries.words)" + (stable > .zero ? ", stable up to \(stable)" : "")
  }
}

extension ChainReplica.Record {
  var words: String {
    switch self {
    case .entries(let first, let entries):
      return entries.isEmpty
        ? "no entry from \(first) on"
        : entries.enumerated().map { offset, entry in
          "entry \(first + offset) (view \(entry.view)): \(entry.batch.words)"
        }.joined(separator: "; ")
    }
  }
}
