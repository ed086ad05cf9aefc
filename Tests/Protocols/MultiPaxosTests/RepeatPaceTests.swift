import Replication
import Testing

@testable import MultiPaxos

@Suite struct RepeatPaceTests {
  @Test("What stays unanswered is repeated less and less often, what is answered at once again")
  func pauses() {
    var pace = RepeatPace()
    #expect((1...40).filter { _ in pace.isDue() } == [1, 2, 4, 8, 16, 24, 32, 40])
    pace.reset()
    #expect((1...4).map { _ in pace.isDue() } == [true, true, false, true])
  }

  /// Which of so many firings of the retransmission timer make the replica send something to `b`.
  func firings(_ count: Int, of replica: inout Bare) -> [Int] {
    (1...count).filter { _ in
      replica.fire(.retransmission, after: .milliseconds(100))
      return !replica.sent(to: b).isEmpty
    }
  }

  @Test("A candidate does not flood an acceptor that is slow to report")
  func candidate() {
    var replica = Bare(a)
    replica.fire(.election, after: .seconds(1))
    #expect(replica.core.role == .candidate)
    #expect(firings(24, of: &replica) == [1, 2, 4, 8, 16, 24])
  }

  @Test("A leader does not flood an acceptor that is slow to accept, until it answers")
  func leader() {
    var replica = Bare(a)
    replica.fire(.election, after: .seconds(1))
    let ballot = replica.core.ballot
    for acceptor in [a, b] {
      replica.receive(
        .promise(ballot: ballot, from: slot(1), accepted: [], next: nil), from: acceptor)
    }
    #expect(replica.core.role == .leader)
    for number in 1...2 {
      replica.core.handle(.requested(batch(number)), at: replica.now, into: &replica.effects)
    }
    // The first firing only notes what was proposed before it.
    #expect(firings(25, of: &replica) == [2, 4, 8, 16, 24])
    replica.receive(.accepted(ballot: ballot, first: slot(1), count: 1), from: b)
    #expect(firings(4, of: &replica) == [1, 2, 4])
  }
}
