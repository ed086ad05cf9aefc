import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import Raft

/// The stories of Raft. Each is played by the replicas and compared with its file in `Scenarios`;
/// they are meant to be read there, in this order.
@Suite("Raft, told in scenarios")
struct ScenarioTests {
  private func story(
    _ title: String, replicas: Int = 3, _ options: RaftReplica.Options = raftOptions()
  ) -> Story<RaftReplica> {
    Story(title, replicas: replicas, options: options, wording: .raft)
  }

  @Test("A leader is elected (§5.2; thesis §9.6)")
  func election() {
    var story = story("Raft: a leader is elected (§5.2)")
    story.say(
      "Three replicas start as followers in term 0, with empty logs. Each waits an election "
        + "timeout of its own, drawn at random. That of A ends first.")
    story.section("A asks whether it could win")
    story.say(
      "Before A raises its term it asks the others whether they would vote for it (PreVote, "
        + "thesis §9.6). Neither question nor answer changes anything, so nothing is written to "
        + "a disk. A sends its own vote to itself like any other.")
    story.fire(.election, at: a)
    story.run { $0.message.isPreVote }
    story.section("A stands for election")
    story.say(
      "With two answers of three, its own included, A becomes candidate of term 1 and votes for "
        + "itself. A vote is on the disk before it is told to anyone, because a replica that "
        + "forgot it in a crash could vote twice in one term.")
    story.run { $0.message.isVote }
    story.section("A leads")
    story.say(
      "Two votes of three are a majority: A leads term 1. It begins its term with an empty "
        + "entry, a no-op, because it may not count replicas for entries of earlier terms "
        + "(§5.4.2). The others learn from AppendEntries who leads, and their election timers "
        + "start anew.")
    story.run()
    story.say("The next message of the leader tells the others what is committed.")
    story.fire(.heartbeat, at: a)
    story.run()
    #expect(story.cluster.core(a).role == .leader)
    #expect(story.cluster.nodes.allSatisfy { $0.committedCount == 1 })
    #expect(story.difference(from: "01-Election") == nil)
  }

  @Test("A write without failures (§5.3; thesis §10.2.1)")
  func write() {
    var story = story("Raft: a write without failures (§5.3)")
    story.say("A leads term 1, as the scenario of the election tells.")
    story.quietly { $0.elect(a) }
    story.section("The leader replicates the entry")
    story.say(
      "A appends the update to its log and sends it to both followers. It does not wait for its "
        + "own disk with that: the message promises nothing about that disk (thesis §10.2.1). "
        + "The message names the entry before the new one, so that a follower can tell whether "
        + "its log is the same up to there.")
    story.propose(4, at: a)
    story.run { $0.from == a && $0.to != a }
    story.section("A majority has it on disk")
    story.say(
      "A counts itself when its own disk has the entry: the acknowledgement to itself comes "
        + "only then. With that of one follower, two of three hold entry 2, so it is committed; "
        + "A applies it and answers the client. The third answer changes nothing.")
    story.run()
    story.section("The followers learn it")
    story.say(
      "Followers hear of the commit with the next message, here that of another update. They "
        + "apply entry 2 and answer nobody.")
    story.propose(5, at: a)
    story.run()
    #expect(story.cluster.updates(a) == [4, 5])
    #expect(story.difference(from: "02-Write") == nil)
  }

