import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

@testable import ChainReplication

/// The stories of a chain. Each is played by the replicas and compared with its file in
/// `Scenarios`; they are meant to be read there, in this order.
@Suite("Chain replication, told in scenarios")
struct ScenarioTests {
  private func story(_ title: String, replicas: Int = 3) -> Story<ChainReplica> {
    Story(title, replicas: replicas, options: ChainReplica.Options(), wording: .chain)
  }

  @Test("A chain is formed")
  func view() {
    var story = story("Chain replication: the authority forms a chain")
    story.say(
      "Three replicas start with empty logs. They do nothing of their own accord: which "
        + "replicas form the chain, and in which order, is decided by an outside authority, the "
        + "master of the paper. The first is the head, the last is the tail.")
    story.issue(a, b, c)
    story.section("Neighbours get in line")
    story.say(
      "A replica is in line when its log is a prefix of that of its predecessor. The head is so "
        + "from the start. Every other one says where its log ends, and its predecessor answers "
        + "with the last entry that both share, here none.")
    story.run()
    story.say(
      "Everything the head began with, which is nothing, is on all disks. The head tells the "
        + "authority that the view is established: from now on any member may be the head of "
        + "the next one.")
    #expect(story.cluster.core(a).report.isEstablished)
    #expect(story.difference(from: "01-View") == nil)
  }

  @Test("A write without failures (§2)")
  func write() {
    var story = story("Chain replication: a write without failures (§2)")
    story.say("The chain is A, B, C.")
    story.start(a, b, c)
    story.section("The update travels down")
    story.say(
      "Updates go to the head. It numbers them and hands them on while its disk still writes: "
        + "all disks of the chain work at the same time.")
    story.propose(4, at: a)
    story.run { if case .forward = $0.message { true } else { false } }
    story.section("Word of the disks follows")
    story.say(
      "A replica that has finished writing, and has heard that all before it have, tells its "
        + "successor. When the tail has heard it and has the entry on its own disk, the entry "
        + "is on all disks: the tail commits it and answers the client.")
    story.run {
      switch $0.message {
      case .durable, .stable: true
      default: false
      }
    }
    story.section("The acknowledgement travels up")
    story.say("What a replica has sent and not seen acknowledged is pending, the paper's Sent.")
    story.run()
    story.section("A read")
    story.say(
      "Reads go to the tail, which answers at once from what is committed. The others send "
        + "clients there.")
    story.read(at: a)
    story.read(at: c)
    #expect(story.cluster.answered(c) == [batch(4)] && story.cluster.updates(a) == [4])
    #expect(story.difference(from: "02-Write") == nil)
  }

  @Test("The head is lost in the middle of a write (§3.1)")
  func headLoss() {
    var story = story("Chain replication: the head is lost in the middle of a write (§3.1)")
    story.say("The chain is A, B, C, and x=4 is committed everywhere.")
    story.start(a, b, c)
    story.quietly {
      $0.propose(4, at: a)
      $0.run()
    }
    story.section("One update gets through to B, the next does not")
    story.propose(5, at: a)
    story.run { $0.from == a && $0.to == b }
    story.say("The head crashes before it can hand x=6 on.")
    story.propose(6, at: a)
    story.crash(a)
    story.cluster.inFlight.removeAll { $0.from == a }
    story.section("The successor is the head")
    story.say(
      "B goes on numbering behind what it holds. x=6 is gone with A; the client was not "
        + "answered and asks again. x=5 is on its way and stays.")
    story.issue(b, c)
    story.run()
    story.section("The client asks again")
    story.propose(6, at: b)
    story.run()
    #expect(story.cluster.updates(b) == [4, 5, 6] && story.cluster.updates(c) == [4, 5, 6])
    #expect(story.difference(from: "03-HeadLoss") == nil)
  }

  @Test("A middle replica is lost in the middle of a write (§3.3)")
  func middleLoss() {
    var story = story("Chain replication: a middle replica is lost in the middle of a write (§3.3)")
    story.say("The chain is A, B, C, and x=4 is committed everywhere.")
    story.start(a, b, c)
    story.quietly {
      $0.propose(4, at: a)
      $0.run()
    }
    story.section("B crashes with an update that it has not handed on")
    story.propose(5, at: a)
    story.run { $0.to == b }
    story.crash(b)
    story.cluster.inFlight.removeAll { $0.from == b }
    story.section("The predecessor sends what the successor lacks")
    story.say(
      "A has x=5 among what is pending. C keeps its place: A was before it in view 1 as well "
        + "and has forgotten nothing. C tells A how far it has come, and A sends what follows "
        + "before anything new.")
    story.issue(a, c)
    story.run()
    #expect(story.cluster.updates(c) == [4, 5] && story.cluster.answered(c).last == batch(5))
    #expect(story.difference(from: "04-MiddleLoss") == nil)
  }

