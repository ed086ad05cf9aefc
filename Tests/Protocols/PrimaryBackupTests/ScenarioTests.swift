import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

@testable import PrimaryBackup

/// The stories of primary-backup. Each is played by the replicas and compared with its file in
/// `Scenarios`; they are meant to be read there, in this order.
@Suite("Primary-backup, told in scenarios")
struct ScenarioTests {
  private func story(_ title: String, replicas: Int = 3) -> Story<PrimaryBackupReplica> {
    Story(
      title, replicas: replicas, options: PrimaryBackupReplica.Options(), wording: .primaryBackup)
  }

  @Test("A view begins")
  func view() {
    var story = story("Primary-backup: the authority picks a primary")
    story.say(
      "Three replicas start with empty logs. Which of them is primary is decided by an outside "
        + "authority, the view service; no replica makes itself primary. The first member of a "
        + "view is its primary, the others are backups.")
    story.issue(a, b, c)
    story.section("The primary learns how the logs of the backups end")
    story.say(
      "It asks with an empty message. Backups also say so of their own accord, because the "
        + "question may have come before they knew the view.")
    story.run()
    story.say(
      "All members hold what the primary began with, which is nothing: the view is established. "
        + "The primary tells the authority so. Only then may another member be made primary.")
    #expect(story.cluster.core(a).report.isEstablished)
    #expect(story.difference(from: "01-View") == nil)
  }

  @Test("A write without failures (Alsberg & Day 1976; PacificA §2.1)")
  func write() {
    var story = story("Primary-backup: a write without failures")
    story.say("A is primary, B and C are its backups.")
    story.start(a, b, c)
    story.section("The primary numbers the update and sends it on")
    story.propose(4, at: a)
    story.run { $0.from == a && $0.to != a }
    story.section("All members have it on disk")
    story.say(
      "The primary waits for every backup and for its own disk, whose word comes as a message "
        + "to itself. Then the update is committed and the client is answered. One slow backup "
        + "makes every client wait: in return one replica of f + 1 is enough to keep the data.")
    story.run()
    story.section("The backups learn it")
    story.say("The next message says what is committed. Backups apply it and answer nobody.")
    story.propose(5, at: a)
    story.run()
    story.section("Reads")
    story.say("The primary answers from what is committed; backups send clients to it.")
    story.read(at: a)
    story.read(at: b)
    #expect(story.cluster.answered(a) == [batch(4), batch(5)])
    #expect(story.difference(from: "02-Write") == nil)
  }

  @Test("The primary is lost in the middle of a write (PacificA, reconciliation)")
  func primaryLoss() {
    var story = story("Primary-backup: the primary is lost in the middle of a write")
    story.say("A is primary, B and C are its backups, and x=4 is committed.")
    story.start(a, b, c)
    story.quietly {
      $0.propose(4, at: a)
      $0.run()
    }
    story.section("Only C gets the update before the primary crashes")
    story.propose(5, at: a)
    story.run { $0.to == c }
    story.crash(a)
    story.cluster.inFlight.removeAll { $0.from == a }
    story.section("B is primary")
    story.say(
      "Both hold x=4, which was acknowledged, so each may be primary. B asks C how its log "
        + "ends. C has one entry more than B; it was never committed, so it may go.")
    story.issue(b, c)
    story.run()
    story.section("The client asks again")
    story.say(
      "The new entry 2 of view 2 takes the place of x=5, which C still holds there from view 1.")
    story.propose(6, at: b)
    story.run()
    story.propose(5, at: b)
    story.run()
    #expect(story.cluster.updates(b) == [4, 6, 5])
    #expect(story.difference(from: "03-PrimaryLoss") == nil)
  }