  @Test("The leader is lost in the middle of a write (§5.4.1, §5.4.2)")
  func leaderLoss() {
    var story = story("Raft: the leader is lost in the middle of a write (§5.4)")
    story.say("A leads term 1, and x=4 is committed everywhere.")
    story.quietly {
      $0.elect(a)
      $0.propose(4, at: a)
      $0.run()
      $0.heartbeat(from: a)
    }
    story.section("One follower gets the entry, then the leader crashes")
    story.say("The network loses the message to C. B has x=5 on its disk when A crashes.")
    story.only(a, b)
    story.propose(5, at: a)
    story.run { $0.from == a && $0.to != a }
    story.crash(a)
    story.heal()
    story.run()
    story.section("The replica without the entry cannot win")
    story.say(
      "C notices first that its leader is silent. B does not vote for it: the log of B ends "
        + "later than that of C, so C may lack something that was committed (§5.4.1). B cannot "
        + "know that x=5 was not, and need not know.")
    story.elect(c)
    story.section("The replica with the entry wins")
    story.say("B asks, and C grants, because the log of B is at least as up to date as its own.")
    story.elect(b)
    story.say(
      "B may not call x=5 committed because two replicas hold it, for it is an entry of an "
        + "earlier term (§5.4.2). It is committed with the no-op of term 2 behind it. B answers "
        + "no client for x=5, because it never heard the request; the client asks again, and "
        + "sessions make sure that the update takes effect once.")
    story.fire(.heartbeat, at: b)
    story.run()
    #expect(story.cluster.updates(b) == [4, 5] && story.cluster.updates(c) == [4, 5])
    #expect(story.difference(from: "03-LeaderLoss") == nil)
  }

  @Test("A follower catches up from the log (§5.3)")
  func catchUpByLog() {
    var story = story("Raft: a follower catches up from the log (§5.3)")
    story.say("A leads term 1. C is down while three updates are committed by A and B.")
    story.quietly {
      $0.elect(a)
      $0.heartbeat(from: a)
      $0.crash(c)
      for number in 1...3 as ClosedRange<UInt64> { $0.propose(number, at: a) }
      $0.run()
      $0.heartbeat(from: a)
    }
    story.section("The follower comes back")
    story.restart(c)
    story.say(
      "A has sent C everything once and does not repeat it unasked. Its next heartbeat names "
        + "the last entry that it sent, which C does not have. C says so at once, and where its "
        + "log ends, so that the leader need not try one entry after the other (end of §5.3).")
    story.fire(.heartbeat, at: a)
    story.run { $0.to == c || $0.from == c }
    story.say("The heartbeat to B, and its answers, arrive after that.")
    story.run()
    #expect(story.cluster.updates(c) == [1, 2, 3])
    #expect(story.difference(from: "04-CatchUpByLog") == nil)
  }

  @Test("A follower catches up from a snapshot (§7)")
  func catchUpBySnapshot() {
    var story = story("Raft: a follower catches up from a snapshot (§7)")
    story.say(
      "A leads term 1. C is down while three updates are committed by A and B. Meanwhile A has "
        + "taken a snapshot, and the entries that it covers have left its log.")
    story.quietly {
      $0.elect(a)
      $0.heartbeat(from: a)
      $0.crash(c)
      for number in 1...3 as ClosedRange<UInt64> { $0.propose(number, at: a) }
      $0.run()
      $0.heartbeat(from: a)
    }
    story.takeSnapshot(at: a)
    story.section("The follower comes back")
    story.restart(c)
    story.fire(.heartbeat, at: a)
    story.run()
    story.say(
      "The entries that C lacks are not in the log of A any more. The host sends C "
        + "its snapshot, in pages, as it does for all protocols. C installs it when it is on its "
        + "disk: its log begins behind entry 4, and what it held before is covered by the snapshot."
    )
    story.sendSnapshot(from: a, to: c)
    story.run()
    story.section("Then the log goes on")
    story.propose(4, at: a)
    story.run()
    story.fire(.heartbeat, at: a)
    story.run()
    #expect(story.cluster.updates(c) == [1, 2, 3, 4])
    #expect(story.difference(from: "05-CatchUpBySnapshot") == nil)
  }

