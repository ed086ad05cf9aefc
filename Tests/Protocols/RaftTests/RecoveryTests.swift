import ProtocolTesting
import Primitives
import Replication
import SteppedCluster
import Testing
import WireFormat

@testable import Raft

@Suite("Recovery, wire format and invalid messages")
struct RecoveryTests {
  @Test("Term, vote and log come back exactly as they were made durable")
  func recovery() {
    let log = [entry(1), entry(1, 10), entry(1, 11)]
    var cluster = Cluster(
      logs: [log, [entry(1), entry(2, 20)], [entry(1), entry(2, 20)]], term: 2,
      raftOptions(preVote: false, checkQuorum: false))
    cluster.elect(1)
    cluster.propose(3, at: 1)
    cluster.run()
    let before = cluster.core(0)
    #expect(cluster.terms(0) == [1, 2, 3, 3])
    cluster.crash(ReplicaID(0))
    cluster.restart(ReplicaID(0))
    let after = cluster.core(0)
    #expect(cluster.terms(0) == [1, 2, 3, 3])
    #expect(after.currentTerm == before.currentTerm)
    #expect(after.votedFor == before.votedFor)
    #expect(after.commitIndex == .zero)
    #expect(after.role == .follower)
  }

  @Test("A restarted cluster commits its whole log again, and answers no client for it")
  func wholeRestart() {
    var cluster = Cluster(3)
    cluster.elect(0)
    for number in 1...5 { cluster.propose(UInt64(number), at: 0) }
    cluster.run()
    for replica in 0..<3 { cluster.crash(ReplicaID(replica)) }
    for replica in 0..<3 { cluster.restart(ReplicaID(replica)) }
    cluster.elect(2)
    #expect(cluster.updates(2) == Array(1...5))
    #expect(cluster.nodes[2].commits.filter(\.answering).map(\.batch) == [.noop])
  }

  @Test("Entries that were not durable are asked for again")
  func lostTail() {
    var cluster = Cluster(3)
    cluster.elect(0)
    cluster.nodes[2].holdsDisk = true
    for number in 1...5 { cluster.propose(UInt64(number), at: 0) }
    cluster.run()
    cluster.crash(ReplicaID(2))
    cluster.restart(ReplicaID(2))
    #expect(cluster.core(2).log.lastIndex == LogIndex(1))
    cluster.heartbeat(from: 0)
    #expect(cluster.terms(2) == cluster.terms(0))
    #expect(cluster.updates(2) == Array(1...5))
  }

  static let messages: [RaftReplica.Message] = [
    .requestVote(
      .init(term: 3, lastLogIndex: LogIndex(9), lastLogTerm: 2, isPreVote: true)),
    .voteReply(.init(term: 4, isGranted: true, isPreVote: false)),
    .appendEntries(
      .init(
        term: 5, prevLogIndex: LogIndex(7), prevLogTerm: 4, leaderCommit: LogIndex(6),
        readRound: 8, entries: [entry(4), entry(5, 1), entry(5, 2)])),
    .appendAccepted(.init(term: 5, matchIndex: LogIndex(10), readRound: 8)),
    .appendRejected(
      .init(
        term: 5, prevLogIndex: LogIndex(7), conflictTerm: 3, conflictIndex: LogIndex(5),
        lastLogIndex: LogIndex(12), gapEnd: LogIndex(14), readRound: 8)),
    .roundConfirmed(.init(term: 5, readRound: 8)),
    .newerTerm(6),
  ]

  @Test("Every message survives its wire form", arguments: messages)
  func messageWire(message: RaftReplica.Message) throws {
    let bytes = message.encoded()
    #expect(bytes.count == message.encodedByteCount)
    #expect(try WireReader.decode(RaftReplica.Message.self, from: bytes) == message)
    for length in bytes.indices {
      #expect(throws: WireError.self) {
        try WireReader.decode(RaftReplica.Message.self, from: Array(bytes[..<length]))
      }
    }
  }

  @Test(
    "Every record survives its wire form",
    arguments: [
      .vote(term: 3, votedFor: nil), .vote(term: 3, votedFor: ReplicaID(2)),
      .append(at: LogIndex(4), [entry(2), entry(3, 1)]),
    ] as [RaftReplica.Record])
  func recordWire(record: RaftReplica.Record) throws {
    let bytes = record.encoded()
    #expect(bytes.count == record.encodedByteCount)
    #expect(try WireReader.decode(RaftReplica.Record.self, from: bytes) == record)
  }

  @Test("Invalid messages of peers and strangers neither trap nor break an invariant")
  func nonsense() {
    var random = RandomStream(seed: 7)
    var cluster = Cluster(3)
    cluster.elect(0)
    for number in 1...5 { cluster.propose(UInt64(number), at: 0) }
    cluster.run()
    let indices = [0, 1, 2, 3, 6, 7, 1000, Int.max / 2 - 1].map { LogIndex($0) }
    let terms: [UInt64] = [0, 1, 2, 3, RaftReplica.largestTerm, .max]
    for _ in 0..<3000 {
      func index() -> LogIndex { indices[random.below(indices.count)] }
      // The large ones rarely: they end the small ones for good.
      func term() -> UInt64 { terms[random.below(random.chance(0.99) ? 4 : terms.count)] }
      let message: RaftReplica.Message =
        switch random.below(7) {
        case 0:
          .requestVote(
            .init(
              term: term(), lastLogIndex: index(), lastLogTerm: term(),
              isPreVote: random.chance(0.5)))
        case 1:
          .voteReply(
            .init(term: term(), isGranted: random.chance(0.5), isPreVote: random.chance(0.5)))
        case 2: .appendAccepted(.init(term: term(), matchIndex: index(), readRound: term()))
        case 3:
          .appendRejected(
            .init(
              term: term(), prevLogIndex: index(), conflictTerm: term(), conflictIndex: index(),
              lastLogIndex: index(), gapEnd: index(), readRound: term()))
        case 4: .roundConfirmed(.init(term: term(), readRound: term()))
        case 5:
          // Of no leader, and so of an earlier term than that of the cluster.
          .appendEntries(
            .init(
              term: 0, prevLogIndex: index(), prevLogTerm: term(), leaderCommit: index(),
              readRound: term(), entries: [entry(term())]))
        default: .newerTerm(term())
        }
      let replica = random.below(3)
      _ = cluster.deliver(message, from: ReplicaID(random.below(5)), to: ReplicaID(replica))
      #expect(cluster.core(ReplicaID(replica)).log.lastIndex >= LogIndex(5))
      #expect(cluster.core(ReplicaID(replica)).invariantViolation() == nil)
    }
  }

  @Test("Every option and every bug is declared under its name")
  func options() {
    let names = RaftReplica.Options.declared.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.contains("unsafeBug"))
    for bug in RaftReplica.Bug.allCases {
      let values = OptionValues(
        RaftReplica.Options.declared, overrides: ["unsafeBug": .choice(bug.rawValue)])
      #expect(RaftReplica.Options(values).bug == bug)
    }
    #expect(RaftReplica.Options().bug == nil)
  }
}
