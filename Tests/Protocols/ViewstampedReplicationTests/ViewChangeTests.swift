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
    cluster.crash(a)
    cluster.timeOut(b, c)
    #expect(cluster.primaries == [b] && cluster.core(b).viewNumber == 1)
    cluster.restart(a)
    cluster.crash(b)
    cluster.timeOut(a, c)
    #expect(cluster.primaries == [c] && cluster.core(c).viewNumber == 2)
    cluster.restart(b)
    cluster.run()
    cluster.crash(c)
    cluster.crash(a)
    cluster.restart(a)
    cluster.timeOut(a, b)
    #expect(cluster.primaries == [a] && cluster.core(a).viewNumber == 3)
  }

  @Test("What was committed is committed in the new view, and what was prepared is as well")
  func carriesOver() {
    var cluster = Cluster(3)
    cluster.propose(1, at: a)
    cluster.run()
    cluster.delivers = { $0.to != a }
    cluster.propose(2, at: a)
    cluster.run()
    cluster.crash(a)
    cluster.heal()
    cluster.timeOut(b, c)
    #expect(cluster.committed(b) == [batch(1), batch(2)])
    #expect(cluster.views(b) == [0, 0])
    // The clients of an earlier primary are not answered by this one.
    #expect(cluster.nodes[1].commits.allSatisfy { !$0.answering })
    cluster.propose(3, at: b)
    cluster.run()
    #expect(cluster.committed(b).count == 3 && cluster.views(c) == [0, 0, 1])
  }

  @Test("DoViewChange is sent again at a doubling pace, and StartViewChange evenly")
  func pace() {
    var cluster = Cluster(3)
    cluster.crash(a)
    var reports = 0
    var wishes = 0
    cluster.delivers = { envelope in
      guard envelope.from == c, envelope.to == b else { return true }
      if case .startViewChange = envelope.message { wishes += 1 }
      guard case .doViewChange = envelope.message else { return true }
      reports += 1
      return false
    }
    cluster.timeOut(b, c)
    let first = wishes
    #expect(reports == 1)
    for _ in 0..<15 {
      cluster.fire(.retransmission, at: c)
      cluster.run()
    }
    // After 50, 150, 350 and 750 ms.
    #expect(reports == 5)
    #expect(wishes == first + 15)
  }

  @Test("DoViewChange waits for the disk, and so does StartView")
  func durable() {
    var cluster = Cluster(3)
    cluster.crash(a)
    for id in [b, c] { cluster.slowDisk(id) }
    cluster.timeOut(b, c)
    #expect(cluster.core(b).viewNumber == 1 && cluster.core(b).change.done.isEmpty)
    cluster.releaseDisk(c)
    cluster.run()
    #expect(cluster.core(b).change.done.map(\.slot) == [2])
    cluster.releaseDisk(b)
    cluster.slowDisk(b)
    cluster.run()
    #expect(cluster.core(b).lastNormalView == 1 && cluster.primaries == [])
    #expect(cluster.core(c).state == .viewChange)
    cluster.releaseDisk(b)
    cluster.run()
    #expect(cluster.primaries == [b] && cluster.core(c).state == .normal)
  }

  @Test("A new primary leads when its own StartView comes back from its disk")
  func ownStartView() {
    var cluster = Cluster(3)
    cluster.crash(a)
    cluster.delivers = { envelope in
      if case .startView = envelope.message { return false }
      return true
    }
    cluster.timeOut(b, c)
    #expect(cluster.primaries == [b] && cluster.core(c).state == .viewChange)
    #expect(cluster.nodes[1].records.last == .view(1, lastNormal: 1))
  }

  @Test("A view starts once: a DoViewChange that comes late does not change its log")
  func startsOnce() {
    var cluster = Cluster(5, vrOptions(sticky: false))
    cluster.delivers = { _ in false }
    cluster.timeOut(b)
    cluster.slowDisk(b)
    for sender in [c, d, e] {
      cluster.handle(
        .received(
          .doViewChange(
            .init(view: 1, lastNormalView: 0, op: .zero, commit: .zero, history: [])),
          from: sender), at: b)
    }
    #expect(cluster.core(b).lastNormalView == 1 && cluster.primaries == [a])
    let late = ViewstampedReplica.DoViewChange(
      view: 1, lastNormalView: 0, op: LogIndex(5), commit: .zero,
      history: [Viewstamp(view: 0, op: LogIndex(5))])
    cluster.handle(.received(.doViewChange(late), from: a), at: b)
    #expect(cluster.core(b).transfer == nil)
    cluster.releaseDisk(b)
    cluster.run()
    #expect(cluster.primaries == [a, b] && cluster.core(b).log.lastOp == .zero)
  }

  @Test("A new primary fetches what its log lacks, in pages, each once, and then starts the view")
  func fetch() {
    var cluster = Cluster(3, vrOptions(messageByteLimit: 1024))
    cluster.only(a, c)
    for number in 1...100 as ClosedRange<UInt64> { cluster.propose(number, at: a) }
    cluster.run()
    cluster.crash(a)
    cluster.heal()
    var pages: [Int] = []
    cluster.delivers = { envelope in
      if case .newState(let page) = envelope.message, envelope.to == b {
        pages.append(page.batches.count)
      }
      return true
    }
    cluster.timeOut(b, c)
    #expect(cluster.primaries == [b])
    #expect(pages.reduce(0, +) == 100 && pages.count > 3)
    #expect(cluster.committed(b).count == 100)
  }

  @Test("A fetch that is cut off ends with the next view, and nothing is lost")
  func sourceGone() {
    var cluster = Cluster(3)
    cluster.only(a, c)
    cluster.propose(1, at: a)
    cluster.run()
    cluster.crash(a)
    cluster.delivers = { envelope in
      if case .newState = envelope.message { return false }
      return true
    }
    cluster.timeOut(b, c)
    #expect(cluster.primaries == [] && cluster.core(b).transfer?.purpose == .best)
    cluster.heal()
    cluster.timeOut(b, c)
    cluster.timeOut(b, c)
    #expect(cluster.primaries == [c] && cluster.committed(c) == [batch(1)])
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
    cluster.timeOut(b, c)
    cluster.timeOut(b, c)
    cluster.timeOut(a, b, c)
    #expect(!cluster.primaries.isEmpty)
    for replica in cluster.primaries { cluster.heartbeat(from: replica) }
    cluster.fire(.retransmission, at: a)
    cluster.run()
    #expect([a, b, c].allSatisfy { cluster.views($0) == [1, 1, 4, 4, 4] })
    #expect(fetched == 3)
  }

  @Test("A primary that no majority answers leads no more, and not in this view again")
  func lonelyPrimary() {
    var cluster = Cluster(3)
    cluster.handle(.readRequested(ReadTicket(1)), at: a)
    cluster.run()
    cluster.delivers = { _ in false }
    cluster.fire(.viewChange, at: a)
    #expect(cluster.primaries == [a])
    cluster.handle(.readRequested(ReadTicket(2)), at: a)
    cluster.fire(.viewChange, at: a)
    #expect(cluster.primaries == [])
    #expect(cluster.nodes[0].refusedReads.map(\.refused) == [ReadTicket(2)])
    let isHeartbeatSet = cluster.fire(.commit, at: a)
    #expect(!isHeartbeatSet)
    cluster.heal()
    cluster.timeOut(b, c)
    #expect(cluster.primaries == [b])
  }

  @Test("A view change that does not end goes on with the next view, and waits longer each time")
  func backOff() {
    var cluster = Cluster(3)
    cluster.crash(a)
    cluster.delivers = { envelope in
      if case .doViewChange = envelope.message { return false }
      return true
    }
    var longest: [Interval] = []
    for _ in 1...6 {
      cluster.timeOut(b, c)
      longest.append(cluster.nodes[1].timers[0]!.upperBound)
    }
    #expect(cluster.core(b).viewNumber >= 4)
    #expect(longest == longest.sorted() && longest.last! == .milliseconds(300 * 16))
    cluster.heal()
    for _ in 1...3 { cluster.timeOut(b, c) }
    #expect(cluster.primaries.count == 1)
  }

  @Test("A replica that comes back late joins the view that runs, and lacks nothing")
  func lateJoiner() {
    var cluster = Cluster(3)
    cluster.only(b, c)
    cluster.timeOut(b, c)
    for number in 1...10 as ClosedRange<UInt64> { cluster.propose(number, at: b) }
    cluster.run()
    cluster.heal()
    cluster.heartbeat(from: b)
    #expect(cluster.core(a).state == .normal && cluster.core(a).viewNumber == 1)
    #expect(cluster.primaries == [b])
    cluster.heartbeat(from: b)
    #expect(cluster.committed(a).count == 10)
  }
}
