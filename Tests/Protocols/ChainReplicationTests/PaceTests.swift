import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ChainReplication

@Suite("How soon a neighbour is asked again")
struct PaceTests {
  @Test("Lost acknowledgements do not make a replica wait longer and longer before it asks")
  func lostAcknowledgements() {
    var chain = Chain(2)
    chain.cluster.run()
    for number in 1...40 {
      chain.update(at: 0)
      chain.cluster.delivers = {
        if case .acknowledge = $0.message { return false }
        return true
      }
      chain.cluster.run()
      chain.cluster.heal()
      for _ in 0..<200 where chain.committed(0).count < number {
        chain.fire(0)
        chain.cluster.run()
      }
      #expect(chain.committed(0).count == number)
    }
    let pace = chain.core(0).link.pace
    #expect(pace.pace == ChainReplica.Options().resend)
  }

  @Test("A neighbour that answers is asked again after one pace, whatever it still lacks")
  func answersWithoutProgress() {
    var chain = Chain(2)
    chain.cluster.run()
    chain.update(at: 0)
    chain.cluster.delivers = { if case .forward = $0.message { false } else { true } }
    for _ in 0..<20 {
      chain.fire(0)
      chain.cluster.run()
    }
    // One doubling, for the copy that left last.
    #expect(chain.core(0).link.pace.doublings <= 1)
  }
}
