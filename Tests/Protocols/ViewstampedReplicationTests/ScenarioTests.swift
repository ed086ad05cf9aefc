import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

/// The stories of Viewstamped Replication. Each is played by the replicas and compared with its
/// file in `Scenarios`; they are meant to be read there, in this order.
@Suite("Viewstamped replication, told in scenarios")
struct ScenarioTests {
  private func story(
    _ title: String, _ options: ViewstampedReplica.Options = vrOptions(sticky: false)
  ) -> Story<ViewstampedReplica> {
    var story = Story(title, options: options, wording: .viewstamped)
    story.quietly { $0.run() }
    return story
  }

  @Test("A write without failures (§4.1)")
  func write() {
    var story = story("Viewstamped replication: a write without failures (§4.1)")
    story.say(
      "The primary of view v is replica v mod n: A leads view 0 without an election. It numbers "
        + "the update and sends it to the backups while its own disk writes.")
    story.propose(4, at: a)
    story.run { $0.from == a && $0.to != a }
    story.section("A majority has it on disk")
    story.say(
      "The primary counts itself when its own disk has the operation. Two of three replicas are "
        + "f + 1: the operation is committed and the client is answered.")
    story.run()
    story.section("The backups learn it")
    story.say("The next Prepare, or a Commit when there is none, says what is committed.")
    story.fire(.commit, at: a)
    story.run()
    #expect(story.cluster.answered(a) == [batch(4)] && story.cluster.updates(c) == [4])
    #expect(story.difference(from: "01-Write") == nil)
  }

  @Test("The primary is lost in the middle of a write (§4.2)")
  func primaryLoss() {
    var story = story(
      "Viewstamped replication: the primary is lost in the middle of a write (§4.2)")
    story.say("A leads view 0, and x=4 is committed everywhere.")
    story.quietly {
      $0.propose(4, at: a)
      $0.run()
      $0.fire(.commit, at: a)
      $0.run()
    }
    story.section("One backup gets the operation, then the primary crashes")
    story.only(a, c)
    story.propose(5, at: a)
    story.run { $0.from == a && $0.to != a }
    story.crash(a)
    story.heal()
    story.run()
    story.section("The backups want view 1")
    story.say(
      "B is the primary of view 1, whatever its log. It waits for the logs of f + 1 replicas, "
        + "its own included, and takes the one of the latest normal view, and of those the "
        + "longest: that of C. The messages tell the history of a log, and what is missing is "
        + "fetched (§5.3).")
    story.wait(.seconds(1))
    story.fire(.viewChange, at: b)
    story.fire(.viewChange, at: c)
    story.run()
    story.say(
      "x=5 may have been committed, so it stays. The client of x=5 is not answered by B, which "
        + "never heard the request; it asks again, and sessions see to it that the update takes "
        + "effect once.")
    #expect(story.cluster.updates(b) == [4, 5])
    #expect(story.difference(from: "02-PrimaryLoss") == nil)
  }

  @Test("A backup catches up from the log (§5.2)")
  func catchUpByLog() {
    var story = story("Viewstamped replication: a backup catches up from the log (§5.2)")
    story.say("A leads view 0. C is down while three updates are committed by A and B.")
    story.quietly {
      $0.crash(c)
      for number in 1...3 as ClosedRange<UInt64> { $0.propose(number, at: a) }
      $0.run()
    }
    story.section("The backup comes back")
    story.restart(c)
    story.say(
      "A Commit names the last operation that was sent. C does not have it and asks for what it "
        + "lacks: state transfer.")
    story.fire(.commit, at: a)
    story.run { $0.from == c || $0.to == c }
    story.run()
    story.fire(.commit, at: a)
    story.run { $0.to == c }
    #expect(story.cluster.updates(c) == [1, 2, 3])
    #expect(story.difference(from: "03-CatchUpByLog") == nil)
  }

