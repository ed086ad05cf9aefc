import ChainReplication
import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

@Suite("Failures of head, middle and tail (§3.1 to §3.3)")
struct ViewChangeTests {

  @Test("A new tail serves no read while what it holds is on its way to the disk")
  func newTailWaitsForItsDisk() {
    var chain = Chain(3)
    chain.cluster.run()
    chain.cluster.nodes[1].holdsDisk = true
    chain.update(at: 0)
    chain.cluster.run()
    chain.crash(2)
    chain.issue([0, 1])
    chain.read(at: 1)
    #expect(chain.cluster.nodes[1].refusedReads.map(\.redirect) == [nil])
    chain.cluster.releaseDisk(ReplicaID(1))
    chain.cluster.run()
    chain.read(at: 1, 2)
    #expect(chain.cluster.nodes[1].reads == [ReadTicket(2)])
    #expect(chain.answered(1).count == 1)
  }

  @Test("A message of another view changes nothing")
  func otherViews() {
    var chain = Chain(3)
    chain.cluster.run()
    chain.update(at: 0)
    chain.issue([0, 1, 2], to: [1, 2])
    chain.cluster.run()
    #expect(chain.core(1).status.lastIndex == .zero)
    chain.tell(0)
    chain.cluster.run()
    #expect(chain.committed(2).count == 1)
  }

  @Test("A restarted head at the end of the chain drops entries that no other replica holds")
  func restartedHeadIsCut() {
    var chain = Chain(3)
    chain.cluster.run()
    let first = chain.update(at: 0)
    chain.cluster.run()
    chain.cluster.delivers = { $0.from != ReplicaID(0) }
    chain.update(at: 0)
    chain.update(at: 0)
    chain.cluster.run()
    chain.crash(0)
    chain.restart(0)
    chain.cluster.delivers = { _ in true }
    chain.issue([1, 2, 0])
    chain.cluster.run()
    #expect(chain.core(0).status.lastIndex == LogIndex(1))
    #expect(chain.core(1).report.isEstablished)
    // The cut is on disk as well.
    chain.crash(0)
    chain.restart(0)
    #expect(chain.core(0).status.lastIndex == LogIndex(1))
    chain.issue([1, 2, 0])
    let second = chain.update(at: 1)
    chain.cluster.run()
    for id in chain.cluster.membership.replicas { #expect(chain.committed(id) == [first, second]) }
    #expect(chain.answered(0) == [second])
  }

  @Test("A head is established when the tail's acknowledgement of the view has arrived")
  func established() {
    var chain = Chain(3)
    #expect(!chain.core(0).report.isEstablished)
    chain.cluster.run()
    #expect(chain.core(0).report == Report(view: 1, isEstablished: true))
    #expect(!chain.core(1).report.isEstablished)
    chain.cluster.delivers = { $0.from != ReplicaID(2) }
    chain.issue([0, 1, 2])
    chain.cluster.run()
    #expect(!chain.core(0).report.isEstablished)
    chain.cluster.delivers = { _ in true }
    for _ in 0..<4 {
      for id in [c, b, a] { chain.fire(id) }
      chain.cluster.run()
    }
    #expect(chain.core(0).report.isEstablished)
  }

  @Test("A restarted cluster commits its log again and answers none of it")
  func restartedCluster() {
    var chain = Chain(3)
    chain.cluster.run()
    for _ in 0..<5 { chain.update(at: 0) }
    chain.cluster.run()
    for id in chain.cluster.membership.replicas { chain.crash(id) }
    for id in chain.cluster.membership.replicas { chain.restart(id) }
    chain.issue([2, 1, 0])
    chain.cluster.run()
    for id in chain.cluster.membership.replicas {
      #expect(chain.committed(id).count == 5 && chain.answered(id).isEmpty)
    }
    let update = chain.update(at: 2)
    chain.cluster.run()
    #expect(chain.answered(0) == [update])
  }

  @Test("A replica takes over no view older than its log")
  func noOldViews() {
    var chain = Chain(2)
    chain.cluster.run()
    let old = chain.view
    chain.issue([0, 1])
    chain.update(at: 0)
    chain.cluster.run()
    chain.crash(1)
    chain.restart(1)
    chain.cluster.adopt(old, at: ReplicaID(1))
    #expect(chain.core(1).report.view == 0)
    chain.tell(1)
    #expect(chain.core(1).report.view == 2)
  }
}
