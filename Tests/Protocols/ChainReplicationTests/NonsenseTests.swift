import ChainReplication
import Primitives
import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

@Suite("Invalid messages")
struct NonsenseTests {
  private func index(_ random: inout RandomStream) -> LogIndex {
    LogIndex(random.chance(0.2) ? Int.max / 2 - 1 : random.below(12))
  }

  private func forward(_ random: inout RandomStream) -> ChainReplica.Forward {
    let entries = (0..<random.below(4)).map { _ in
      ViewEntry(view: UInt64(random.below(4)), batch: batch(UInt64(random.below(5))))
    }
    return ChainReplica.Forward(
      previous: index(&random), previousView: UInt64(random.below(4)), entries: entries,
      stable: index(&random), wantsReceipt: random.chance(0.5))
  }

  private func message(_ random: inout RandomStream) -> ChainReplica.Message {
    let view = UInt64(random.below(4))
    switch random.below(9) {
    case 0: return .forward(view: view, forward(&random))
    case 1: return .acknowledge(view: view, index(&random))
    case 2: return .durable(view: view, index(&random))
    case 3:
      return .hail(
        view: view, sentThrough: index(&random),
        stable: random.chance(0.5) ? index(&random) : nil)
    case 4:
      let runs = (0..<random.below(4)).map { _ in
        ViewRun(view: UInt64(random.below(4)), last: index(&random))
      }
      return .position(
        view: view,
        ChainReplica.Position(
          last: index(&random), lastView: UInt64(random.below(4)), commitIndex: index(&random),
          sentThrough: random.chance(0.5) ? index(&random) : nil, runs: runs))
    case 5:
      return .synchronise(
        view: view,
        ChainReplica.Synchronisation(
          positionLast: index(&random), positionView: UInt64(random.below(4)),
          through: index(&random), forward: forward(&random)))
    case 6: return .stable(view: view, index(&random))
    case 7:
      return .standing(
        view: view,
        ChainReplica.Standing(
          last: index(&random), sentThrough: index(&random),
          acknowledged: random.chance(0.5) ? index(&random) : nil))
    default: return .receipt(view: view, index(&random))
    }
  }

  @Test("Invalid messages do not stop a replica in any place of the chain")
  func nonsense() {
    var random = RandomStream(seed: 11)
    for round in 0..<40 {
      var chain = Chain(4, members: [0, 1, 2], joiner: 3)
      chain.cluster.run()
      for _ in 0..<5 { chain.update(at: 0) }
      if round % 2 == 0 { chain.cluster.run() }
      if round % 4 == 1 { chain.issue([1, 2, 0], joiner: 3) }
      for _ in 0..<100 {
        chain.cluster.handle(
          .received(message(&random), from: ReplicaID(random.below(6))),
          at: ReplicaID(random.below(4)))
      }
      chain.cluster.run(limit: 2000)
    }
  }

  @Test("An entry or a snapshot of a view that no replica can have reached is not taken")
  func viewsOutOfReach() {
    var chain = Chain(3)
    chain.cluster.run()
    var core = chain.core(1)
    var effects = Effects<ChainReplica>()
    func forward(_ entries: [ViewEntry]) -> ChainReplica.Message {
      .forward(
        view: 1,
        .init(
          previous: .zero, previousView: 0, entries: entries, stable: .zero, wantsReceipt: false))
    }
    let entry = ViewEntry(view: 1, batch: batch(1))
    for later in [2, 1 << 62] as [UInt64] {
      let entries = [entry, ViewEntry(view: later, batch: batch(2))]
      core.handle(.received(forward(entries), from: 0), at: .zero, into: &effects)
      #expect(core.status.lastIndex == .zero)
    }
    core.handle(.received(forward([entry]), from: 0), at: .zero, into: &effects)
    #expect(core.status.lastIndex == LogIndex(1))
    let far = SnapshotReference(index: LogIndex(9), epoch: longestEpochJump + 2)
    #expect(!core.install(far, from: 0, at: .zero, into: &effects))
  }

  @Test("A member's messages of another view, and a stranger's of this one, change nothing")
  func strangers() {
    var random = RandomStream(seed: 12)
    var chain = Chain(4, members: [0, 1, 2])
    chain.cluster.run()
    for _ in 0..<5 { chain.update(at: 0) }
    chain.cluster.run()
    for _ in 0..<2000 {
      let message = message(&random)
      var effects = Effects<ChainReplica>()
      var core = chain.core(ReplicaID(random.below(3)))
      let before = core.status
      core.handle(.received(message, from: ReplicaID(3)), at: .zero, into: &effects)
      #expect(core.status == before && effects.sends.isEmpty && effects.records.isEmpty)
    }
  }
}
