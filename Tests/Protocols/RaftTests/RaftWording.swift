import ProtocolTesting
import Replication

@testable import Raft

extension Wording<RaftReplica> {
  /// Raft's events in the words of figure 2 of the paper.
  static var raft: Wording {
    Wording(
      message: { $0.words }, record: { $0.words },
      timer: { $0 == .election ? "election timeout" : "heartbeat is due" },
      status: { "\($0.role) in term \($0.epoch)" })
  }
}

extension RaftReplica.Entry {
  fileprivate func words(in term: RaftReplica.Term) -> String {
    self.term == term ? batch.words : "\(batch.words) (term \(self.term))"
  }
}

extension RaftReplica.Message {
  var words: String {
    switch self {
    case .requestVote(let request):
      let name = request.isPreVote ? "PreVote" : "RequestVote"
      return "\(name) term \(request.term), my log ends at \(request.lastLogIndex)"
        + " (term \(request.lastLogTerm))"
    case .voteReply(let reply):
      let name = reply.isPreVote ? "PreVote" : "Vote"
      return "\(name) term \(reply.term): \(reply.isGranted ? "yes" : "no")"
    case .appendEntries(let request):
      let entries = request.entries.map { $0.words(in: request.term) }.joined(separator: ", ")
      return "AppendEntries term \(request.term), after \(request.prevLogIndex)"
        + " (term \(request.prevLogTerm)): \(entries.isEmpty ? "heartbeat" : "[\(entries)]"),"
        + " commit \(request.leaderCommit)\(roundWords(request.readRound))"
    case .appendAccepted(let reply):
      return "Accepted term \(reply.term): my log equals yours up to \(reply.matchIndex)"
    case .appendRejected(let reply):
      return reply.conflictTerm == 0
        ? "Rejected term \(reply.term): I lack entry \(reply.prevLogIndex), my log ends at "
          + "\(reply.lastLogIndex)"
        : "Rejected term \(reply.term): my entry \(reply.prevLogIndex) is of term "
          + "\(reply.conflictTerm), which begins at \(reply.conflictIndex)"
    case .roundConfirmed(let reply):
      return "Confirmed term \(reply.term): I know no newer leader\(roundWords(reply.readRound))"
    case .newerTerm(let term): return "This is term \(term)"
    case .snapshot: return "part of a snapshot"
    case .promoted(let word):
      return "Promoted term \(word.term): vote again, you have entry \(word.index)"
    }
  }

  private func roundWords(_ round: UInt64) -> String { round == 0 ? "" : ", read round \(round)" }
}

extension RaftReplica.Record {
  var words: String {
    switch self {
    case .vote(let term, let candidate):
      return "term \(term), \(candidate.map { "vote for \($0.letter)" } ?? "no vote yet")"
    case .append(let first, let entries):
      return entries.enumerated().map { offset, entry in
        "entry \(first + offset) (term \(entry.term)): \(entry.batch.words)"
      }.joined(separator: "; ")
    case .snapshot(let reference):
      return "log begins behind entry \(reference.index) (term \(reference.epoch))"
    case .promoted: return "votes again"
    }
  }
}
