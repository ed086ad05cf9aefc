import ChainReplication
import SteppedCluster
import Raft
import ProtocolTesting
import Replication
import Testing
import ViewService

/// The timers that fire again and again while nothing fails.
private let beats: [WithAuthority<ChainReplica, RaftReplica>.Timer] = [
  .tick, .replica(.resend), .consensus(.heartbeat),
]

/// Three replicas of a chain, numbered 0 to 2, and three of the authority, 3 to 5.
private struct SupervisedChain {
  typealias Core = WithAuthority<ChainReplica, RaftReplica>
  var cluster: InProcessCluster<Core>

  init() {
    cluster = InProcessCluster(
      membership: Membership(replicas: 3, authority: 3), options: Core.Options())
    lead(3)
    settle()
  }

  /// Lets an authority node stand for election.
  mutating func lead(_ id: Int) {
    cluster.fire(.consensus(.election), at: ReplicaID(id))
    cluster.run()
  }

  /// Long enough for a failure to be noticed and mended.
  mutating func settle() {
    for _ in 0..<20 { cluster.tick(beats) }
  }

  mutating func update(_ sequence: UInt64) {
    for node in 0..<3 where cluster.nodes[node].isUp && core(node).status.isInCharge {
      cluster.handle(.requested(batch(sequence)), at: ReplicaID(node))
    }
    cluster.run()
  }

  mutating func readAtTail(_ number: UInt64) -> Bool {
    for node in 0..<3 where cluster.nodes[node].isUp && core(node).status.isTail {
      cluster.handle(.readRequested(ReadTicket(number)), at: ReplicaID(node))
      if cluster.nodes[node].reads.last == ReadTicket(number) { return true }
    }
    return false
  }

  func core(_ id: Int) -> Core { cluster.nodes[id].core }
  func committed(_ id: Int) -> [Batch] { cluster.nodes[id].commits.map(\.batch) }
}

@Suite("A chain under an authority of three Raft replicas")
struct SupervisedChainTests {
  @Test(
    "Any one replica fails and comes back: all updates stay, reads and updates continue",
    arguments: 0..<3)
  func oneFails(victim: Int) {
    var chain = SupervisedChain()
    chain.update(1)
    #expect(chain.core(2).view.members == [ReplicaID(0), ReplicaID(1), ReplicaID(2)])
    #expect(chain.committed(2) == [batch(1)])
    chain.cluster.crash(ReplicaID(victim))
    chain.settle()
    chain.update(2)
    let rest = [0, 1, 2].filter { $0 != victim }
    for id in rest {
      #expect(chain.core(id).view.members == rest.map { ReplicaID($0) })
      #expect(chain.committed(id) == [batch(1), batch(2)])
    }
    let answersRead1 = chain.readAtTail(1)
    #expect(answersRead1)
    chain.cluster.restart(ReplicaID(victim))
    chain.settle()
    chain.update(3)
    let view = chain.core(victim).view
    #expect(view.members == (rest + [victim]).map { ReplicaID($0) } && view.joiner == nil)
    for id in 0..<3 { #expect(chain.committed(id) == (1...3).map { batch($0) }) }
    #expect(chain.core(victim).status.isTail)
    let answersRead2 = chain.readAtTail(2)
    #expect(answersRead2)
    for node in chain.cluster.nodes { #expect(node.core.invariantViolation() == nil) }
  }

  @Test("All replicas restart: the log is whole, and no update is answered twice")
  func allRestart() {
    var chain = SupervisedChain()
    chain.update(1)
    for id in 0..<3 { chain.cluster.crash(ReplicaID(id)) }
    for id in 0..<3 { chain.cluster.restart(ReplicaID(id)) }
    chain.settle()
    chain.update(2)
    for id in 0..<3 { #expect(chain.committed(id) == [batch(1), batch(2)]) }
    let answers = chain.cluster.nodes.flatMap { $0.commits.filter(\.answering).map(\.batch) }
    #expect(answers == [batch(2)])
    let answersRead1 = chain.readAtTail(1)
    #expect(answersRead1)
  }

  @Test("Without the authority updates continue, the view stays, and reads end with the lease")
  func authorityFails() {
    var chain = SupervisedChain()
    for id in 3..<6 { chain.cluster.crash(ReplicaID(id)) }
    chain.settle()
    chain.update(1)
    #expect(chain.committed(2) == [batch(1)])
    #expect(chain.core(0).view.number == 1)
    let answersRead1 = chain.readAtTail(1)
    #expect(!answersRead1)
  }
}
