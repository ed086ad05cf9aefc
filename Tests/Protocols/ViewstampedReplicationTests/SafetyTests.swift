import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

/// One scenario per safety rule. Each says whether the rule held, and is played twice: as the code
/// is, and with the one mistake switched on that the rule forbids.
@Suite("Viewstamped replication: safety rules, each with the bug that breaks it")
struct SafetyTests {
  @Test("A backup says PrepareOK when its disk has the operation (§4.1, step 4)")
  func durablePrepareOK() {
    expect(.prepareOKBeforeDurable) { options in
      var cluster = Cluster(3, options)
      cluster.nodes[1].holdsDisk = true
      cluster.only(0, 1)
      cluster.propose(1, at: 0)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.bounce(1)
      cluster.only(1, 2)
      cluster.timeOut(1, 2)
      cluster.propose(2, at: 1)
      cluster.run()
      witness.note(cluster)
      return cluster.primaries.contains(1) && witness.disagreement == nil
    }
  }

  @Test("The primary counts itself when its own disk has the operation")
  func primaryCountsAfterSync() {
    expect(.primaryCountsBeforeSync) { options in
      var cluster = Cluster(3, options)
      cluster.nodes[0].holdsDisk = true
      cluster.only(0, 1)
      cluster.propose(1, at: 0)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.bounce(0)
      cluster.only(0, 2)
      cluster.timeOut(0, 2)
      cluster.timeOut(0, 2)
      cluster.propose(2, at: 2)
      cluster.run()
      witness.note(cluster)
      return cluster.primaries.contains(2) && witness.disagreement == nil
    }
  }

  @Test("PrepareOK counts in the view of its Prepare only (§4.1, step 5)")
  func viewOfPrepareOK() {
    expect(.countAnyView) { options in
      var cluster = Cluster(3, options)
      cluster.only(1, 2)
      cluster.timeOut(1, 2)
      cluster.only(1)
      cluster.propose(1, at: 1)
      cluster.run()
      let stale = ViewstampedReplica.PrepareOK(view: 0, op: LogIndex(1))
      return cluster.deliver(.prepareOK(stale), from: 2, to: 1).commits.isEmpty
    }
  }

  @Test("DoViewChange is counted by replica: a duplicate counts once (§4.2, step 3)")
  func doViewChangeIsASet() {
    expect(.countMessages) { options in
      var cluster = Cluster(5, options)
      cluster.only(1)
      cluster.timeOut(1)
      let message = ViewstampedReplica.Message.doViewChange(
        .init(view: 1, lastNormalView: 0, op: .zero, commit: .zero, history: []))
      for _ in 1...3 { _ = cluster.deliver(message, from: 2, to: 1) }
      return cluster.core(1).lastNormalView == 0
    }
  }

  @Test("The primary executes an operation when f backups have prepared it (§4.1, step 5)")
  func answerAfterCommit() {
    expect(.answerBeforeCommit) { options in
      var cluster = Cluster(3, options)
      cluster.only(0)
      cluster.propose(1, at: 0)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.only(1, 2)
      cluster.timeOut(1, 2)
      cluster.propose(2, at: 1)
      cluster.run()
      witness.note(cluster)
      return cluster.primaries.contains(1) && witness.disagreement == nil
    }
  }

  @Test("The log of the latest normal view wins, however short it is (§4.2, step 3)")
  func latestNormalView() {
    expect(.longestLogWins) { options in
      var cluster = Cluster(logs: [(1, [1, 1, 1]), (2, [2]), (2, [2])], view: 2, options)
      cluster.only(0, 1)
      cluster.timeOut(0, 1)
      return cluster.primaries == [0] && cluster.views(0) == [2]
        && cluster.committed(0) == [batch(201)]
    }
  }

  @Test("A view starts with DoViewChange from f + 1 replicas (§4.2, step 3)")
  func majorityStartsView() {
    expect(.startWithoutQuorum) { options in
      var cluster = Cluster(3, options)
      cluster.only(0, 2)
      cluster.propose(1, at: 0)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.crash(ReplicaID(0))
      cluster.delivers = { envelope in
        if case .doViewChange = envelope.message { return false }
        return true
      }
      cluster.timeOut(1)
      cluster.propose(2, at: 1)
      cluster.run()
      witness.note(cluster)
      return witness.batches == [batch(1)] && witness.disagreement == nil
    }
  }

