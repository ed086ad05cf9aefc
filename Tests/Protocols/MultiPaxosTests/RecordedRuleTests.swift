import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

/// Rules about the state that a replica keeps over restarts and over leaderships.
@Suite("Multi-Paxos: state kept over restarts and leaderships")
struct RecordedRuleTests {
  @Test("An acceptance is the record of the promise, also after a restart")
  func acceptanceRecoversThePromise() {
    var replica = Bare(c)
    replica.core.recover(.accepted(slot: slot(1), ballot: ballot(2, b), value: batch(1)))
    replica.receive(
      .accept(
        ballot: ballot(1, a), first: slot(1), values: [batch(9)], commitIndex: .zero, round: 0),
      from: a)
    #expect(replica.sent(to: a) == [.preempted(by: ballot(2, b))])
    #expect(replica.core.log[slot(1)].value == batch(1))
  }

  @Test("A slot that is known to be chosen keeps its value")
  func chosenValuesAreKept() {
    var replica = Bare(c)
    replica.core.recover(.accepted(slot: slot(1), ballot: .chosen, value: batch(1)))
    replica.receive(
      .accept(
        ballot: ballot(1, a), first: slot(1), values: [batch(9)], commitIndex: .zero, round: 0),
      from: a)
    replica.receive(.prepare(ballot: ballot(3, b), from: slot(1)), from: b)
    #expect(
      replica.sent(to: b) == [
        .promise(
          ballot: ballot(3, b), from: slot(1),
          accepted: [AcceptedValue(slot: slot(1), ballot: .chosen, value: batch(1))], next: nil)
      ])
  }

  @Test("A slot also keeps a value that was accepted in an old ballot and is chosen by now")
  func acceptedThenChosen() {
    var replica = Bare(c, of: 5)
    replica.receive(
      .accept(
        ballot: ballot(1, a), first: slot(1), values: [batch(1)], commitIndex: slot(1), round: 0),
      from: a)
    replica.receive(
      .accept(
        ballot: ballot(2, e), first: slot(1), values: [batch(9)], commitIndex: .zero, round: 0),
      from: e)
    #expect(replica.core.log[slot(1)].value == batch(1))
    #expect(replica.effects.records == [])
  }

  @Test("Votes of an earlier leadership of the same replica do not count")
  func votesOfAnEarlierLeadership() {
    var cluster = Cluster(5)
    cluster.elect(a)
    cluster.only(a, b)
    cluster.propose(1, at: a)
    cluster.run()
    // e's ballot ends a's; then a leads again, with c and d.
    cluster.handle(.received(.prepare(ballot: ballot(2, e), from: slot(1)), from: e), at: a)
    cluster.delivers = {
      if case .accept = $0.message { return false }
      return [a, c, d].contains($0.from) && [a, c, d].contains($0.to)
    }
    cluster.elect(a)
    #expect(cluster[a].role == .leader)
    // With its own, two of five.
    cluster.handle(
      .received(
        .accepted(ballot: cluster[a].ballot, first: slot(1), count: 1, gap: .unknown), from: c),
      at: a)
    cluster.run()
    #expect(cluster.committed(a) == [])
  }

  @Test("A leader proposes again what it knows to be chosen behind a gap")
  func chosenBehindAGap() {
    var bare = Bare(a)
    bare.fire(.election, after: .seconds(1))
    let ballot = bare.core.ballot
    bare.receive(.promise(ballot: ballot, from: slot(1), accepted: [], next: nil), from: a)
    bare.receive(
      .promise(
        ballot: ballot, from: slot(1),
        accepted: [AcceptedValue(slot: slot(2), ballot: .chosen, value: batch(2))], next: nil),
      from: b)
    #expect(bare.core.role == .leader)
    #expect(
      bare.sent(to: c) == [
        .accept(
          ballot: ballot, first: slot(1), values: [.noop, batch(2)], commitIndex: .zero, round: 0)
      ])
  }

  @Test("The slots below a gap are acknowledged with it, in the leader's ballot alone")
  func cumulativeAcknowledgement() {
    var replica = Bare(c)
    replica.receive(
      .accept(
        ballot: ballot(1, a), first: slot(1), values: [batch(1)], commitIndex: .zero, round: 0),
      from: a)
    replica.receive(
      .accept(
        ballot: ballot(2, b), first: slot(2), values: [batch(2)], commitIndex: .zero, round: 0),
      from: b)
    #expect(
      replica.sent(to: b).contains(
        .accepted(
          ballot: ballot(2, b), first: slot(2), count: 1, gap: Gap(first: slot(1), count: 1))))
  }
}
