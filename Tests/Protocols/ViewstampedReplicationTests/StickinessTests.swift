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
    cluster.only(0, 1)
    for _ in 1...5 {
      cluster.timeOut(2)
      cluster.heartbeat(from: 0)
    }
    #expect(cluster.core(2).viewNumber == 0)
    cluster.heal()
    cluster.fire(.retransmission, at: ReplicaID(2))
    cluster.run()
    cluster.heartbeat(from: 0)
    #expect(cluster.primaries == [0] && cluster.core(1).viewNumber == 0)
    // It wants no other view any more.
    cluster.fire(.retransmission, at: ReplicaID(2))
    #expect(cluster.inFlight.isEmpty)
  }

  @Test("Without stickiness the same replica deposes the primary, as in the paper")
  func paper() {
    var cluster = Cluster(3, vrOptions(sticky: false))
    cluster.only(0, 1)
    cluster.timeOut(2)
    cluster.heal()
    cluster.heartbeat(from: 0)
    cluster.fire(.retransmission, at: ReplicaID(2))
    cluster.run()
    #expect(cluster.core(0).viewNumber == 1 && cluster.primaries == [1])
  }

  @Test("A replica that hears its primary wants no view, and enters one only with f others that do")
  func hearing() {
    var cluster = Cluster(5)
    cluster.now = cluster.now + .seconds(1)
    cluster.heartbeat(from: 0)
    for sender in 3...4 {
      cluster.handle(.received(.startViewChange(1), from: ReplicaID(sender)), at: ReplicaID(1))
    }
    #expect(cluster.core(1).viewNumber == 0 && cluster.inFlight.isEmpty)
    cluster.handle(.received(.startViewChange(1), from: ReplicaID(2)), at: ReplicaID(1))
    #expect(cluster.core(1).viewNumber == 1 && cluster.core(1).state == .viewChange)
  }

  @Test("A replica that misses its primary joins at once the first one that says so")
  func joining() {
    var cluster = Cluster(3)
    cluster.crash(ReplicaID(0))
    cluster.now = cluster.now + .milliseconds(200)
    cluster.fire(.viewChange, at: ReplicaID(2))
    cluster.run()
    #expect(cluster.primaries == [1])
  }

  @Test("What replicas wanted long ago counts no more")
  func memory() {
    var cluster = Cluster(5)
    cluster.now = cluster.now + .seconds(1)
    cluster.heartbeat(from: 0)
    for sender in 3...4 {
      cluster.handle(.received(.startViewChange(1), from: ReplicaID(sender)), at: ReplicaID(1))
    }
    cluster.now = cluster.now + .milliseconds(151)
    cluster.handle(.received(.startViewChange(1), from: ReplicaID(2)), at: ReplicaID(1))
    #expect(cluster.core(1).viewNumber == 0)
  }

  @Test("A replica that is in a later view alone is heard by the primary, which follows it")
  func stuck() {
    var cluster = Cluster(3)
    cluster.handle(.received(.newerView(4), from: ReplicaID(1)), at: ReplicaID(2))
    cluster.inFlight = []
    #expect(cluster.core(2).viewNumber == 4 && cluster.core(2).state == .viewChange)
    cluster.heartbeat(from: 0)
    cluster.fire(.retransmission, at: ReplicaID(2))
    cluster.run()
    #expect(cluster.primaries == [1] && cluster.core(0).viewNumber == 4)
  }

  @Test("A replica whose primary's process has ended waits no longer, if the option is set")
  func disconnected() {
    var options = vrOptions()
    options.electOnDisconnect = true
    var cluster = Cluster(3, options)
    cluster.heartbeat(from: 0)
    cluster.crash(ReplicaID(0))
    for number in 1...2 {
      cluster.handle(.disconnected(ReplicaID(0)), at: ReplicaID(number))
    }
    #expect(cluster.nodes[1].timers[0]!.upperBound < .milliseconds(20))
    cluster.fire(.viewChange, at: ReplicaID(1))
    cluster.run()
    #expect(cluster.primaries == [1])
    #expect(options.heedsDisconnects && !vrOptions().heedsDisconnects)
  }
}