  @Test("A backup is lost in the middle of a write")
  func backupLoss() {
    var story = story("Primary-backup: a backup is lost in the middle of a write")
    story.say("A is primary, B and C are its backups, and x=4 is committed.")
    story.start(a, b, c)
    story.quietly {
      $0.propose(4, at: a)
      $0.run()
    }
    story.section("The primary waits")
    story.crash(c)
    story.propose(5, at: a)
    story.run()
    story.say(
      "A may not go on without C: if it did, and C were made primary, x=5 would be lost. Only "
        + "the authority removes a member.")
    story.section("The authority issues a view without C")
    story.issue(a, b)
    story.run()
    #expect(story.cluster.updates(a) == [4, 5] && story.cluster.answered(a).last == batch(5))
    #expect(story.difference(from: "04-BackupLoss") == nil)
  }

  @Test("A joiner catches up from the log")
  func catchUpByLog() {
    var story = story("Primary-backup: a replica joins and catches up from the log")
    story.say(
      "A is primary and B its backup. They have committed x=1 to x=3 while C was down. C has "
        + "restarted, with an empty log.")
    story.start(a, b)
    story.quietly {
      for number in 1...3 as ClosedRange<UInt64> { $0.propose(number, at: a) }
      $0.run()
    }
    story.section("C is a joiner")
    story.say(
      "A joiner is fed like a backup, but nothing waits for it, and it may not be made primary.")
    story.issue(a, b, joiner: c)
    story.run()
    story.section("C is a backup")
    story.say("It has caught up, and the authority makes it a member of the next view.")
    story.issue(a, b, c)
    story.run()
    story.propose(4, at: a)
    story.run()
    story.section("The backups learn what is committed")
    story.fire(.resend, at: a)
    story.run()
    #expect(story.cluster.updates(c) == [1, 2, 3, 4])
    #expect(story.difference(from: "05-CatchUpByLog") == nil)
  }

  @Test("A joiner catches up from a snapshot")
  func catchUpBySnapshot() {
    var story = story("Primary-backup: a replica joins and catches up from a snapshot")
    story.say(
      "A is primary and B its backup. They have committed x=1 to x=3 while C was down. A has "
        + "taken a snapshot, and the entries that it covers have left its log.")
    story.start(a, b)
    story.quietly {
      for number in 1...3 as ClosedRange<UInt64> { $0.propose(number, at: a) }
      $0.run()
    }
    story.takeSnapshot(at: a)
    story.section("The joiner lacks entries that the primary has no more")
    story.issue(a, b, joiner: c)
    story.run()
    story.say(
      "The host sends C its snapshot, in pages, as it does for all protocols. "
        + "C sums its log up again when it has the snapshot on disk.")
    story.sendSnapshot(from: a, to: c)
    story.run()
    story.section("Then updates travel as ever")
    story.propose(4, at: a)
    story.run()
    story.fire(.resend, at: a)
    story.run()
    #expect(story.cluster.updates(c) == [1, 2, 3, 4])
    #expect(story.difference(from: "06-CatchUpBySnapshot") == nil)
  }

  @Test("A primary that was removed goes on speaking")
  func stalePrimary() {
    var story = story("Primary-backup: a primary that was removed and does not know it")
    story.say("A is primary, B and C are its backups, and x=4 is committed.")
    story.start(a, b, c)
    story.quietly {
      $0.propose(4, at: a)
      $0.run()
    }
    story.section("A is taken for dead")
    story.issue(b, c)
    story.run()
    story.section("A sends an update in the old view")
    story.say(
      "B and C work in view 2. They do not take the entry, and say that there is a newer view. "
        + "A stops: it can commit nothing without them.")
    story.propose(5, at: a)
    story.run()
    story.section("The new primary goes on")
    story.propose(6, at: b)
    story.run()
    story.section("A comes back as a joiner")
    story.say(
      "A holds x=5 as entry 2 of view 1. Entry 2 of view 2 takes its place. x=5 was never "
        + "committed."
    )
    story.issue(b, c, joiner: a)
    story.run()
    story.fire(.resend, at: b)
    story.run()
    #expect(story.cluster.updates(a) == [4, 6])
    #expect(story.difference(from: "07-StalePrimary") == nil)
  }
}
