import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

/// Reports carry the values that the proposer lacks, and no others.
@Suite("Multi-Paxos: what a report carries")
struct ReportTests {
  private let old = ballot(1, a)

  /// A replica that has accepted slots 1 to 3 in a's ballot, and knows that slot 1 is chosen.
  private func holder(_ id: ReplicaID, of replicas: Int = 3) -> Bare {
    var replica = Bare(id, of: replicas)
    replica.receive(
      .accept(
        ballot: old, first: slot(1), values: [batch(1), batch(2), batch(3)],
        commitIndex: slot(1), round: 0),
      from: a)
    return replica
  }

  @Test("A promise leaves out the values that the proposer holds of the same ballot, and no others")
  func heldValues() {
    let cases: [(held: [HeldSlots], missing: Set<Int>)] = [
      ([], [1, 2, 3]),
      ([HeldSlots(ballot: old, last: slot(2))], [3]),
      ([HeldSlots(ballot: old, last: slot(9))], []),
      ([HeldSlots(ballot: .none, last: slot(1)), HeldSlots(ballot: old, last: slot(2))], [1, 3]),
      // In another ballot the proposer may hold another value.
      ([HeldSlots(ballot: ballot(1, c), last: slot(3))], [1, 2, 3]),
      ([HeldSlots(ballot: .chosen, last: slot(3))], [1, 2, 3]),
    ]
    for (held, missing) in cases {
      var replica = holder(b)
      replica.receive(.prepare(ballot: ballot(2, c), from: slot(1), held: held), from: c)
      let report = (1...3).map { number in
        AcceptedValue(
          slot: slot(number), ballot: number == 1 ? .chosen : old,
          value: missing.contains(number) ? batch(UInt64(number)) : nil)
      }
      #expect(
        replica.sent(to: c) == [
          .promise(ballot: ballot(2, c), from: slot(1), accepted: report, next: nil)
        ])
    }
  }

  @Test("A candidate names the runs of slots that it holds, by ballot")
  func runs() {
    var replica = holder(b)
    replica.receive(
      .accept(
        ballot: ballot(2, c), first: slot(5), values: [batch(5)], commitIndex: .zero, round: 0),
      from: c)
    replica.fire(.election, after: .seconds(1))
    #expect(
      replica.sent(to: a) == [
        .prepare(
          ballot: ballot(3, b), from: slot(2),
          held: [
            HeldSlots(ballot: old, last: slot(3)), HeldSlots(ballot: .none, last: slot(4)),
            HeldSlots(ballot: ballot(2, c), last: slot(5)),
          ])
      ])
  }

  @Test("Between replicas that hold the same values an election moves none of them")
  func cheapElection() {
    var cluster = Cluster(3)
    cluster.elect(a)
    for number in 1...UInt64(60) { cluster.propose(number, at: a) }
    // The followers accept everything, and do not learn that it is chosen.
    cluster.delivers = { $0.to != a || $0.from == a }
    cluster.run()
    cluster.crash(a)
    cluster.heal()
    cluster.fire(.election, at: b)
    var values = 0
    while !cluster.inFlight.isEmpty, cluster[b].role == .candidate {
      if case .promise(_, _, let accepted, _, _, _) = cluster.inFlight[0].message {
        #expect(accepted.count == 60)
        values += accepted.count { $0.value != nil }
      }
      cluster.run(limit: 1)
    }
    cluster.run()
    #expect(values == 0)
    #expect(cluster.committed(b) == (1...60).map(batch))
    #expect(cluster.agrees)
  }

  @Test("A candidate completes a report by its own values")
  func completed() {
    var replica = holder(b)
    replica.fire(.election, after: .seconds(1))
    let mine = ballot(2, b)
    // What c knows to be chosen, and b did not, is learnt without being sent.
    replica.receive(
      .promise(
        ballot: mine, from: slot(2),
        accepted: [
          AcceptedValue(slot: slot(2), ballot: .chosen, value: nil),
          AcceptedValue(slot: slot(3), ballot: old, value: nil),
          AcceptedValue(slot: slot(4), ballot: old, value: batch(4)),
        ], next: nil), from: c)
    #expect(replica.core.commitIndex == slot(2))
    #expect(
      replica.core.phase1.recovered == [
        .init(slot: slot(3), ballot: old, value: batch(3)),
        .init(slot: slot(4), ballot: old, value: batch(4)),
      ])
  }

  @Test("Of a slot that a candidate has learnt meanwhile, it takes the chosen value")
  func learntMeanwhile() {
    var replica = holder(b, of: 5)
    replica.fire(.election, after: .seconds(1))
    let mine = ballot(2, b)
    replica.receive(
      .promise(
        ballot: mine, from: slot(2),
        accepted: [AcceptedValue(slot: slot(3), ballot: .chosen, value: batch(33))], next: nil),
      from: c)
    replica.receive(
      .promise(
        ballot: mine, from: slot(2),
        accepted: [AcceptedValue(slot: slot(3), ballot: old, value: nil)], next: nil), from: d)
    #expect(replica.core.phase1.recovered.map(\.value) == [batch(33)])
  }

  @Test("A report that lacks a value which the candidate does not hold does not count")
  func incomplete() {
    var replica = holder(b)
    replica.fire(.election, after: .seconds(1))
    for missing in [4, 5] {
      replica.receive(
        .promise(
          ballot: ballot(2, b), from: slot(2),
          accepted: [AcceptedValue(slot: slot(missing), ballot: old, value: nil)], next: nil),
        from: c)
      #expect(replica.core.phase1.reported == 0)
    }
  }

  @Test("A repeated Prepare is answered by one page, because the others may be on their way")
  func repetition() {
    var replica = Bare(b)
    for first in [1, 1001, 2001] {
      replica.receive(
        .accept(
          ballot: old, first: slot(first), values: (0..<1000).map { batch(UInt64(first + $0)) },
          commitIndex: .zero, round: 0),
        from: a)
    }
    let prepare = Message.prepare(ballot: ballot(2, c), from: slot(1))
    replica.receive(prepare, from: c)
    #expect(replica.sent(to: c).count == 3)
    replica.receive(prepare, from: c)
    let again = replica.sent(to: c)
    #expect(again.count == 1)
    // The proposer asks for the next page itself.
    if case .promise(_, let from, _, let next, let isContinued, _) = again.first {
      #expect(from == slot(1) && next == slot(1025) && !isContinued)
    }
    replica.receive(.prepare(ballot: ballot(3, c), from: slot(1)), from: c)
    #expect(replica.sent(to: c).count == 3, "another ballot is no repetition")
  }
}