  @Test("A split vote (§5.2)")
  func splitVote() {
    var story = story(
      "Raft: a split vote (§5.2)", replicas: 4, raftOptions(preVote: false, checkQuorum: false))
    story.say(
      "Four replicas, of which three are a majority. PreVote is switched off here, as in the "
        + "paper. The election timeouts of A and B end at almost the same time.")
    story.fire(.election, at: a)
    story.fire(.election, at: b)
    story.say(
      "A and B have voted for themselves and refuse each other. C hears from A first and D from "
        + "B, and each gives its one vote of term 1 to the first who asks.")
    story.run { $0.from == b && $0.to == d }
    story.run()
    story.section("No candidate has three votes: another term")
    story.say(
      "Two votes each are no majority. The timeouts are drawn anew, so that it is unlikely that "
        + "two end together again. That of A ends first: term 2.")
    story.elect(a)
    #expect(story.cluster.core(a).role == .leader && story.cluster.core(a).currentTerm == 2)
    #expect(story.difference(from: "06-SplitVote") == nil)
  }

  @Test("A leader that was cut off comes back (§5.1, §5.3)")
  func staleLeader() {
    var story = story(
      "Raft: a leader that was cut off comes back (§5.1, §5.3)",
      raftOptions(preVote: false, checkQuorum: false))
    story.say(
      "A leads term 1. To keep the story short, PreVote and CheckQuorum are switched off: with "
        + "CheckQuorum A would have stepped down by itself after an election timeout.")
    story.quietly {
      $0.elect(a)
      $0.heartbeat(from: a)
    }
    story.section("A is cut off and does not know it")
    story.isolate(a)
    story.propose(4, at: a)
    story.run()
    story.say("x=4 is on one disk of three. A cannot commit it, and the client waits.")
    story.section("The others go on without it")
    story.elect(b)
    story.propose(5, at: b)
    story.run()
    story.section("A is back")
    story.say(
      "A still takes itself for the leader of term 1. The answer to its heartbeat names term 2, "
        + "and A steps down at once (§5.1).")
    story.heal()
    story.fire(.heartbeat, at: a)
    story.run()
    story.say(
      "The entry at which the logs part gives way to that of the leader: x=4 is gone, and it "
        + "may be, because it was never committed and no client was told that it is done (§5.3).")
    story.fire(.heartbeat, at: b)
    story.run()
    story.fire(.heartbeat, at: b)
    story.run()
    #expect(story.cluster.updates(a) == [5])
    #expect(story.difference(from: "07-StaleLeader") == nil)
  }

  @Test("A read is refused at a stale leader (thesis §6.4)")
  func staleRead() {
    var story = story(
      "Raft: reads, and a leader that does not know that it was replaced (thesis §6.4)",
      raftOptions(preVote: false, checkQuorum: false))
    story.say("A leads term 1, and x=4 is committed everywhere.")
    story.quietly {
      $0.elect(a)
      $0.propose(4, at: a)
      $0.run()
      $0.heartbeat(from: a)
    }
    story.section("A read at the leader")
    story.say(
      "A read is not written to the log. A asks a majority, in a round that begins after the "
        + "read arrived, whether it still leads. An answer says only that its sender knows no "
        + "newer leader, so it does not wait for a disk.")
    story.read(at: a)
    story.run()
    story.section("The same at a leader that was replaced")
    story.say("A is cut off. B is elected by C and commits x=5.")
    story.isolate(a)
    story.quietly {
      $0.elect(b)
      $0.propose(5, at: b)
      $0.run()
    }
    story.say(
      "A would answer x=4 from its own state. No replica confirms its round, so it does not.")
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

extension Story<RaftReplica> {
  /// An election timeout, and all that comes of it.
  fileprivate mutating func elect(_ id: ReplicaID) {
    fire(.election, at: id)
    run()
  }
}

extension RaftReplica.Message {
  fileprivate var isPreVote: Bool {
    switch self {
    case .requestVote(let request): request.isPreVote
    case .voteReply(let reply): reply.isPreVote
    default: false
    }
  }

  fileprivate var isVote: Bool {
    switch self {
    case .requestVote, .voteReply: true
    default: false
    }
  }
}
