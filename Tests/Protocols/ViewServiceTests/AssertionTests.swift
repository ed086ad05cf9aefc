import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewService

/// What must never happen stops the replica in its tracks, with the reason: each assertion is
/// reached in a process of its own.
@Suite("The view service stops rather than do what must not be")
struct AssertionTests {
  @Test("A replica goes on to later views only")
  func earlierView() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var cluster = StubCluster(replicas: 3)
      cluster.nodes[0].core.viewLease.take(View(number: 1, members: [a, b, c]))
    }
    #expect(end.says("a replica goes on to later views only"))
  }

  @Test("A ping names an incarnation that is durable")
  func ping() async {
    let end = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var cluster = StubCluster(replicas: 3)
      cluster.nodes[0].core.viewLease.incarnation = 0
      cluster.tick([.tick])
    }
    #expect(end.says("a ping names an incarnation that is durable"))
  }
}
