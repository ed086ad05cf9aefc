import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

@testable import ChainReplication

/// An update that comes while none is pending: the head tells its successor, and not itself, that
/// its disk holds the update.
@Suite("The head's notice of an update that comes alone")
struct NoticeTests {
  @Test("An update that comes alone costs eight messages, and the head none to itself")
  func messagesOfOneUpdate() {
    var chain = Chain(3)
    chain.cluster.run()
    chain.update(at: 0)
    chain.cluster.run()
    var sent: [(from: ReplicaID, to: ReplicaID)] = []
    chain.update(at: 0)
    while !chain.cluster.inFlight.isEmpty {
      sent += [(chain.cluster.inFlight[0].from, chain.cluster.inFlight[0].to)]
      chain.cluster.run(limit: 1)
    }
    #expect(chain.committed(0).count == 2 && chain.core(0).durable == LogIndex(2))
    #expect(sent.count == 8 && !sent.contains { $0.from == ReplicaID(0) && $0.to == $0.from })
  }

  @Test("The head's notice waits for its disk, and a question meanwhile does not promise more")
  func noticeIsDurable() {
    var chain = Chain(2)
    chain.cluster.run()
    chain.update(at: 0)
    chain.cluster.run()
    chain.cluster.nodes[0].holdsDisk = true
    chain.update(at: 0)
    chain.cluster.run()
    chain.fire(0)
    chain.cluster.run()
    #expect(chain.core(1).log.lastIndex == LogIndex(2))
    #expect(chain.core(1).upstreamStable == LogIndex(1) && chain.committed(1).count == 1)
    chain.cluster.releaseDisk(0)
    chain.cluster.run()
    #expect(chain.committed(1).count == 2 && chain.core(0).durable == LogIndex(2))
  }

  @Test("If the head's notice is lost, the next question brings it again")
  func lostNotice() {
    var chain = Chain(2)
    chain.cluster.run()
    chain.update(at: 0)
    chain.cluster.run()
    chain.cluster.delivers = { if case .stable = $0.message { false } else { true } }
    chain.update(at: 0)
    chain.cluster.run()
    #expect(chain.committed(1).count == 1)
    chain.cluster.heal()
    chain.fire(0)
    chain.cluster.run()
    #expect(chain.committed(0).count == 2)
  }

  @Test("With entries pending the head's notice travels with the next entries")
  func noticeTravelsWithEntries() {
    var chain = Chain(2)
    chain.cluster.run()
    chain.update(at: 0)
    chain.cluster.run()
    for _ in 0..<2 { chain.update(at: 0) }
    let notices = chain.cluster.inFlight.count {
      if case .stable = $0.message { true } else { false }
    }
    let own = chain.cluster.inFlight.count { $0.to == ReplicaID(0) }
    #expect(notices == 1 && own == 1)
    chain.cluster.run()
    #expect(chain.committed(0).count == 3)
  }
}
