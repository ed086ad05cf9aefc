import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

/// The stories of Multi-Paxos. Each is played by the replicas and compared with its file in
/// `Scenarios`; they are meant to be read there, in this order.
@Suite("Multi-Paxos, told in scenarios")
struct ScenarioTests {
  private func story(
    _ title: String, replicas: Int = 3, prePrepare: Bool = false
  ) -> Story<MultiPaxosReplica> {
    var chosen = options()
    chosen.prePrepare = prePrepare
    return Story(title, replicas: replicas, options: chosen, wording: .multiPaxos)
  }

  @Test("A proposer takes over (Lamport 2001 §3)")
  func election() {
    var story = story("Multi-Paxos: a proposer takes over (Lamport 2001 §3)", prePrepare: true)
    story.say(
      "Three replicas, each of them proposer, acceptor and learner. No one leads. A has not "
        + "heard a leader for an election timeout.")
    story.section("A asks whether the others miss a leader, too")
    story.say(
      "This question is not in the papers. It keeps a replica that was cut off from deposing a "
        + "leader that all others hear. Nothing is promised, and nothing is written.")
    story.fire(.election, at: a)
    story.run {
      switch $0.message {
      case .prePrepare, .prePromise: true
      default: false
      }
    }
    story.section("Phase 1, for all slots at once")
    story.say(
      "With the first answer A had a majority. It asks for promises in ballot 1.A, for all "
        + "slots from 1 on. A ballot is on the disk before it is sent, so that it is never used "
        + "twice; a promise is on the disk before it is given.")
    story.run { if case .heartbeat = $0.message { false } else { true } }
    story.section("A leads")
    story.say(
      "Two promises of three are a majority, and they report no accepted value: A may propose "
        + "what it likes. Phase 1 need not be done again for later slots. Heartbeats tell the "
        + "others.")
    story.run()
    #expect(story.cluster.core(a).role == .leader)
    #expect(story.difference(from: "01-Election") == nil)
  }

  @Test("A write without failures (Lamport 2001 §3)")
  func write() {
    var story = story("Multi-Paxos: a write without failures (Lamport 2001 §3)")
    story.say("A leads with ballot 1.A.")
    story.quietly { $0.elect(a) }
    story.section("Phase 2 for slot 1")
    story.say(
      "A accepts its own proposal like any other acceptor, and counts itself when its disk has "
        + "it: its own Accepted comes as a message to itself. It need not wait for that with "
        + "the Accept to the others.")
    story.propose(4, at: a)
    story.run { $0.from == a && $0.to != a }
    story.section("A majority has accepted it in one ballot: the value is chosen")
    story.run()
    story.section("The learners")
    story.say(
      "The next message says up to where all slots are chosen. A replica may believe that of "
        + "values that it accepted in the same ballot.")
    story.propose(5, at: a)
    story.run()
    #expect(story.cluster.answered(a) == [batch(4), batch(5)])
    #expect(story.difference(from: "02-Write") == nil)
  }

  @Test("The leader is lost in the middle of a write (Lamport 2001 §2.2, §3)")
  func leaderLoss() {
    var story = story("Multi-Paxos: the leader is lost in the middle of a write (Lamport 2001 §3)")
    story.say("A leads with ballot 1.A, and x=4 is chosen in slot 1.")
    story.quietly {
      $0.elect(a)
      $0.propose(4, at: a)
      $0.run()
    }
    story.section("Slot 2 reaches no other replica, slot 3 reaches B")
    story.only(a)
    story.propose(5, at: a)
    story.run { $0.from == a && $0.to != a }
    story.only(a, b)
    story.propose(6, at: a)
    story.run { $0.from == a && $0.to != a }
    story.crash(a)
    story.heal()
    story.run()
    story.section("C takes over")
    story.say(
      "B reports what it has accepted: x=4, which it knows to be chosen, and x=6 in slot 3. x=6 "
        + "may have been chosen, so C proposes it again in its own ballot 2.C. No replica of "
        + "this majority has accepted anything in slot 2, so no value can have been chosen "
        + "there: C fills the gap with a no-op, because slots are executed in order.")
    story.elect(c)
    story.section("The client asks again")
    story.say("x=5 was lost with A; x=6 was not, although its client got no answer.")
    story.propose(5, at: c)
    story.run()
    #expect(story.cluster.updates(c) == [4, 6, 5] && story.cluster.nodes[2].commits.count == 4)
    #expect(story.difference(from: "03-LeaderLoss") == nil)
  }

