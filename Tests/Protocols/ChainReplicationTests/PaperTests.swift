import ChainReplication
import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

/// The rules of a chain in the order of van Renesse & Schneider 2004, to be read with the paper at
/// hand. Where a known bug breaks a rule, the test plays its scenario twice: as the code is, and
/// with that bug.
@Suite("Chain replication, in the order of the paper")
struct PaperTests {
  @Test("§2 Only the head takes updates and only the tail takes reads; others redirect")
  func redirects() {
    var chain = Chain(3)
    chain.cluster.run()
    chain.update(at: 1)
    chain.update(at: 2)
    chain.read(at: 0)
    chain.read(at: 1)
    chain.read(at: 2)
    let nodes = chain.cluster.nodes
    #expect(nodes[1].refusedBatches.map(\.redirect) == [ReplicaID(0)])
    #expect(nodes[2].refusedBatches.map(\.redirect) == [ReplicaID(0)])
    #expect(nodes[0].refusedReads.map(\.redirect) == [ReplicaID(2)])
    #expect(nodes[1].refusedReads.map(\.redirect) == [ReplicaID(2)])
    #expect(nodes[2].reads == [ReadTicket(1)])
  }

  @Test("§2 An update travels from the head to the tail, and the tail answers it")
  func tailAnswers() {
    var chain = Chain(3)
    chain.cluster.run()
    let update = chain.update(at: 0)
    chain.cluster.run()
    for id in chain.cluster.membership.replicas { #expect(chain.committed(id) == [update]) }
    #expect(chain.answered(2) == [update])
    #expect(chain.answered(0).isEmpty && chain.answered(1).isEmpty)
  }

  @Test("§2 serve-stale-role: a replica in the middle shows less than the tail did")
  func staleRole() {
    func middleAnswers(bug: ChainReplica.Bug?) -> Bool {
      var chain = Chain(3, bug: bug)
      chain.cluster.run()
      chain.cluster.delivers = { if case .acknowledge = $0.message { false } else { true } }
      let update = chain.update(at: 0)
      chain.cluster.run()
      #expect(chain.answered(2) == [update])
      chain.read(at: 1)
      return chain.cluster.nodes[1].reads == [ReadTicket(1)] && chain.committed(1).isEmpty
    }
    #expect(!middleAnswers(bug: nil))
    #expect(middleAnswers(bug: .serveStaleRole))
  }

  @Test("§3 What a replica holds is a prefix of what its predecessor holds, at each moment")
  func updatePropagationInvariant() {
    var chain = Chain(3)
    chain.cluster.run()
    for _ in 0..<3 { chain.update(at: a) }
    var lengths: [[Int]] = []
    while !chain.cluster.inFlight.isEmpty {
      lengths.append([a, b, c].map { chain.core($0).status.lastIndex.rawValue })
      chain.cluster.run(limit: 1)
    }
    #expect(lengths.allSatisfy { $0[0] >= $0[1] && $0[1] >= $0[2] })
    // They differed on the way, and are equal in the end.
    #expect(lengths.first == [3, 0, 0] && lengths.last == [3, 3, 3])
  }

  @Test("§3 Sent removed by the tail's acknowledgement: no replica applies before the tail")
  func appliesOnAcknowledgement() {
    var chain = Chain(3)
    chain.cluster.run()
    chain.cluster.delivers = { $0.to != ReplicaID(2) }
    chain.update(at: 0)
    chain.cluster.run()
    #expect(chain.committed(0).isEmpty && chain.committed(1).isEmpty)
    #expect(chain.core(1).status.lastIndex == LogIndex(1))
  }

  @Test("§3 ack-at-head: an update that the head answered is gone with the head")
  func ackAtHead() {
    func acknowledgedAndLost(bug: ChainReplica.Bug?) -> Bool {
      var chain = Chain(3, bug: bug)
      chain.cluster.run()
      chain.cluster.delivers = { $0.to != ReplicaID(1) }
      let update = chain.update(at: 0)
      chain.cluster.run()
      let wasAnswered = chain.answered(0) == [update]
      chain.crash(0)
      chain.cluster.delivers = { _ in true }
      chain.issue([1, 2])
      chain.cluster.run()
      return wasAnswered && !chain.committed(2).contains(update)
    }
    #expect(!acknowledgedAndLost(bug: nil))
    #expect(acknowledgedAndLost(bug: .ackAtHead))
  }

  @Test("§3.1 The head fails: its successor goes on numbering behind what it holds")
  func headFails() {
    var chain = Chain(3)
    chain.cluster.run()
    let first = chain.update(at: 0)
    chain.cluster.run()
    chain.cluster.delivers = { $0.from != ReplicaID(0) }
    let lost = chain.update(at: 0)
    chain.cluster.run()
    chain.crash(0)
    chain.cluster.delivers = { _ in true }
    chain.issue([1, 2])
    let second = chain.update(at: 1)
    chain.cluster.run()
    #expect(chain.committed(1) == [first, second])
    #expect(chain.committed(2) == [first, second])
    #expect(!chain.answered(2).contains(lost))
    #expect(chain.core(1).report.isEstablished)
  }

  @Test("§3.2 The tail fails: what its predecessor had sent it is committed and answered")
  func tailFails() {
    var chain = Chain(3)
    chain.cluster.run()
    chain.cluster.delivers = { $0.to != ReplicaID(2) }
    let update = chain.update(at: 0)
    chain.cluster.run()
    chain.crash(2)
    chain.cluster.delivers = { _ in true }
    chain.issue([0, 1])
    chain.cluster.run()
    #expect(chain.answered(1) == [update] && chain.committed(0) == [update])
    chain.read(at: 1)
    #expect(chain.cluster.nodes[1].reads == [ReadTicket(1)])
  }

  @Test("§3.2 drop-sent-on-tail-failure: an answered update is gone with the tail")
  func dropsSent() {
    func survivors(bug: ChainReplica.Bug?) -> Int {
      var chain = Chain(2, bug: bug)
      chain.cluster.run()
      chain.cluster.delivers = { $0.from != ReplicaID(1) }
      chain.update(at: 0)
      chain.cluster.run()
      #expect(chain.answered(1).count == 1)
      chain.crash(1)
      chain.issue([0])
      chain.cluster.run()
      return chain.committed(0).count
    }
    #expect(survivors(bug: nil) == 1)
    #expect(survivors(bug: .dropSentOnTailFailure) == 0)
  }

  /// A chain of four, of which replica 1 holds an update that 2 does not, fails at `failed`, and
  /// the head goes on with another update.
  private func afterFailure(
    of failed: [ReplicaID], leaving rest: [ReplicaID], bug: ChainReplica.Bug?
  )
    -> Chain
  {
    var chain = Chain(4, bug: bug)
    chain.cluster.run()
    chain.update(at: 0)
    chain.cluster.run()
    chain.cluster.delivers = { $0.to != ReplicaID(2) }
    chain.update(at: 0)
    chain.cluster.run()
    for id in failed { chain.crash(id) }
    chain.cluster.delivers = { _ in true }
    chain.issue(rest)
    chain.update(at: 0)
    chain.cluster.run()
    return chain
  }

  @Test("§3.3 A middle fails: its predecessor sends what it had sent before anything new")
  func middleFails() {
    let chain = afterFailure(of: [b], leaving: [a, c, d], bug: nil)
    #expect(chain.committed(d).count == 3)
    #expect(chain.committed(d).allSatisfy { $0.count == 1 } && chain.agrees)
    let broken = afterFailure(of: [b], leaving: [a, c, d], bug: .skipSuffixOnMiddleFailure)
    #expect(!broken.agrees, "skip-suffix-on-middle-failure does no harm")
  }

  @Test("§3.3 A replica and its successor fail: Sent still holds the update")
  func neighboursFail() {
    let chain = afterFailure(of: [b, c], leaving: [a, d], bug: nil)
    #expect(chain.committed(d).count == 3 && chain.agrees)
    let broken = afterFailure(of: [b, c], leaving: [a, d], bug: .removeSentOnReceipt)
    #expect(!broken.agrees, "remove-sent-on-receipt does no harm")
  }

  @Test("§3.3 accept-any-view: a deposed replica's update takes the place of another")
  func acceptsAnyView() {
    func agrees(bug: ChainReplica.Bug?) -> Bool {
      var chain = Chain(3, bug: bug)
      chain.cluster.run()
      chain.crash(1)
      chain.restart(1)
      chain.issue([2, 1], to: [1, 2])
      chain.cluster.run()
      // Replica 0 does not know yet that it was removed; its update reaches 1 before that of the
      // head.
      chain.update(at: 0)
      chain.update(at: 2)
      chain.cluster.run()
      return chain.agrees
    }
    #expect(agrees(bug: nil))
    #expect(!agrees(bug: .acceptAnyView))
  }

  @Test("§4 A joiner becomes the tail when the old tail has sent it what it held")
  func becomesTail() {
    var chain = Chain(3, members: [a, b])
    chain.cluster.run()
    for _ in 0..<10 { chain.update(at: a) }
    chain.cluster.run()
    chain.issue([0, 1], joiner: 2)
    chain.cluster.run()
    chain.issue([0, 1, 2], to: [0, 2])
    chain.cluster.run()
    // The old tail has not heard of the view yet: it may still acknowledge, so the new one is
    // silent.
    chain.read(at: 2)
    #expect(chain.cluster.nodes[2].reads.isEmpty)
    chain.tell(1)
    chain.cluster.run()
    chain.read(at: 2, 2)
    chain.read(at: 1, 3)
    #expect(chain.cluster.nodes[2].reads == [ReadTicket(2)])
    #expect(chain.cluster.nodes[1].refusedReads.map(\.redirect) == [ReplicaID(2)])
    #expect(chain.core(0).report.isEstablished)
    let update = chain.update(at: 0)
    chain.cluster.run()
    #expect(chain.answered(2) == [update])
  }

  @Test("§4 joiner-serves-during-copy: a new tail shows less than the old one did")
  func servesDuringCopy() {
    func answers(bug: ChainReplica.Bug?) -> Bool {
      var chain = Chain(3, bug: bug, members: [a, b])
      chain.cluster.run()
      for _ in 0..<10 { chain.update(at: a) }
      chain.cluster.run()
      chain.issue([a, b], joiner: c)
      chain.read(at: c)
      return !chain.cluster.nodes[2].reads.isEmpty && chain.committed(c).count < 10
    }
    #expect(!answers(bug: nil))
    #expect(answers(bug: .joinerServesDuringCopy))
  }
}
