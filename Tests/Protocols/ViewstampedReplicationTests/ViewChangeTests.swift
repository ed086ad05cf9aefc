import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

@Suite("Viewstamped replication: view changes (§4.2, §5.3)")
struct ViewChangeTests {
  @Test("The primary of view v is replica v mod n, and a dead one is passed over")
  func turns() {
    var cluster = Cluster(3)
    cluster.crash(ReplicaID(0))
    cluster.timeOut(1, 2)
    #expect(cluster.primaries == [1] && cluster.core(1).viewNumber == 1)
    cluster.restart(ReplicaID(0))
    cluster.crash(ReplicaID(1))
    cluster.timeOut(0, 2)
    #expect(cluster.primaries == [2] && cluster.core(2).viewNumber == 2)
    cluster.restart(ReplicaID(1))
    cluster.run()
    cluster.crash(ReplicaID(2))
    cluster.crash(ReplicaID(0))
    cluster.restart(ReplicaID(0))
    cluster.timeOut(0, 1)
    #expect(cluster.primaries == [0] && cluster.core(0).viewNumber == 3)
  }

  @Test("What was committed is committed in the new view, and what was prepared is as well")
  func carriesOver() {
    var cluster = Cluster(3)
    cluster.propose(1, at: 0)
    cluster.run()
    cluster.delivers = { $0.to.index != 0 }
    cluster.propose(2, at: 0)
    cluster.run()
    cluster.crash(ReplicaID(0))
    cluster.heal()
    cluster.timeOut(1, 2)
    #expect(cluster.committed(1) == [batch(1), batch(2)])
    #expect(cluster.views(1) == [0, 0])
    // The clients of an earlier primary are not answered by this one.
    #expect(cluster.nodes[1].commits.allSatisfy { !$0.answering })
    cluster.propose(3, at: 1)
    cluster.run()
    #expect(cluster.committed(1).count == 3 && cluster.views(2) == [0, 0, 1])
  }

  @Test("DoViewChange waits for the disk, and so does StartView")
  func durable() {
    var cluster = Cluster(3)
    cluster.crash(ReplicaID(0))
    for node in 1...2 { cluster.nodes[node].holdsDisk = true }
    cluster.timeOut(1, 2)
    #expect(cluster.core(1).viewNumber == 1 && cluster.core(1).change.done.isEmpty)
    cluster.releaseDisk(ReplicaID(2))
    cluster.run()
    #expect(cluster.core(1).change.done.map(\.slot) == [2])
    cluster.releaseDisk(ReplicaID(1))
    cluster.nodes[1].holdsDisk = true
    cluster.run()
    #expect(cluster.core(1).lastNormalView == 1 && cluster.primaries == [])
    #expect(cluster.core(2).state == .viewChange)
    cluster.releaseDisk(ReplicaID(1))
    cluster.run()
    #expect(cluster.primaries == [1] && cluster.core(2).state == .normal)
  }

  @Test("A new primary leads when its own StartView comes back from its disk")
  func ownStartView() {
    var cluster = Cluster(3)
    cluster.crash(ReplicaID(0))
    cluster.delivers = { envelope in
      if case .startView = envelope.message { return false }
      return true
    }
    cluster.timeOut(1, 2)
    #expect(cluster.primaries == [1] && cluster.core(2).state == .viewChange)
    #expect(cluster.nodes[1].records.last == .view(1, lastNormal: 1))
  }

  @Test("A view starts once: a DoViewChange that comes late does not change its log")
  func startsOnce() {
    var cluster = Cluster(5, vrOptions(sticky: false))
    cluster.delivers = { _ in false }
    cluster.timeOut(1)
    cluster.nodes[1].holdsDisk = true
    for sender in 2...4 {
      cluster.handle(
        .received(
          .doViewChange(
            .init(view: 1, lastNormalView: 0, op: .zero, commit: .zero, history: [])),
          from: ReplicaID(sender)), at: ReplicaID(1))
    }
    #expect(cluster.core(1).lastNormalView == 1 && cluster.primaries == [0])
    let late = ViewstampedReplica.DoViewChange(
      view: 1, lastNormalView: 0, op: LogIndex(5), commit: .zero,
      history: [Viewstamp(view: 0, op: LogIndex(5))])
    cluster.handle(.received(.doViewChange(late), from: ReplicaID(0)), at: ReplicaID(1))
    #expect(cluster.core(1).transfer == nil)
    cluster.releaseDisk(ReplicaID(1))
    cluster.run()
    #expect(cluster.primaries == [0, 1] && cluster.core(1).log.lastOp == .zero)
  }

