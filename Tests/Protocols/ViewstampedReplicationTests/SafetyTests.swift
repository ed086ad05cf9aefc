import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

/// What disks add to the paper, whose replicas keep their state in memory. Each scenario says
/// whether a rule held, and is played twice: as the code is, and with the one mistake that the rule
/// forbids.
@Suite("Viewstamped replication: rules of disks, each with the bug that breaks it")
struct SafetyTests {
  @Test("A backup says PrepareOK when its disk has the operation (§4.1, step 4)")
  func durablePrepareOK() {
    expect(.prepareOKBeforeDurable) { options in
      var cluster = Cluster(3, options)
      cluster.slowDisk(b)
      cluster.only(a, b)
      cluster.propose(1, at: a)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.bounce(b)
      cluster.only(b, c)
      cluster.timeOut(b, c)
      cluster.propose(2, at: b)
      cluster.run()
      witness.note(cluster)
      return cluster.primaries.contains(b) && witness.disagreement == nil
    }
  }

  @Test("The primary counts itself when its own disk has the operation")
  func primaryCountsAfterSync() {
    expect(.primaryCountsBeforeSync) { options in
      var cluster = Cluster(3, options)
      cluster.slowDisk(a)
      cluster.only(a, b)
      cluster.propose(1, at: a)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.bounce(a)
      cluster.only(a, c)
      cluster.timeOut(a, c)
      cluster.timeOut(a, c)
      cluster.propose(2, at: c)
      cluster.run()
      witness.note(cluster)
      return cluster.primaries.contains(c) && witness.disagreement == nil
    }
  }

  @Test("A replica that has sent DoViewChange never again acts in an earlier view")
  func durableView() {
    expect(.volatileView) { options in
      var cluster = Cluster(3, options)
      cluster.delivers = { envelope in
        if case .startView = envelope.message, envelope.to == c { return false }
        return envelope.from != a && envelope.to != a
      }
      cluster.timeOut(b, c)
      cluster.bounce(c)
      cluster.only(a, c)
      cluster.propose(1, at: a)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.only(b, c)
      cluster.heartbeat(from: b)
      cluster.fire(.retransmission, at: c)
      cluster.run()
      cluster.propose(2, at: b)
      cluster.run()
      witness.note(cluster)
      return witness.batches == [batch(2)] && witness.disagreement == nil
    }
  }

  @Test("In which view a replica was last normal outlives a crash")
  func durableLastNormalView() {
    expect(.volatileLastNormal) { options in
      var cluster = Cluster(3, options)
      cluster.only(a)
      for number in 1...3 as ClosedRange<UInt64> { cluster.propose(number, at: a) }
      cluster.run()
      cluster.only(b, c)
      cluster.timeOut(b, c)
      cluster.propose(9, at: b)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.bounce(c)
      cluster.only(a, c)
      cluster.timeOut(a, c)
      cluster.timeOut(c)
      cluster.propose(10, at: c)
      cluster.run()
      witness.note(cluster)
      return witness.batches.first == batch(9) && witness.disagreement == nil
    }
  }

  @Test(
    "A primary that starts again does not go on in its view: backups may have more than its disk")
  func restartedPrimary() {
    expect(.primaryResumes) { options in
      var cluster = Cluster(3, options)
      cluster.slowDisk(a)
      cluster.propose(1, at: a)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.bounce(a)
      cluster.run()
      cluster.propose(2, at: a)
      cluster.run()
      witness.note(cluster)
      return witness.batches == [batch(1)] && witness.disagreement == nil
    }
  }
}
