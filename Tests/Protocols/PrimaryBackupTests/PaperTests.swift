import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

@testable import PrimaryBackup

/// The rules of primary-backup in the order of its papers: Alsberg & Day 1976 for one primary and
/// its backups, then PacificA (Lin et al. 2008 §2) for views, reconciliation and recovery. Where a
/// known bug breaks a rule, the test plays its scenario with and without that bug. The leases that
/// PacificA needs for its primary are the authority's: `LeaseTests` of the view service.
@Suite("Primary-backup, in the order of the papers")
struct PaperTests {
  @Test("Alsberg & Day. An update is committed when every member has it on its disk")
  func everyMember() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1, 2])
    cluster.nodes[2].holdsDisk = true
    cluster.propose(5, at: 0)
    cluster.run()
    #expect(cluster.updates(0).isEmpty)
    cluster.releaseDisk(ReplicaID(2))
    cluster.run()
    #expect(cluster.updates(0) == [5])
    #expect(cluster.nodes[0].commits[0].answering)
  }

  @Test("Alsberg & Day. The primary's own disk counts like any other")
  func ownDisk() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1, 2])
    cluster.nodes[0].holdsDisk = true
    cluster.propose(5, at: 0)
    cluster.run()
    #expect(cluster.nodes[1].records.count == 1)
    #expect(cluster.updates(0).isEmpty)
    cluster.releaseDisk(ReplicaID(0))
    cluster.run()
    #expect(cluster.updates(0) == [5])
  }

  @Test(
    "Alsberg & Day. An answered update survives the primary; answered early, it is lost",
    arguments: [nil, PrimaryBackupReplica.Bug.replyBeforeBackups])
  func replyBeforeBackups(bug: PrimaryBackupReplica.Bug?) {
    var cluster = Cluster(bug: bug)
    cluster.begin(1, [0, 1, 2])
    cluster.isolate(0)
    cluster.propose(5, at: 0)
    cluster.run()
    let answered = cluster.updates(0)
    cluster.crash(ReplicaID(0))
    cluster.begin(2, [1, 2])
    cluster.propose(6, at: 1)
    cluster.run()
    let isLost = !cluster.updates(1).starts(with: answered)
    #expect(isLost == (bug != nil))
  }

  @Test("Alsberg & Day. A replica that is not primary refuses and names the one that is")
  func redirects() {
    var cluster = Cluster(replicas: 4)
    cluster.announce(1, [1, 0], joiner: 2, to: [0, 1, 2])
    cluster.run()
    for id in [0, 2] {
      cluster.propose(5, at: ReplicaID(id))
      cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(id))
      #expect(cluster.nodes[id].refusedBatches.map(\.redirect) == [ReplicaID(1)])
      #expect(cluster.nodes[id].refusedReads.map(\.redirect) == [ReplicaID(1)])
    }
    // Knows no view.
    cluster.propose(5, at: 3)
    #expect(cluster.nodes[3].refusedBatches.map(\.redirect) == [nil])
  }

  @Test("PacificA §2.1, commit invariant. Backups commit after the primary, and it what all hold")
  func commitInvariant() {
    var cluster = Cluster()
    cluster.begin(1, [a, b, c])
    for number in 1...UInt64(5) { cluster.propose(number, at: a) }
    cluster.beat(a)
    for number in 6...UInt64(8) { cluster.propose(number, at: a) }
    while !cluster.inFlight.isEmpty {
      cluster.run(limit: 1)
      let primary = cluster.core(a).status.commitIndex
      for backup in [b, c] {
        #expect(cluster.core(backup).status.commitIndex <= primary)
        #expect(primary <= cluster.core(backup).status.lastIndex)
      }
    }
    #expect(cluster.updates(a) == Array(1...8) && cluster.agrees)
  }

  @Test("PacificA §2.1. Backups learn with the next append, or from a timer, what is committed")
  func piggyback() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1, 2])
    cluster.propose(5, at: 0)
    cluster.run()
    #expect(cluster.updates(1).isEmpty)
    cluster.propose(6, at: 0)
    cluster.run()
    #expect(cluster.updates(1) == [5])
    cluster.beat(0)
    #expect(cluster.updates(1) == [5, 6])
    #expect(cluster.nodes[1].commits.allSatisfy { !$0.answering })
  }

  @Test(
    "PacificA §2.1. A backup takes entries in order only, or it stores them in the wrong place",
    arguments: [nil, PrimaryBackupReplica.Bug.ignoreGaps])
  func gaps(bug: PrimaryBackupReplica.Bug?) {
    var cluster = Cluster(replicas: 2, bug: bug)
    cluster.begin(1, [0, 1])
    cluster.isolate(1)
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.heal()
    cluster.propose(6, at: 0)
    cluster.run()
    cluster.beat(0)
    #expect(cluster.updates(0) == [5, 6])
    #expect((cluster.updates(1) == [5, 6]) == (bug == nil))
  }

  @Test("PacificA §2.2. A silent backup stops all updates until the authority decides")
  func silentBackup() {
    for bug in [nil, PrimaryBackupReplica.Bug.continueWithoutBackup] {
      var cluster = Cluster(replicas: 2, bug: bug)
      cluster.begin(1, [0, 1])
      cluster.isolate(1)
      cluster.propose(5, at: 0)
      for _ in 0..<10 { cluster.beat(0) }
      // The authority hears both, and may promote the backup at any time.
      #expect(cluster.updates(0) == (bug == nil ? [] : [5]))
      cluster.begin(2, [1, 0], to: [1])
      cluster.heal()
      cluster.begin(2, [1, 0], to: [0])
      cluster.propose(6, at: 1)
      cluster.run()
      let isLost = bug != nil
      #expect(cluster.updates(1).starts(with: cluster.updates(0)) == !isLost)
    }
  }

  @Test(
    "PacificA §2.2. A replaced primary is refused and stops; accepted, it splits the history",
    arguments: [nil, PrimaryBackupReplica.Bug.acceptAnyView])
  func oldPrimary(bug: PrimaryBackupReplica.Bug?) {
    var cluster = Cluster(replicas: 2, bug: bug)
    cluster.begin(1, [0, 1])
    cluster.begin(2, [1], to: [1])
    cluster.propose(5, at: 1)
    cluster.run()
    cluster.propose(6, at: 0)
    cluster.run()
    #expect(cluster.updates(1) == [5])
    if bug == nil {
      #expect(cluster.updates(0).isEmpty)
      #expect(cluster.core(0).status.role == "deposed")
      cluster.propose(7, at: 0)
      #expect(cluster.nodes[0].refusedBatches.count == 1)
    } else {
      #expect(cluster.updates(0) == [6])
      #expect(cluster.core(1).invariantViolation() != nil)
    }
  }

  @Test("PacificA §2.2. Messages of a view that is not known yet wait for the authority")
  func laterView() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.begin(2, [0, 1], to: [0])
    cluster.propose(5, at: 0)
    cluster.run()
    #expect(cluster.core(1).log.lastIndex == .zero)
    cluster.begin(2, [0, 1], to: [1])
    #expect(cluster.updates(0) == [5])
  }

  @Test("PacificA, reconciliation. A view is established when all hold what its primary began with")
  func establishing() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1, 2])
    #expect(cluster.core(0).report == Report(view: 1, isEstablished: true))
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.nodes[2].holdsDisk = true
    cluster.begin(2, [1, 2])
    #expect(!cluster.core(1).report.isEstablished)
    cluster.releaseDisk(ReplicaID(2))
    cluster.run()
    #expect(cluster.core(1).report.isEstablished)
    #expect(cluster.updates(1) == [5])
    #expect(cluster.nodes[1].commits.allSatisfy { !$0.answering })
  }

  @Test(
    "PacificA, reconciliation. A new primary brings all to its state, or an update is lost",
    arguments: [nil, PrimaryBackupReplica.Bug.skipSync])
  func synchronisation(bug: PrimaryBackupReplica.Bug?) {
    var cluster = Cluster(bug: bug)
    cluster.begin(1, [0, 1, 2])
    cluster.isolate(2)
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.begin(2, [1, 2], to: [1])
    // Replica 2 has nothing yet. With the mistake, view 2 counts as established all the same.
    let answered = cluster.updates(1)
    #expect(answered == (bug == nil ? [] : [5]))
    #expect(cluster.core(1).report.isEstablished == (bug != nil))
    cluster.crash(ReplicaID(1))
    cluster.heal()
    cluster.begin(3, [2])
    cluster.propose(6, at: 2)
    cluster.run()
    #expect(cluster.updates(2).starts(with: answered) == (bug == nil))
  }

  @Test("PacificA, reconciliation. Entries that the primary lacks are replaced, also on the disk")
  func divergence() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1, 2])
    cluster.propose(1, at: 0)
    cluster.run()
    cluster.delivers = { $0.to != ReplicaID(1) }
    for value in 2...4 { cluster.propose(UInt64(value), at: 0) }
    cluster.run()
    #expect(cluster.core(2).log.lastIndex == LogIndex(4))
    cluster.heal()
    cluster.crash(ReplicaID(0))
    cluster.begin(2, [1, 2])
    cluster.propose(7, at: 1)
    cluster.run()
    cluster.beat(1)
    #expect(cluster.updates(1) == [1, 7])
    #expect(cluster.updates(2) == [1, 7])
    #expect(cluster.core(2).log.lastIndex == LogIndex(2))
    cluster.crash(ReplicaID(2))
    cluster.restart(ReplicaID(2))
    #expect(cluster.core(2).log.runs == cluster.core(1).log.runs)
  }

  @Test(
    "PacificA, reconciliation. Reads wait until what was acknowledged is known, or are stale",
    arguments: [nil, PrimaryBackupReplica.Bug.readUnestablished])
  func readsOfNewPrimary(bug: PrimaryBackupReplica.Bug?) {
    var cluster = Cluster(bug: bug)
    cluster.begin(1, [0, 1, 2])
    cluster.propose(5, at: 0)
    cluster.run()
    // Answered at replica 0; replica 1 has it, but does not know that it is committed.
    #expect(cluster.updates(0) == [5])
    cluster.announce(2, [1, 2], to: [1])
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(1))
    #expect(cluster.nodes[1].reads.isEmpty == (bug == nil))
    #expect(cluster.updates(1).isEmpty)
    cluster.run()
    cluster.begin(2, [1, 2], to: [2])
    #expect(cluster.updates(1) == [5])
    #expect(cluster.nodes[1].reads == [ReadTicket(1)])
  }

  @Test("PacificA, recovery. A joiner is fed the log and becomes a member; nothing waits for it")
  func joiner() {
    var cluster = Cluster(inFlightBytes: 4 * entryBytes)
    cluster.begin(1, [0, 1])
    for value in 1...20 { cluster.propose(UInt64(value), at: 0) }
    cluster.run()
    cluster.isolate(2)
    cluster.begin(2, [0, 1], joiner: 2)
    cluster.propose(21, at: 0)
    cluster.run()
    #expect(cluster.updates(0).count == 21)
    #expect(!cluster.core(0).report.joinerHasCaughtUp)
    cluster.heal()
    cluster.beat(0)
    #expect(cluster.core(0).report.joinerHasCaughtUp)
    #expect(cluster.core(2).log.lastIndex == LogIndex(21))
    cluster.begin(3, [0, 1, 2])
    cluster.propose(22, at: 0)
    cluster.run()
    cluster.beat(0)
    #expect(cluster.updates(2) == Array(1...22))
    cluster.isolate(2)
    cluster.propose(23, at: 0)
    cluster.run()
    #expect(cluster.updates(0).count == 22)
  }

  @Test("PacificA, recovery. A promoted joiner that lacks entries leaves the view unestablished")
  func laggingJoiner() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1])
    for value in 1...20 { cluster.propose(UInt64(value), at: 0) }
    cluster.run()
    cluster.delivers = {
      guard $0.to == ReplicaID(2), case .append(let append) = $0.message else {
        return true
      }
      return append.entries.isEmpty
    }
    cluster.begin(2, [0, 1], joiner: 2)
    cluster.begin(3, [0, 1, 2])
    #expect(cluster.core(2).log.lastIndex == .zero)
    #expect(!cluster.core(0).report.isEstablished)
  }
}