  @Test("An acceptor catches up from the log")
  func catchUpByLog() {
    var story = story("Multi-Paxos: an acceptor catches up from the log")
    story.say("A leads with ballot 1.A. C is down while x=1 to x=3 are chosen by A and B.")
    story.quietly {
      $0.elect(a)
      $0.crash(c)
      for number in 1...UInt64(3) { $0.propose(number, at: a) }
      $0.run()
      $0.fire(.heartbeat, at: a)
      $0.run()
    }
    story.section("C comes back")
    story.restart(c)
    story.say(
      "A has offered C all slots once and has had no answer. In the place of a heartbeat it asks "
        + "C by an Accept without values. C answers twice: at once, that it hears the leader, and "
        + "when its disk has all that it has accepted, with Accepted. Both answers name the first "
        + "gap in what C holds. So A offers these slots twice, and C takes them once. The same rule "
        + "repairs lost messages.")
    story.fire(.heartbeat, at: a)
    story.run { $0.to == c || $0.from == c }
    story.run()
    story.fire(.heartbeat, at: a)
    story.run { $0.to == c }
    #expect(story.cluster.updates(c) == [1, 2, 3])
    #expect(story.difference(from: "04-CatchUpByLog") == nil)
  }

  @Test("An acceptor catches up from a snapshot (Chandra et al. 2007 §5.5)")
  func catchUpBySnapshot() {
    var story = story("Multi-Paxos: an acceptor catches up from a snapshot")
    story.say(
      "A leads with ballot 1.A. C is down while x=1 to x=3 are chosen by A and B. A has taken a "
        + "snapshot, and the slots that it covers have left its log.")
    story.quietly {
      $0.elect(a)
      $0.crash(c)
      for number in 1...UInt64(3) { $0.propose(number, at: a) }
      $0.run()
      $0.fire(.heartbeat, at: a)
      $0.run()
    }
    story.takeSnapshot(at: a)
    story.section("C comes back")
    story.restart(c)
    story.fire(.heartbeat, at: a)
    story.run { $0.to == c || $0.from == c }
    story.say(
      "The slots that C lacks are not in the log of A any more. The host sends "
        + "C its snapshot, in pages, as it does for all protocols.")
    story.sendSnapshot(from: a, to: c)
    story.run()
    story.section("Then slots are chosen as ever")
    story.propose(4, at: a)
    story.run()
    story.fire(.heartbeat, at: a)
    story.run { $0.to == c }
    #expect(story.cluster.updates(c) == [1, 2, 3, 4])
    #expect(story.difference(from: "05-CatchUpBySnapshot") == nil)
  }

  @Test("A duel of two proposers (Lamport 2001 §2.4)")
  func duel() {
    var story = story("Multi-Paxos: a duel of two proposers (Lamport 2001 §2.4)")
    story.say("A, B and C hear no leader. A and B both want to lead, and disturb each other.")
    story.section("A leads with ballot 1.A, and B does not know it")
    story.elect(a, hearing: [b, c])
    story.section("B leads with ballot 2.B, and A does not know it")
    story.elect(b, hearing: [c])
    story.section("The Accepts of A come too late")
    story.say(
      "B and C have promised ballot 2.B. They refuse what A asks for in ballot 1.A, and say why.")
    story.propose(4, at: a)
    story.run()
    story.section("A tries again, and the Accepts of B come too late")
    story.elect(a, hearing: [c])
    story.propose(5, at: b)
    story.run()
    story.section("The end of it")
    story.say(
      "This could go on for ever, and nothing would be chosen (Lamport 2001 §2.4). So a "
        + "proposer that was interrupted waits in a range that grows with each attempt. Here "
        + "that gives A the time to be heard. It found x=4 in phase 1 and offers it in slot 1 "
        + "before anything new.")
    story.propose(6, at: a)
    story.run()
    #expect(story.cluster.updates(a) == [4, 6])
    #expect(story.difference(from: "06-Duel") == nil)
  }