  @Test("A replica that has sent DoViewChange never again acts in an earlier view")
  func durableView() {
    expect(.volatileView) { options in
      var cluster = Cluster(3, options)
      cluster.delivers = { envelope in
        if case .startView = envelope.message, envelope.to.index == 2 { return false }
        return envelope.from.index != 0 && envelope.to.index != 0
      }
      cluster.timeOut(1, 2)
      cluster.bounce(2)
      cluster.only(0, 2)
      cluster.propose(1, at: 0)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.only(1, 2)
      cluster.heartbeat(from: 1)
      cluster.fire(.retransmission, at: ReplicaID(2))
      cluster.run()
      cluster.propose(2, at: 1)
      cluster.run()
      witness.note(cluster)
      return witness.batches == [batch(2)] && witness.disagreement == nil
    }
  }

  @Test("In which view a replica was last normal outlives a crash")
  func durableLastNormalView() {
    expect(.volatileLastNormal) { options in
      var cluster = Cluster(3, options)
      cluster.only(0)
      for number in 1...3 as ClosedRange<UInt64> { cluster.propose(number, at: 0) }
      cluster.run()
      cluster.only(1, 2)
      cluster.timeOut(1, 2)
      cluster.propose(9, at: 1)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.bounce(2)
      cluster.only(0, 2)
      cluster.timeOut(0, 2)
      cluster.timeOut(2)
      cluster.propose(10, at: 2)
      cluster.run()
      witness.note(cluster)
      return witness.batches.first == batch(9) && witness.disagreement == nil
    }
  }

  @Test(
    "A backup is normal in a view when it has the log with which the view started (§4.2, step 5)")
  func normalAfterTransfer() {
    expect(.normalBeforeTransfer) { options in
      var cluster = Cluster(3, options)
      cluster.only(0, 1)
      cluster.propose(1, at: 0)
      cluster.propose(2, at: 0)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.crash(ReplicaID(0))
      cluster.delivers = { envelope in
        if case .newState = envelope.message { return false }
        return true
      }
      cluster.timeOut(1, 2)
      cluster.crash(ReplicaID(1))
      cluster.restart(ReplicaID(0))
      cluster.heal()
      cluster.timeOut(0, 2)
      cluster.timeOut(0, 2)
      for replica in cluster.primaries { cluster.propose(3, at: replica) }
      cluster.run()
      witness.note(cluster)
      return witness.batches.count >= 3 && witness.disagreement == nil
    }
  }

  @Test("What the log of the new view does not have is dropped (§4.2, step 5)")
  func dropTail() {
    expect(.keepTail) { options in
      var cluster = Cluster(3, options)
      cluster.only(0)
      cluster.propose(1, at: 0)
      cluster.run()
      cluster.only(1, 2)
      cluster.timeOut(1, 2)
      cluster.propose(2, at: 1)
      cluster.run()
      cluster.heal()
      cluster.heartbeat(from: 1)
      cluster.heartbeat(from: 1)
      var witness = CommitWitness()
      witness.note(cluster)
      return cluster.committed(0).count == 1 && witness.disagreement == nil
    }
  }

  @Test(
    "A primary that starts again does not go on in its view: backups may have more than its disk")
  func restartedPrimary() {
    expect(.primaryResumes) { options in
      var cluster = Cluster(3, options)
      cluster.nodes[0].holdsDisk = true
      cluster.propose(1, at: 0)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.bounce(0)
      cluster.run()
      cluster.propose(2, at: 0)
      cluster.run()
      witness.note(cluster)
      return witness.batches == [batch(1)] && witness.disagreement == nil
    }
  }

  @Test("A primary asks a majority whether its view still holds before it serves a read")
  func readWithQuorum() {
    expect(.readWithoutQuorum) { options in
      var cluster = Cluster(3, options)
      cluster.only(1, 2)
      cluster.timeOut(1, 2)
      cluster.propose(1, at: 1)
      cluster.run()
      cluster.handle(.readRequested(ReadTicket(7)), at: ReplicaID(0))
      cluster.run()
      return cluster.committed(1) == [batch(1)] && cluster.nodes[0].reads.isEmpty
    }
  }

  @Test("A new primary serves reads when all that it took over is committed")
  func readAfterViewCommit() {
    expect(.readBeforeViewCommit) { options in
      var cluster = Cluster(3, options)
      cluster.propose(1, at: 0)
      cluster.run()
      cluster.crash(ReplicaID(0))
      cluster.delivers = { envelope in
        if case .prepareOK = envelope.message { return false }
        return true
      }
      cluster.timeOut(1, 2)
      cluster.handle(.readRequested(ReadTicket(7)), at: ReplicaID(1))
      cluster.run()
      let isServed = cluster.nodes[1].reads == [ReadTicket(7)]
      return cluster.primaries == [1] && (!isServed || cluster.committed(1) == [batch(1)])
    }
  }
}
