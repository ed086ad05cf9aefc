import ProtocolTesting
import Raft
import Replication
import SteppedCluster
import Testing
import ViewService

@testable import PrimaryBackup

/// Stories of primary-backup whose replicas ping a real authority.
@Suite("Primary-backup under an authority, told in scenarios")
struct SupervisedScenarioTests {
  @Test("A replica is suspected although it is well")
  func falseSuspicion() {
    var story = supervised("Primary-backup: a backup is suspected although it is well")
    story.say(
      "Here the replicas ping the authority, V, every 40 ms, and it gives up a replica that it "
        + "has not heard for 200 ms. A is primary, B and C are its backups, and x=4 is "
        + "committed.")
    settle(&story)
    story.section("The pings of B are lost")
    story.say(
      "Only the link between B and V is cut. B still acknowledges updates, and the authority "
        + "cannot tell a replica that it does not hear from one that has crashed.")
    story.cut(b, 3)
    story.propose(5, at: a)
    story.run()
    story.section("The authority issues a view without B")
    story.tickQuietly(timers, count: 4)
    story.tick(timers) { $0.core(a).view.number == 2 }
    story.section("B still works in view 1")
    story.say("The primary of view 2 does not send it anything, and waits for C alone.")
    story.propose(6, at: a)
    story.run()
    story.section("B is heard again")
    story.say(
      "The authority takes it back as a joiner, and as a member when it has caught up. The "
        + "suspicion was false; it has cost changes of view, and no update.")
    story.heal()
    story.tick(timers) { $0.core(b).status.role == "backup" && $0.core(b).view.number == 3 }
    story.tickQuietly(timers, count: 1)
    #expect(story.cluster.updates(b) == [4, 5, 6] && story.cluster.updates(c) == [4, 5, 6])
    #expect(story.difference(from: "08-FalseSuspicion") == nil)
  }

  @Test("Reads stop before the authority removes the primary")
  func lease() {
    var story = supervised("Primary-backup: a primary stops answering before it is removed")
    story.say(
      "A primary answers reads from its own state and asks nobody. So it must know that no later "
        + "primary can have committed an update: with each answer to a ping the authority, V, "
        + "grants "
        + "a lease. It waits 200 ms after the ping came before it removes a replica; the replica "
        + "takes four fifths of that, counted from when it sent the ping, because clocks may "
        + "differ."
    )
    settle(&story)
    story.section("The primary is cut off from the authority and from its backups")
    story.isolate(a)
    story.say("Clients still reach A. The lease that the last ping brought holds for 160 ms.")
    story.tick(timers)
    story.tickQuietly(timers, count: 2)
    story.read(at: a)
    story.section("The lease is over")
    story.say("A does not answer from its state any more. The read waits for a new lease.")
    story.tickQuietly(timers, count: 1)
    story.read(at: a)
    story.section("Only then is B made primary")
    story.tick(timers) { $0.core(b).view.number == 2 }
    story.propose(5, at: b)
    story.run()
    story.say("x=5 is committed without A, whose last answer was given before that.")
    story.section("A gives up")
    story.say("The read that waited is refused, because no lease comes.")
    story.tickQuietly(timers, count: 3)
    story.tick(timers) { !$0.nodes[0].refusedReads.isEmpty }
    #expect(story.cluster.nodes[0].reads.count == 1 && story.cluster.updates(b) == [4, 5])
    #expect(story.difference(from: "09-Lease") == nil)
  }

  private typealias Core = WithAuthority<PrimaryBackupReplica, RaftReplica>

  private let timers: [Core.Timer] = [.tick, .replica(.resend), .consensus(.heartbeat)]

  private func supervised(_ title: String) -> Story<Core> {
    Story(title, authority: 1, options: Core.Options(), wording: Wording(replica: .primaryBackup))
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
