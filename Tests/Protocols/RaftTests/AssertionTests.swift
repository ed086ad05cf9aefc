import ProtocolTesting
import Replication
import Testing

@testable import Raft

/// What must never happen stops the replica in its tracks, with the reason: each assertion is
/// reached in a process of its own.
@Suite("Raft stops rather than do what must not be")
struct AssertionTests {
  @Test("A record that does not follow the log is not recovered")
  func lostRecord() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = RaftReplica(id: a, membership: Membership(replicas: 3), options: raftOptions())
      core.recover(.append(at: LogIndex(5), [entry(1)]))
    }
    #expect(end.says("the disk has lost a record"))
  }

  @Test("The term never falls")
  func term() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = RaftReplica(id: a, membership: Membership(replicas: 3), options: raftOptions())
      var effects = Effects<RaftReplica>()
      core.enter(3, votingFor: nil, into: &effects)
      core.enter(2, votingFor: nil, into: &effects)
    }
    #expect(end.says("a term is entered once, and the term never falls"))
  }

  @Test("What is not in the log is not committed")
  func commit() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = RaftReplica(id: a, membership: Membership(replicas: 3), options: raftOptions())
      var effects = Effects<RaftReplica>()
      core.commit(through: LogIndex(1), into: &effects)
    }
    #expect(end.says("what is not in the log is not committed"))
  }

  @Test("Only what is committed leaves the log")
  func forget() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = RaftReplica(id: a, membership: Membership(replicas: 3), options: raftOptions())
      core.snapshotTaken(forgettingThrough: LogIndex(1))
    }
    #expect(end.says("only what is committed leaves the log"))
  }

  @Test("A leader that overwrites what is committed is reported by the follower")
  func overwritten() {
    var cluster = Cluster(3, raftOptions())
    for term in [1, 2] as [RaftReplica.Term] {
      let message = RaftReplica.AppendEntries(
        term: term, prevLogIndex: .zero, prevLogTerm: 0, leaderCommit: LogIndex(1), readRound: 0,
        entries: [entry(term, term)])
      _ = cluster.deliver(.appendEntries(message), from: b, to: a)
    }
    #expect(
      cluster.core(a).invariantViolation()
        == "entry 1 is committed here and overwritten in term 2")
  }
}