  @Test("A leader that was cut off comes back (Lamport 2001 §2.2)")
  func staleLeader() {
    var story = story("Multi-Paxos: a leader that was cut off comes back (Lamport 2001 §2.2)")
    story.say("A leads with ballot 1.A.")
    story.quietly { $0.elect(a) }
    story.section("A is cut off and does not know it")
    story.isolate(a)
    story.propose(4, at: a)
    story.run()
    story.section("The others go on without it")
    story.elect(b)
    story.propose(5, at: b)
    story.run()
    story.section("A is back")
    story.say(
      "A asks the others once more about its slots, in ballot 1.A. They have promised 2.B and "
        + "say so: A steps down. x=4 can never be chosen in slot 1.")
    story.heal()
    story.fire(.heartbeat, at: a)
    story.run()
    story.say(
      "The new leader hears what A lacks and offers it. x=5 takes the place of x=4, which had "
        + "no majority.")
    story.fire(.heartbeat, at: b)
    story.run()
    #expect(story.cluster.updates(a) == [5])
    #expect(story.difference(from: "07-StaleLeader") == nil)
  }

  @Test("A read is refused at a stale leader (Chandra et al. 2007 §5.2)")
  func staleRead() {
    var story = story("Multi-Paxos: reads, and a leader that does not know that it was replaced")
    story.say("A leads with ballot 1.A, and x=4 is chosen in slot 1.")
    story.quietly {
      $0.elect(a)
      $0.propose(4, at: a)
      $0.run()
      $0.fire(.heartbeat, at: a)
      $0.run()
    }
    story.section("A read at the leader")
    story.say(
      "A read takes no slot. A asks a majority, in a round that begins after the read came, "
        + "whether its ballot still holds. The answer waits for no disk, because it promises "
        + "nothing.")
    story.read(at: a)
    story.run()
    story.section("The same at a leader that was replaced")
    story.say("A is cut off. B takes over with C, and x=5 is chosen.")
    story.isolate(a)
    story.quietly {
      $0.elect(b)
      $0.propose(5, at: b)
      $0.run()
    }
    story.say("A would answer x=4. No replica confirms its round, so it does not.")
    story.read(at: a)
    story.run()
    story.section("The stale leader hears of its successor")
    story.heal()
    story.fire(.heartbeat, at: b)
    story.run()
    story.say("The read had no effect, and the client asks the new leader.")
    story.read(at: b)
    story.run()
    #expect(story.cluster.nodes[0].reads.count == 1 && story.cluster.nodes[1].reads.count == 1)
    #expect(story.difference(from: "08-StaleRead") == nil)
  }
}

extension Story<MultiPaxosReplica> {
  /// An election timeout, and all that comes of it.
  fileprivate mutating func elect(_ id: ReplicaID) {
    fire(.election, at: id)
    run()
  }

  /// A replica becomes leader with the promises of these, and no replica hears of it.
  fileprivate mutating func elect(_ id: ReplicaID, hearing others: [ReplicaID]) {
    fire(.election, at: id)
    run {
      switch $0.message {
      case .prepare, .promise: ($0.from == id || $0.to == id) && (others + [id]).contains($0.to)
      default: false
      }
    }
    loseMessages()
  }
}
