import ProtocolTesting
import SteppedCluster
import Replication
import Testing

@testable import Raft

typealias Cluster = InProcessCluster<RaftReplica>

/// Options with some values in place of the defaults.
func raftOptions(
  bug: RaftReplica.Bug? = nil, preVote: Bool = true, checkQuorum: Bool = true,
  inFlightLimit: Int = 64, inFlightBytes: Int = 4 << 20, messageByteLimit: Int = 1 << 20
) -> RaftReplica.Options {
  var options = RaftReplica.Options()
  options.bug = bug
  options.preVote = preVote
  options.checkQuorum = checkQuorum
  options.inFlightLimit = inFlightLimit
  options.inFlightBytes = inFlightBytes
  options.messageByteLimit = messageByteLimit
  return options
}

/// Plays a scenario that says whether a rule held, as the code is and with the one mistake that the
/// rule forbids.
/// - Parameter plain: the options without the bug.
func expect(
  _ bug: RaftReplica.Bug, breaks scenario: (RaftReplica.Options) -> Bool,
  with plain: RaftReplica.Options = raftOptions(preVote: false, checkQuorum: false),
  at location: SourceLocation = #_sourceLocation
) {
  #expect(scenario(plain), "the rule is broken without the bug", sourceLocation: location)
  var broken = plain
  broken.bug = bug
  #expect(
    !scenario(broken), "the bug \(bug.rawValue) does no harm", sourceLocation: location)
}

func entry(_ term: RaftReplica.Term, _ number: UInt64 = 0) -> RaftReplica.Entry {
  RaftReplica.Entry(term: term, batch: number == 0 ? .noop : batch(number))
}

func requestVote(
  _ term: RaftReplica.Term, last: (index: Int, term: RaftReplica.Term) = (0, 0),
  isPreVote: Bool = false
) -> RaftReplica.Message {
  .requestVote(
    .init(
      term: term, lastLogIndex: LogIndex(last.index), lastLogTerm: last.term,
      isPreVote: isPreVote))
}

func heartbeat(_ term: RaftReplica.Term) -> RaftReplica.Message {
  .appendEntries(
    .init(
      term: term, prevLogIndex: .zero, prevLogTerm: 0, leaderCommit: .zero, readRound: 0,
      entries: []))
}

func vote(
  _ term: RaftReplica.Term, _ isGranted: Bool, isPreVote: Bool = false
) -> RaftReplica.Message {
  .voteReply(.init(term: term, isGranted: isGranted, isPreVote: isPreVote))
}

extension InProcessCluster<RaftReplica> {
  init(_ count: Int, _ options: RaftReplica.Options = raftOptions()) {
    self.init(membership: Membership(replicas: count), options: options)
  }

  /// A cluster whose replicas start with the given logs, in the given term.
  init(logs: [[RaftReplica.Entry]], term: RaftReplica.Term, _ options: RaftReplica.Options) {
    self.init(logs.count, options)
    for slot in logs.indices {
      nodes[slot].records = [.vote(term: term, votedFor: nil)]
      if !logs[slot].isEmpty { nodes[slot].records.append(.append(at: LogIndex(1), logs[slot])) }
      crash(ReplicaID(slot))
      restart(ReplicaID(slot))
    }
  }

  func terms(_ id: ReplicaID) -> [RaftReplica.Term] {
    let log = core(id).log
    return (0..<log.lastIndex.rawValue).map { log[LogIndex($0 + 1)].term }
  }

  /// Fires the election timer and delivers everything.
  mutating func elect(_ id: ReplicaID) {
    fire(.election, at: id)
    run()
  }

  mutating func heartbeat(from id: ReplicaID) {
    fire(.heartbeat, at: id)
    run()
  }
}
