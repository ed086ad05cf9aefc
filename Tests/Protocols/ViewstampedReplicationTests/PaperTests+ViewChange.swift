import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

// §4.2 view changes.

extension PaperTests {
  @Test("§4.2, step 1: a replica that misses its primary leaves the view and tells all others")
  func startViewChange() {
    var cluster = Cluster(3, plain)
    cluster.timeOutAlone(b)
    #expect(cluster.core(b).viewNumber == 1 && cluster.core(b).state == .viewChange)
    #expect(cluster.inFlight.map(\.to) == [a, c])
    #expect(cluster.inFlight.allSatisfy { $0.message == .startViewChange(1) })
    // A replica that hears of it joins.
    let joined = cluster.deliver(.startViewChange(1), from: b, to: c)
    #expect(cluster.core(c).viewNumber == 1 && cluster.core(c).state == .viewChange)
    #expect(joined.earlySends.map(\.to) == [a, b])
    #expect(joined.earlySends.allSatisfy { $0.message == .startViewChange(1) })
  }

  @Test("§4.2, step 2: with StartViewChange from f others it reports its log to the new primary")
  func doViewChange() {
    var cluster = Cluster(5, plain)
    cluster.propose(1, at: a)
    cluster.run()
    cluster.timeOutAlone(c)
    #expect(cluster.deliver(.startViewChange(1), from: d, to: c).sends.isEmpty)
    // A repeated one counts once.
    #expect(cluster.deliver(.startViewChange(1), from: d, to: c).sends.isEmpty)
    let sends = cluster.deliver(.startViewChange(1), from: e, to: c).sends
    #expect(sends.map(\.to) == [b])
    guard case .doViewChange(let message)? = sends.first?.message else {
      Issue.record("no DoViewChange is sent")
      return
    }
    #expect(message.view == 1 && message.lastNormalView == 0)
    #expect(message.op == LogIndex(1) && message.commit == .zero)
    #expect(message.history == [Viewstamp(view: 0, op: LogIndex(1))])
  }

  @Test("§4.2 A replica in a view change takes nothing of the view that it left")
  func leftView() {
    var cluster = Cluster(3, plain)
    cluster.propose(1, at: a)
    cluster.inFlight.removeAll { $0.to == b }
    let late = ViewstampedReplica.Prepare(
      view: 0, op: LogIndex(1), commit: .zero, readRound: 0, batches: [batch(1)])
    cluster.timeOutAlone(b)
    let effects = cluster.deliver(.prepare(late), from: a, to: b)
    #expect(effects.records.isEmpty && effects.sends.isEmpty)
    #expect(effects.earlySends.map(\.message) == [.newerView(1)])
    #expect(cluster.core(b).log.lastOp == .zero)
  }

  @Test("§4.2, step 3: a view starts with DoViewChange from f + 1 replicas")
  func majorityStartsView() {
    expect(.startWithoutQuorum) { options in
      var cluster = Cluster(3, options)
      cluster.only(a, c)
      cluster.propose(1, at: a)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.crash(a)
      cluster.delivers = { envelope in
        if case .doViewChange = envelope.message { return false }
        return true
      }
      cluster.timeOut(b)
      cluster.propose(2, at: b)
      cluster.run()
      witness.note(cluster)
      return witness.batches == [batch(1)] && witness.disagreement == nil
    }
  }

  @Test("§4.2, step 3: DoViewChange is counted by replica: a duplicate counts once")
  func doViewChangeIsASet() {
    expect(.countMessages) { options in
      var cluster = Cluster(5, options)
      cluster.only(b)
      cluster.timeOut(b)
      let message = ViewstampedReplica.Message.doViewChange(
        .init(view: 1, lastNormalView: 0, op: .zero, commit: .zero, history: []))
      for _ in 1...3 { _ = cluster.deliver(message, from: c, to: b) }
      return cluster.core(b).lastNormalView == 0
    }
  }

  @Test("§4.2, step 3: the log of the latest normal view wins, however short it is")
  func latestNormalView() {
    expect(.longestLogWins) { options in
      var cluster = Cluster(logs: [(1, [1, 1, 1]), (2, [2]), (2, [2])], view: 2, options)
      cluster.only(a, b)
      cluster.timeOut(a, b)
      return cluster.primaries == [a] && cluster.views(a) == [2]
        && cluster.committed(a) == [batch(201)]
    }
  }

  @Test("§4.2, step 3: of the logs of that view the longest wins, and what it has is committed")
  func longestOfLatest() {
    var cluster = Cluster(logs: [(0, [0]), (0, [0, 0]), (0, [0])], view: 0, plain)
    cluster.crash(a)
    cluster.timeOut(b, c)
    #expect(cluster.primaries == [b] && cluster.views(b) == [0, 0])
    #expect(cluster.committed(b) == [batch(1), batch(2)])
  }

  @Test("§4.2, step 4: the new primary tells all others the log, and accepts requests")
  func startView() {
    var cluster = Cluster(3, plain)
    cluster.propose(1, at: a)
    cluster.run()
    cluster.crash(a)
    var started: [ViewstampedReplica.StartView] = []
    cluster.delivers = { envelope in
      if case .startView(let message) = envelope.message, envelope.to == c {
        started.append(message)
      }
      return true
    }
    cluster.timeOut(b, c)
    #expect(started.map(\.view) == [1] && started.map(\.op) == [LogIndex(1)])
    cluster.propose(2, at: b)
    cluster.run()
    #expect(cluster.answered(b) == [batch(2)] && cluster.views(c) == [0, 1])
  }

  @Test(
    "§4.2, step 5: a backup is normal in a view when it has the log with which the view started")
  func normalAfterTransfer() {
    expect(.normalBeforeTransfer) { options in
      var cluster = Cluster(3, options)
      cluster.only(a, b)
      cluster.propose(1, at: a)
      cluster.propose(2, at: a)
      cluster.run()
      var witness = CommitWitness()
      witness.note(cluster)
      cluster.crash(a)
      cluster.delivers = { envelope in
        if case .newState = envelope.message { return false }
        return true
      }
      cluster.timeOut(b, c)
      cluster.crash(b)
      cluster.restart(a)
      cluster.heal()
      cluster.timeOut(a, c)
      cluster.timeOut(a, c)
      for replica in cluster.primaries { cluster.propose(3, at: replica) }
      cluster.run()
      witness.note(cluster)
      return witness.batches.count >= 3 && witness.disagreement == nil
    }
  }

  @Test("§4.2, step 5: what the log of the new view does not have is dropped")
  func dropTail() {
    expect(.keepTail) { options in
      var cluster = Cluster(3, options)
      cluster.only(a)
      cluster.propose(1, at: a)
      cluster.run()
      cluster.only(b, c)
      cluster.timeOut(b, c)
      cluster.propose(2, at: b)
      cluster.run()
      cluster.heal()
      cluster.heartbeat(from: b)
      cluster.heartbeat(from: b)
      var witness = CommitWitness()
      witness.note(cluster)
      return cluster.committed(a).count == 1 && witness.disagreement == nil
    }
  }

  @Test("§4.2, step 5: backups say PrepareOK to what the new view took over")
  func takenOver() {
    var cluster = Cluster(3, plain)
    // C has it, and the primary does not know.
    cluster.delivers = { $0.to != a && $0.to != b || $0.from == $0.to }
    cluster.propose(1, at: a)
    cluster.run()
    cluster.crash(a)
    cluster.heal()
    cluster.timeOut(b, c)
    #expect(cluster.primaries == [b] && cluster.committed(b) == [batch(1)])
  }
}