  @Test("The tail is lost in the middle of a write (§3.2)")
  func tailLoss() {
    var story = story("Chain replication: the tail is lost in the middle of a write (§3.2)")
    story.say("The chain is A, B, C, and x=4 is committed everywhere.")
    story.start(a, b, c)
    story.quietly {
      $0.propose(4, at: a)
      $0.run()
    }
    story.section("The tail crashes with an update on its way to it")
    story.propose(5, at: a)
    story.run { $0.to != c }
    story.crash(c)
    story.section("The predecessor is the tail")
    story.say(
      "All that is left of the chain has x=5 on disk, so it is committed by the loss of the "
        + "tail itself. C may have answered the client before it crashed; if it did, B says the "
        + "same again.")
    story.issue(a, b)
    story.run()
    story.say("The new tail answers reads.")
    story.read(at: b)
    #expect(story.cluster.answered(b) == [batch(5)] && story.cluster.updates(a) == [4, 5])
    #expect(story.difference(from: "05-TailLoss") == nil)
  }

  @Test("A joiner catches up from the log and becomes the tail (§4)")
  func catchUpByLog() {
    var story = story("Chain replication: a replica joins and catches up from the log (§4)")
    story.say(
      "The chain is A, B. It has committed x=1 to x=3 while C was down. C has restarted, with "
        + "an empty log.")
    story.start(a, b)
    story.quietly {
      for number in 1...3 as ClosedRange<UInt64> { $0.propose(number, at: a) }
      $0.run()
    }
    story.section("The tail copies its log")
    story.say(
      "The authority names C as joiner of a new view. Nothing waits for a joiner, and it "
        + "answers no client. The tail sends it what it lacks.")
    story.issue(a, b, joiner: c)
    story.run { $0.from == c || $0.to == c }
    story.section("Updates go on meanwhile")
    story.say("The rest of the chain gets in line for the view, and the tail goes on serving.")
    story.run()
    story.propose(4, at: a)
    story.run()
    story.section("The joiner becomes the tail")
    story.say(
      "B has told the authority that C lacks nothing. In the next view C is the tail. It was no "
        + "member of view 2, so its log is compared once more, and nothing is missing.")
    story.issue(a, b, c)
    story.run()
    story.read(at: c)
    #expect(story.cluster.updates(c) == [1, 2, 3, 4] && story.cluster.nodes[2].reads.count == 1)
    #expect(story.difference(from: "06-CatchUpByLog") == nil)
  }

  @Test("A joiner catches up from a snapshot")
  func catchUpBySnapshot() {
    var story = story("Chain replication: a replica joins and catches up from a snapshot")
    story.say(
      "The chain is A, B. It has committed x=1 to x=3 while C was down. B has taken a snapshot, "
        + "and the entries that it covers have left its log.")
    story.start(a, b)
    story.quietly {
      for number in 1...3 as ClosedRange<UInt64> { $0.propose(number, at: a) }
      $0.run()
    }
    story.takeSnapshot(at: b)
    story.section("The joiner lacks entries that are in no log any more")
    story.issue(a, b, joiner: c)
    story.run()
    story.say(
      "The host sends C its snapshot, in pages, as it does for all protocols. "
        + "When C has it on disk, it says anew where it stands, and the tail goes on from there.")
    story.sendSnapshot(from: b, to: c)
    story.run()
    story.section("Then updates travel as ever")
    story.propose(4, at: a)
    story.run()
    #expect(story.cluster.updates(c) == [1, 2, 3, 4])
    #expect(story.difference(from: "07-CatchUpBySnapshot") == nil)
  }

  @Test("A head that was removed goes on speaking")
  func staleHead() {
    var story = story("Chain replication: a head that was removed and does not know it")
    story.say("The chain is A, B, C, and x=4 is committed everywhere.")
    story.start(a, b, c)
    story.quietly {
      $0.propose(4, at: a)
      $0.run()
    }
    story.section("A is taken for dead")
    story.say(
      "The authority has not heard A for too long and issues a view without it. A itself is "
        + "well, and hears nothing of that.")
    story.issue(b, c)
    story.run()
    story.section("A numbers an update in the old view")
    story.say(
      "B works in view 2 and ignores messages of view 1, so x=5 goes nowhere and is never answered."
    )
    story.propose(5, at: a)
    story.run()
    story.section("The new head numbers another one")
    story.propose(6, at: b)
    story.run()
    story.section("A comes back as a joiner")
    story.say(
      "A still holds x=5 as entry 2, where the others have x=6. Entry 2 of view 1 and entry 2 "
        + "of view 2 are different entries; the logs part behind entry 1, and A drops what "
        + "follows.")
    story.issue(b, c, joiner: a)
    story.run()
    #expect(story.cluster.updates(a) == [4, 6])
    #expect(story.difference(from: "08-StaleHead") == nil)
  }
}
