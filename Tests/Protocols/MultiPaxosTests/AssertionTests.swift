import ProtocolTesting
import Replication
import Testing

@testable import MultiPaxos

/// What must never happen stops the replica in its tracks, with the reason: each assertion is
/// reached in a process of its own.
@Suite("Multi-Paxos stops rather than do what must not be")
struct AssertionTests {
  @Test("A promise is never taken back")
  func promise() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = MultiPaxosReplica(id: a, membership: Membership(replicas: 3), options: options())
      core.promised = ballot(2, b)
      core.promised = ballot(1, c)
    }
    #expect(end.says("a promise is never taken back"))
  }

  @Test("An acceptor accepts only in the ballot that it has promised")
  func acceptance() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = MultiPaxosReplica(id: a, membership: Membership(replicas: 3), options: options())
      var effects = Effects<MultiPaxosReplica>()
      core.promised = ballot(2, b)
      core.acceptValue(batch(1), at: slot(1), in: ballot(1, c), into: &effects)
    }
    #expect(end.says("an acceptance is a promise, too"))
  }

  @Test("Only what is chosen is forgotten")
  func forget() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var core = MultiPaxosReplica(id: a, membership: Membership(replicas: 3), options: options())
      core.snapshotTaken(forgettingThrough: slot(1))
    }
    #expect(end.says("only what is chosen is forgotten"))
  }

  @Test("Two chosen values of one slot, or two values of one ballot, are reported by the acceptor")
  func twoValues() {
    let core = MultiPaxosReplica(id: a, membership: Membership(replicas: 3), options: options())
    var effects = Effects<MultiPaxosReplica>()
    var (learner, acceptor) = (core, core)
    for number in [1, 2] as [UInt64] { learner.learn(batch(number), at: slot(1), into: &effects) }
    #expect(learner.invariantViolation() == "slot 1 has two chosen values")
    acceptor.promised = ballot(1, b)
    for number in [1, 2] as [UInt64] {
      acceptor.acceptValue(batch(number), at: slot(1), in: ballot(1, b), into: &effects)
    }
    #expect(acceptor.invariantViolation()?.hasSuffix("has two values in slot 1") == true)
  }
}