  @Test("A backup catches up from a snapshot (§5.1)")
  func catchUpBySnapshot() {
    var story = story("Viewstamped replication: a backup catches up from a snapshot (§5.1)")
    story.say(
      "A leads view 0. C is down while three updates are committed by A and B. A has taken a "
        + "snapshot, a checkpoint in the paper, and what it covers has left its log.")
    story.quietly {
      $0.crash(c)
      for number in 1...3 as ClosedRange<UInt64> { $0.propose(number, at: a) }
      $0.run()
    }
    story.takeSnapshot(at: a)
    story.section("The backup comes back")
    story.restart(c)
    story.fire(.commit, at: a)
    story.run { $0.from == c || $0.to == c }
    story.say(
      "The operations that C lacks are not in the log of A any more. The host sends C "
        + "its snapshot, in pages, as it does for all protocols.")
    story.sendSnapshot(from: a, to: c)
    story.run()
    story.section("Then operations travel as ever")
    story.propose(4, at: a)
    story.run()
    story.fire(.commit, at: a)
    story.run { $0.to == c }
    #expect(story.cluster.updates(c) == [1, 2, 3, 4])
    #expect(story.difference(from: "04-CatchUpBySnapshot") == nil)
  }

  @Test("A primary that was cut off comes back (§4.2)")
  func stalePrimary() {
    var story = story("Viewstamped replication: a primary that was cut off comes back (§4.2)")
    story.say("A leads view 0.")
    story.section("A is cut off and does not know it")
    story.isolate(a)
    story.propose(4, at: a)
    story.run()
    story.say("x=4 is on one disk of three. A cannot commit it, and the client waits.")
    story.section("The others go on in view 1")
    story.wait(.seconds(1))
    story.fire(.viewChange, at: b)
    story.fire(.viewChange, at: c)
    story.run()
    story.propose(5, at: b)
    story.run()
    story.section("A is back")
    story.say(
      "A still works in view 0. The others tell it of view 1, in which it is a backup. It drops "
        + "x=4, which was never committed, and fetches what view 1 has.")
    story.heal()
    story.fire(.commit, at: a)
    story.run()
    story.fire(.commit, at: b)
    story.run()
    #expect(story.cluster.updates(a) == [5])
    #expect(story.difference(from: "05-StalePrimary") == nil)
  }

  @Test("A read is refused at a stale primary")
  func staleRead() {
    var story = story(
      "Viewstamped replication: reads, and a primary that does not know that it was replaced")
    story.say("A leads view 0, and x=4 is committed everywhere.")
    story.quietly {
      $0.propose(4, at: a)
      $0.run()
      $0.fire(.commit, at: a)
      $0.run()
    }
    story.section("A read at the primary")
    story.say(
      "A read passes by the log. A asks a majority, in a round that begins after the read came, "
        + "whether its view still holds; the paper has a lease instead (§6.3).")
    story.read(at: a)
    story.run()
    story.section("The same at a primary that was replaced")
    story.say("A is cut off. B leads view 1 and commits x=5.")
    story.isolate(a)
    story.quietly { cluster in
      cluster.now = cluster.now + .seconds(1)
      for id in [b, c] { cluster.fire(.viewChange, at: id) }
      cluster.run()
      cluster.propose(5, at: b)
      cluster.run()
    }
    story.say("A would answer x=4. No replica confirms its round, so it does not.")
    story.read(at: a)
    story.run()
    story.section("The stale primary hears of view 1")
    story.heal()
    story.fire(.commit, at: b)
    story.run()
    story.say("The read had no effect, and the client asks the new primary.")
    story.read(at: b)
    story.run()
    #expect(story.cluster.nodes[0].reads.count == 1 && story.cluster.nodes[1].reads.count == 1)
    #expect(story.difference(from: "06-StaleRead") == nil)
  }

  @Test("A replica without a disk recovers from the others (§4.3)")
  func recovery() {
    var story = story(
      "Viewstamped replication: a replica without a disk recovers (§4.3)",
      vrOptions(sticky: false, recovery: .replicas))
    story.say(
      "Here no replica keeps its log on a disk (`recovery: replicas`). A leads view 0, and x=4 "
        + "and x=5 are committed.")
    story.quietly {
      $0.propose(4, at: a)
      $0.propose(5, at: a)
      $0.run()
    }
    story.crash(b)
    story.section("B has forgotten everything")
    story.say(
      "All that it knows is that it has started before. It takes part in nothing until f + 1 "
        + "replicas have answered, the primary of the latest view among them.")
    story.restart(b)
    story.run()
    #expect(story.cluster.updates(b) == [4, 5])
    #expect(story.difference(from: "07-Recovery") == nil)
  }
}