  @Test("A new primary fetches what its log lacks, in pages, each once, and then starts the view")
  func fetch() {
    var cluster = Cluster(3, vrOptions(messageByteLimit: 1024))
    cluster.only(0, 2)
    for number in 1...100 as ClosedRange<UInt64> { cluster.propose(number, at: 0) }
    cluster.run()
    cluster.crash(ReplicaID(0))
    cluster.heal()
    var pages: [Int] = []
    cluster.delivers = { envelope in
      if case .newState(let page) = envelope.message, envelope.to.index == 1 {
        pages.append(page.batches.count)
      }
      return true
    }
    cluster.timeOut(1, 2)
    #expect(cluster.primaries == [1])
    #expect(pages.reduce(0, +) == 100 && pages.count > 3)
    #expect(cluster.committed(1).count == 100)
  }

  @Test("A fetch that is cut off ends with the next view, and nothing is lost")
  func sourceGone() {
    var cluster = Cluster(3)
    cluster.only(0, 2)
    cluster.propose(1, at: 0)
    cluster.run()
    cluster.crash(ReplicaID(0))
    cluster.delivers = { envelope in
      if case .newState = envelope.message { return false }
      return true
    }
    cluster.timeOut(1, 2)
    #expect(cluster.primaries == [] && cluster.core(1).transfer?.purpose == .best)
    cluster.heal()
    cluster.timeOut(1, 2)
    cluster.timeOut(1, 2)
    #expect(cluster.primaries == [2] && cluster.committed(2) == [batch(1)])
  }

  @Test("Logs are compared by the views in them: only what differs is dropped and fetched")
  func commonPrefix() {
    var cluster = Cluster(
      logs: [(1, [1, 1, 1, 1]), (4, [1, 1, 4, 4, 4]), (4, [1, 1, 4, 4, 4])], view: 4, vrOptions())
    var fetched = 0
    cluster.delivers = { envelope in
      if case .newState(let page) = envelope.message { fetched += page.batches.count }
      return true
    }
    cluster.timeOut(1, 2)
    cluster.timeOut(1, 2)
    cluster.timeOut(0, 1, 2)
    #expect(!cluster.primaries.isEmpty)
    for replica in cluster.primaries { cluster.heartbeat(from: replica) }
    cluster.fire(.retransmission, at: ReplicaID(0))
    cluster.run()
    #expect((0...2).allSatisfy { cluster.views($0) == [1, 1, 4, 4, 4] })
    #expect(fetched == 3)
  }

  @Test("A primary that no majority answers leads no more, and not in this view again")
  func lonelyPrimary() {
    var cluster = Cluster(3)
    cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    cluster.run()
    cluster.delivers = { _ in false }
    cluster.fire(.viewChange, at: ReplicaID(0))
    #expect(cluster.primaries == [0])
    cluster.handle(.readRequested(ReadTicket(2)), at: ReplicaID(0))
    cluster.fire(.viewChange, at: ReplicaID(0))
    #expect(cluster.primaries == [])
    #expect(cluster.nodes[0].refusedReads.map(\.refused) == [ReadTicket(2)])
    let isHeartbeatSet = cluster.fire(.commit, at: ReplicaID(0))
    #expect(!isHeartbeatSet)
    cluster.heal()
    cluster.timeOut(1, 2)
    #expect(cluster.primaries == [1])
  }

  @Test("A view change that does not end goes on with the next view, and waits longer each time")
  func backOff() {
    var cluster = Cluster(3)
    cluster.crash(ReplicaID(0))
    cluster.delivers = { envelope in
      if case .doViewChange = envelope.message { return false }
      return true
    }
    var longest: [Interval] = []
    for _ in 1...6 {
      cluster.timeOut(1, 2)
      longest.append(cluster.nodes[1].timers[0]!.upperBound)
    }
    #expect(cluster.core(1).viewNumber >= 4)
    #expect(longest == longest.sorted() && longest.last! == .milliseconds(300 * 16))
    cluster.heal()
    for _ in 1...3 { cluster.timeOut(1, 2) }
    #expect(cluster.primaries.count == 1)
  }

  @Test("A replica that comes back late joins the view that runs, and lacks nothing")
  func lateJoiner() {
    var cluster = Cluster(3)
    cluster.only(1, 2)
    cluster.timeOut(1, 2)
    for number in 1...10 as ClosedRange<UInt64> { cluster.propose(number, at: 1) }
    cluster.run()
    cluster.heal()
    cluster.heartbeat(from: 1)
    #expect(cluster.core(0).state == .normal && cluster.core(0).viewNumber == 1)
    #expect(cluster.primaries == [1])
    cluster.heartbeat(from: 1)
    #expect(cluster.committed(0).count == 10)
  }
}
