import ProtocolTesting
import Raft
import Replication
import SteppedCluster
import Testing
import ViewService

@testable import ChainReplication

/// Stories of a chain whose replicas ping a real authority.
@Suite("Chain replication under an authority, told in scenarios")
struct SupervisedScenarioTests {
  @Test("A replica is suspected although it is well")
  func falseSuspicion() {
    var story = supervised("Chain replication: a replica is suspected although it is well")
    story.say(
      "Here the replicas ping the authority, V, every 40 ms, and it gives up a replica that it "
        + "has not heard for 200 ms. The chain is A, B, C, and x=4 is committed everywhere.")
    settle(&story)
    story.section("The pings of B are lost")
    story.say(
      "Only the link between B and V is cut. Updates still travel through B, so the chain "
        + "works, and the authority cannot tell a replica that it does not hear from one that "
        + "has crashed.")
    story.cut(b, 3)
    story.propose(5, at: a)
    story.run()
    story.section("The authority issues a view without B")
    story.say("After 200 ms without a ping of B:")
    story.tickQuietly(timers, count: 4)
    story.tick(timers) { $0.core(a).view.number == 2 }
    story.section("B still works in view 1")
    story.say("Neighbours of view 2 ignore it, so nothing comes of that. Updates go from A to C.")
    story.propose(6, at: a)
    story.run()
    story.section("B is heard again")
    story.say(
      "The authority takes it back as a joiner, and as the tail when it has caught up. The "
        + "suspicion was false; it has cost one change of view, and no update.")
    story.heal()
    story.tick(timers) {
      $0.core(b).status.isTail && $0.core(c).view.number == $0.core(b).view.number
    }
    #expect(story.cluster.updates(b) == [4, 5, 6] && story.cluster.updates(c) == [4, 5, 6])
    #expect(story.difference(from: "09-FalseSuspicion") == nil)
  }

  @Test("Reads stop before the authority removes the tail")
  func lease() {
    var story = supervised("Chain replication: a tail stops answering before it is removed")
    story.say(
      "A tail answers reads from its own state and asks nobody. So it must know that no later "
        + "tail can have committed an update: with each answer to a ping the authority, V, "
        + "grants a lease. It waits 200 ms after the ping came before it removes a replica; the "
        + "replica takes four fifths of that, counted from when it sent the ping, because "
        + "clocks may differ.")
    settle(&story)
    story.section("The tail is cut off from the authority and from the chain")
    story.isolate(c)
    story.say("Clients still reach C. The lease that the last ping brought holds for 160 ms.")
    story.tick(timers)
    story.tickQuietly(timers, count: 2)
    story.read(at: c)
    story.section("The lease is over")
    story.say("C does not answer from its state any more. The read waits for a new lease.")
    story.tickQuietly(timers, count: 1)
    story.read(at: c)
    story.section("Only then does the chain go on without C")
    story.tick(timers) { $0.core(b).view.number == 2 }
    story.propose(5, at: a)
    story.run()
    story.say("x=5 is committed without C, whose last answer was given before that.")
    story.section("C gives up")
    story.say("The read that waited is refused, because no lease comes.")
    story.tickQuietly(timers, count: 1)
    story.tick(timers) { !$0.nodes[2].refusedReads.isEmpty }
    #expect(story.cluster.nodes[2].reads.count == 1 && story.cluster.updates(b) == [4, 5])
    #expect(story.difference(from: "10-Lease") == nil)
  }

  private typealias Core = WithAuthority<ChainReplica, RaftReplica>

  private let timers: [Core.Timer] = [.tick, .replica(.resend), .consensus(.heartbeat)]

  private func supervised(_ title: String) -> Story<Core> {
    Story(title, authority: 1, options: Core.Options(), wording: Wording(replica: .chain))
  }

  /// The authority begins to work, and x=4 is committed in the view of all replicas.
  private func settle(_ story: inout Story<Core>) {
    story.quietly { cluster in
      cluster.fire(.consensus(.election), at: 3)
      cluster.run()
      for _ in 0..<10 { cluster.tick(timers) }
      cluster.propose(4, at: a)
      cluster.run()
      cluster.tick(timers)
    }
  }
}
