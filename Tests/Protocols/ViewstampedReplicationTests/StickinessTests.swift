import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

@Suite("Viewstamped replication: a healthy primary stays")
struct StickinessTests {
  @Test("A replica that was cut off comes back into the view that runs")
  func returning() {
    var cluster = Cluster(3)
    cluster.only(a, b)
    for _ in 1...5 {
      cluster.timeOut(c)
      cluster.heartbeat(from: a)
    }
    #expect(cluster.core(c).viewNumber == 0)
    cluster.heal()
    cluster.fire(.retransmission, at: c)
    cluster.run()
    cluster.heartbeat(from: a)
    #expect(cluster.primaries == [a] && cluster.core(b).viewNumber == 0)
    // It wants no other view any more.
    cluster.fire(.retransmission, at: c)
    #expect(cluster.inFlight.isEmpty)
  }

  @Test("A backup that wants another view still sends clients to the primary that it misses")
  func redirects() {
    var cluster = Cluster(3)
    cluster.only(a, b)
    cluster.timeOut(c)
    #expect(cluster.core(c).change.wanted[c.index]?.view == 1)
    cluster.propose(1, at: c)
    #expect(cluster.nodes[c.index].refusedBatches.map(\.redirect) == [a])
  }

  @Test("Without stickiness the same replica deposes the primary, as in the paper")
  func paper() {
    var cluster = Cluster(3, vrOptions(sticky: false))
    cluster.only(a, b)
    cluster.timeOut(c)
    cluster.heal()
    cluster.heartbeat(from: a)
    cluster.fire(.retransmission, at: c)
    cluster.run()
    #expect(cluster.core(a).viewNumber == 1 && cluster.primaries == [b])
  }

  @Test("A replica that hears its primary wants no view, and enters one only with f others that do")
  func hearing() {
    var cluster = Cluster(5)
    cluster.now = cluster.now + .seconds(1)
    cluster.heartbeat(from: a)
    for sender in [d, e] {
      cluster.handle(.received(.startViewChange(1), from: sender), at: b)
    }
    #expect(cluster.core(b).viewNumber == 0 && cluster.inFlight.isEmpty)
    cluster.handle(.received(.startViewChange(1), from: c), at: b)
    #expect(cluster.core(b).viewNumber == 1 && cluster.core(b).state == .viewChange)
  }

  @Test("A replica that misses its primary joins at once the first one that says so")
  func joining() {
    var cluster = Cluster(3)
    cluster.crash(a)
    cluster.now = cluster.now + .milliseconds(200)
    cluster.fire(.viewChange, at: c)
    cluster.run()
    #expect(cluster.primaries == [b])
  }

  @Test("What replicas wanted long ago counts no more")
  func memory() {
    var cluster = Cluster(5)
    cluster.now = cluster.now + .seconds(1)
    cluster.heartbeat(from: a)
    for sender in [d, e] {
      cluster.handle(.received(.startViewChange(1), from: sender), at: b)
    }
    cluster.now = cluster.now + .milliseconds(151)
    cluster.handle(.received(.startViewChange(1), from: c), at: b)
    #expect(cluster.core(b).viewNumber == 0)
  }

  @Test("A replica that is in a later view alone is heard by the primary, which follows it")
  func stuck() {
    var cluster = Cluster(3)
    cluster.handle(.received(.newerView(4), from: b), at: c)
    cluster.inFlight = []
    #expect(cluster.core(c).viewNumber == 4 && cluster.core(c).state == .viewChange)
    cluster.heartbeat(from: a)
    cluster.fire(.retransmission, at: c)
    cluster.run()
    #expect(cluster.primaries == [b] && cluster.core(a).viewNumber == 4)
  }

  @Test("A replica whose primary's process has ended waits no longer, if the option is set")
  func disconnected() {
    var options = vrOptions()
    options.electOnDisconnect = true
    var cluster = Cluster(3, options)
    cluster.heartbeat(from: a)
    cluster.crash(a)
    for id in [b, c] {
      cluster.handle(.disconnected(a), at: id)
    }
    #expect(cluster.nodes[1].timers[0]!.upperBound < .milliseconds(20))
    cluster.fire(.viewChange, at: b)
    cluster.run()
    #expect(cluster.primaries == [b])
    #expect(options.heedsDisconnects && !vrOptions().heedsDisconnects)
  }
}
