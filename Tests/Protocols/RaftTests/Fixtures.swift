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

/// A batch of one update that can be told from others by its number.
func update(_ number: UInt64) -> Batch {
  Batch([(id: RequestID(client: ClientID(1), sequence: number), command: number)])
}

func entry(_ term: RaftReplica.Term, _ number: UInt64 = 0) -> RaftReplica.Entry {
  RaftReplica.Entry(term: term, batch: number == 0 ? .noop : update(number))
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

  func core(_ number: Int) -> RaftReplica { nodes[number].core }

  /// The committed updates of one replica, no-ops left out.
  func committed(_ number: Int) -> [Batch] {
    nodes[number].commits.map(\.batch).filter { !$0.isNoop }
  }

  func terms(_ number: Int) -> [RaftReplica.Term] {
    let log = core(number).log
    return (0..<log.lastIndex.rawValue).map { log[LogIndex($0 + 1)].term }
  }

  mutating func propose(_ number: UInt64, at replica: Int) {
    handle(.requested(update(number)), at: ReplicaID(replica))
  }

  /// Fires the election timer and delivers everything.
  mutating func elect(_ number: Int) {
    fire(.election, at: ReplicaID(number))
    run()
  }

  /// Messages travel only among these replicas from now on.
  mutating func connectOnly(_ numbers: Int...) {
    delivers = { numbers.contains($0.from.index) && numbers.contains($0.to.index) }
  }

  mutating func connectAll() { delivers = { _ in true } }

  mutating func heartbeat(from number: Int) {
    fire(.heartbeat, at: ReplicaID(number))
    run()
  }

  /// Hands one message to one replica and says what that replica wants in return.
  mutating func deliver(_ message: RaftReplica.Message, from: Int, to: Int) -> Effects<RaftReplica>
  {
    var effects = Effects<RaftReplica>()
    nodes[to].core.handle(.received(message, from: ReplicaID(from)), at: now, into: &effects)
    return effects
  }
}

/// Remembers what was committed at each index when it was first seen, across crashes.
struct CommitWitness {
  private(set) var batches: [Batch] = []
  /// Where a replica later committed something else.
  private(set) var disagreement: LogIndex?

  mutating func note(_ cluster: Cluster) {
    for number in cluster.nodes.indices { note(cluster.nodes[number].commits) }
  }

  mutating func note(_ commits: some Sequence<Effects<RaftReplica>.Commit>) {
    for commit in commits {
      let position = commit.index.rawValue - 1
      if position == batches.count {
        batches.append(commit.batch)
      } else if position > batches.count || batches[position] != commit.batch {
        disagreement = disagreement ?? commit.index
      }
    }
  }
}
