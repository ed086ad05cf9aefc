import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

@testable import ChainReplication

/// Rules that hold in situations which the stories of the other tests do not come to.
@Suite("Chain replication: rules that no story needs")
struct RuleTests {
  private typealias Message = ChainReplica.Message

  private let entries = (1...2).map { ViewEntry(view: 1, batch: batch($0)) }

  private func forward(
    after previous: Int = 0, previousView: UInt64 = 0, _ entries: [ViewEntry] = []
  ) -> ChainReplica.Forward {
    .init(
      previous: LogIndex(previous), previousView: previousView, entries: entries, stable: .zero,
      wantsReceipt: false)
  }

  /// A chain of three in which the head and the middle hold two updates, and the tail none.
  private func chainWithPendingUpdates() -> Chain {
    var chain = Chain(3)
    chain.cluster.run()
    chain.cluster.delivers = { $0.to != ReplicaID(2) }
    for _ in 0..<2 { chain.update(at: 0) }
    chain.cluster.run()
    return chain
  }

  // MARK: Records

  /// The middle replica of a chain in view 1. It has received two entries, and its turn has not
  /// ended.
  private func middleInTurn(_ effects: inout Effects<ChainReplica>) -> ChainReplica {
    var core = ChainReplica(
      id: 1, membership: Membership(replicas: 3), options: ChainReplica.Options())
    core.adopt(View(number: 1, members: [0, 1, 2]), at: .zero, into: &effects)
    let synchronisation = ChainReplica.Synchronisation(
      positionLast: .zero, positionView: 0, through: .zero, forward: forward(entries))
    core.handle(
      .received(.synchronise(view: 1, synchronisation), from: 0), at: .zero, into: &effects)
    return core
  }

  @Test("A record holds the log's entries, although the turn received others and dropped them")
  func cutInTurn() {
    var effects = Effects<ChainReplica>()
    var core = middleInTurn(&effects)
    core.adopt(View(number: 3, members: [0, 1, 2]), at: .zero, into: &effects)
    let synchronisation = ChainReplica.Synchronisation(
      positionLast: LogIndex(2), positionView: 1, through: LogIndex(1),
      forward: forward(after: 1, previousView: 1))
    core.handle(
      .received(.synchronise(view: 3, synchronisation), from: 0), at: .zero, into: &effects)
    let repeated = [entries[0], ViewEntry(view: 3, batch: batch(3))]
    core.handle(
      .received(.forward(view: 3, forward(repeated)), from: 0), at: .zero, into: &effects)
    core.endTurn(at: .zero, into: &effects)
    // The cut behind them has a record of its own.
    #expect(
      effects.records == [
        .entries(first: LogIndex(1), repeated), .entries(first: LogIndex(3), []),
      ])
  }

  @Test("The same, if a snapshot has taken the place of the entries")
  func snapshotInTurn() {
    var effects = Effects<ChainReplica>()
    var core = middleInTurn(&effects)
    core.handle(
      .received(
        .forward(
          view: 1,
          forward(after: 2, previousView: 1, [ViewEntry(view: 1, batch: batch(3))])), from: 0),
      at: .zero, into: &effects)
    let reference = SnapshotReference(index: LogIndex(2), epoch: 2)
    #expect(core.install(reference, from: 0, at: .zero, into: &effects))
    core.adopt(View(number: 3, members: [1, 2]), at: .zero, into: &effects)
    core.handle(.requested(batch(4)), at: .zero, into: &effects)
    core.endTurn(at: .zero, into: &effects)
    let proposed = ViewEntry(view: 3, batch: batch(4))
    #expect(effects.records.last == .entries(first: LogIndex(3), [proposed]))
  }

  // MARK: Places

  @Test("A view is adopted once")
  func adoptedOnce() {
    var chain = Chain(2)
    chain.cluster.run()
    #expect(chain.core(0).report.isEstablished)
    chain.tell(0)
    #expect(chain.core(0).report.isEstablished)
  }

  @Test("A member behind one that stood after it is not in line, because it may hold more")
  func newPredecessor() {
    var chain = chainWithPendingUpdates()
    chain.crash(0)
    chain.cluster.heal()
    chain.issue([2, 1], to: [1, 2])
    #expect(!chain.core(1).isSynchronised)
    chain.cluster.run()
    #expect(chain.core(1).isSynchronised && chain.core(1).status.lastIndex == .zero)
    #expect(chain.agrees)
  }

  @Test("A tail that does not serve lets no joiner become a member")
  func joinerBehindIdleTail() {
    var chain = Chain(2, members: [0], joiner: 1)
    chain.update(at: 0)
    chain.cluster.run()
    var core = chain.core(0)
    #expect(core.joinerHasCaughtUp)
    core.servesFrom = core.log.lastIndex.next
    #expect(!core.joinerHasCaughtUp)
  }

  @Test("An older change of the joiner is ignored")
  func olderJoiner() {
    var chain = Chain(3, members: [0, 1])
    chain.cluster.run()
    var core = chain.core(1)
    var effects = Effects<ChainReplica>()
    let members: [ReplicaID] = [0, 1]
    core.changeJoiner(
      to: View(number: 1, members: members, joiner: 2, joining: 2), at: .zero, into: &effects)
    core.changeJoiner(
      to: View(number: 1, members: members, joining: 1), at: .zero, into: &effects)
    #expect(core.view.joiner == ReplicaID(2))
  }

  // MARK: Getting in line

  @Test("Who is in line is not cut")
  func inLine() {
    var chain = chainWithPendingUpdates()
    let cut = ChainReplica.Synchronisation(
      positionLast: LogIndex(2), positionView: 1, through: LogIndex(2), forward: forward())
    chain.cluster.handle(.received(.synchronise(view: 1, cut), from: 0), at: 1)
    #expect(chain.core(1).log.lastIndex == LogIndex(2))
  }

  @Test("An answer to a position that is not the present one brings no replica in line")
  func lateSynchronisation() {
    let wrong: [(last: Int, view: UInt64, previousView: UInt64)] = [
      (1, 0, 0), (0, 7, 0), (0, 0, 5),
    ]
    for (last, view, previousView) in wrong {
      var chain = Chain(3, members: [0, 1], joiner: 2)
      let late = ChainReplica.Synchronisation(
        positionLast: LogIndex(last), positionView: view, through: .zero,
        forward: forward(previousView: previousView))
      chain.cluster.handle(.received(.synchronise(view: 1, late), from: 1), at: 2)
      #expect(!chain.core(2).isSynchronised)
    }
  }

  @Test("Who is not in line takes no entries and no acknowledgements")
  func outOfLine() {
    var joining = Chain(3, members: [0, 1], joiner: 2)
    joining.cluster.handle(.received(.forward(view: 1, forward(entries)), from: 1), at: 2)
    #expect(joining.core(2).log.lastIndex == .zero)

    var chain = chainWithPendingUpdates()
    chain.crash(0)
    chain.restart(0)
    chain.cluster.inFlight = []
    chain.issue([0, 1, 2])
    #expect(!chain.core(1).isSynchronised)
    chain.cluster.handle(.received(.acknowledge(view: 2, LogIndex(2)), from: 2), at: 1)
    #expect(chain.core(1).commitIndex == .zero)
  }

  @Test("A member that was not in line before does not keep its place")
  func keepsNoPlace() {
    var chain = Chain(2)
    chain.cluster.run()
    // It misses view 2, and nothing brings it in line in view 3.
    chain.issue([0, 1], to: [0])
    chain.cluster.delivers = { _ in false }
    chain.issue([0, 1])
    chain.cluster.run()
    #expect(!chain.core(1).isSynchronised)
    chain.issue([0, 1])
    #expect(!chain.core(1).isSynchronised)
  }

  @Test("A member that is not in line sends its successor no entries, although that one is in line")
  func incompletePredecessor() {
    var chain = Chain(3)
    chain.cluster.run()
    chain.issue([0, 1, 2], to: [0, 2])
    chain.cluster.run()
    chain.cluster.delivers = { $0.from == ReplicaID(2) && $0.to == ReplicaID(1) }
    chain.issue([0, 1, 2])
    chain.cluster.run()
    #expect(chain.core(2).isSynchronised && !chain.core(1).isSynchronised)
    #expect(chain.core(1).successor == ReplicaID(2) && !chain.core(1).link.isOpen)
  }

  @Test("What was cut has to be written, and is answered, again")
  func afterCut() {
    var chain = Chain(2)
    chain.cluster.run()
    chain.cluster.delivers = { _ in false }
    for _ in 0..<2 { chain.update(at: 0) }
    chain.cluster.run()
    chain.crash(0)
    chain.restart(0)
    chain.cluster.heal()
    #expect(chain.core(0).recoveredThrough == LogIndex(2))
    chain.issue([1, 0])
    chain.cluster.run()
    #expect(chain.core(0).recoveredThrough == .zero)
  }

  // MARK: Numbers that never fall

  @Test("An entry behind another one than the sender's is not taken")
  func otherPrevious() {
    var chain = chainWithPendingUpdates()
    let next = [ViewEntry(view: 1, batch: batch(9))]
    let other = forward(after: 2, previousView: 7, next)
    chain.cluster.handle(.received(.forward(view: 1, other), from: 0), at: 1)
    #expect(chain.core(1).log.lastIndex == LogIndex(2))
  }

  @Test("A message that was overtaken takes nothing back")
  func overtaken() {
    var chain = chainWithPendingUpdates()
    for index in [2, 1] {
      chain.cluster.handle(.received(.stable(view: 1, LogIndex(index)), from: 0), at: 1)
    }
    #expect(chain.core(1).upstreamStable == LogIndex(2))
    chain.cluster.heal()
    chain.fire(1)
    chain.cluster.run()
    #expect(chain.core(0).acknowledged == LogIndex(2))
    chain.cluster.handle(.received(.acknowledge(view: 1, LogIndex(1)), from: 1), at: 0)
    #expect(chain.core(0).acknowledged == LogIndex(2))
    // The successor said long ago that it held one entry only.
    let old = ChainReplica.Standing(
      last: LogIndex(1), sentThrough: LogIndex(2), acknowledged: nil)
    // The end of the turn would send the entries again and hide that the head had gone back.
    var head = chain.core(0)
    var effects = Effects<ChainReplica>()
    head.handle(.received(.standing(view: 1, old), from: 1), at: .zero, into: &effects)
    #expect(head.link.nextIndex == LogIndex(3))
    #expect(head.link.matchIndex == LogIndex(2))
  }

  @Test("A standing that repeats what is lacking leads back once")
  func repeatedStanding() {
    var middle = chainWithPendingUpdates().core(1)
    var effects = Effects<ChainReplica>()
    let standing = ChainReplica.Standing(last: .zero, sentThrough: LogIndex(2), acknowledged: nil)
    for doublings in [1, 0] {
      middle.handle(.received(.standing(view: 1, standing), from: 2), at: .zero, into: &effects)
      #expect(middle.link.nextIndex == LogIndex(1))
      // Going back counts as sending again.
      #expect(middle.link.pace.doublings == doublings)
    }
  }

  @Test("An acknowledgement by the joiner commits nothing, because the joiner is no member")
  func acknowledgementByJoiner() {
    var chain = Chain(3, members: [0, 1], joiner: 2)
    chain.cluster.run()
    chain.cluster.nodes[1].holdsDisk = true
    chain.update(at: 0)
    chain.cluster.run()
    #expect(chain.core(1).log.lastIndex == LogIndex(1))
    chain.cluster.handle(.received(.acknowledge(view: 1, LogIndex(1)), from: 2), at: 1)
    #expect(chain.core(1).commitIndex == .zero)
    let standing = ChainReplica.Standing(
      last: .zero, sentThrough: .zero, acknowledged: LogIndex(1))
    chain.cluster.handle(.received(.standing(view: 1, standing), from: 2), at: 1)
    #expect(chain.core(1).commitIndex == .zero)
  }

  @Test("A joiner that repeats where it stands ends no round, however long it had nothing to do")
  func repeatedStandingEndsNoRound() {
    var chain = Chain(2, members: [0], joiner: 1)
    chain.cluster.run()
    chain.update(at: 0)
    chain.cluster.run()
    var tail = chain.core(0)
    #expect(tail.joinerHasCaughtUp)
    var effects = Effects<ChainReplica>()
    let later = chain.cluster.now + .seconds(1)
    tail.handle(.requested(batch(2)), at: later, into: &effects)
    let standing = ChainReplica.Standing(
      last: LogIndex(1), sentThrough: .zero, acknowledged: nil)
    tail.handle(.received(.standing(view: 1, standing), from: 1), at: later, into: &effects)
    tail.endTurn(at: later, into: &effects)
    #expect(tail.joinerHasCaughtUp)
  }

  @Test("A receipt of an entry that the log lacks, or of one that is known, changes nothing")
  func strangeReceipts() {
    var chain = Chain(2, members: [0], joiner: 1)
    chain.cluster.run()
    chain.update(at: 0)
    chain.cluster.run()
    var tail = chain.core(0)
    var effects = Effects<ChainReplica>()
    let roundSince = tail.link.rounds.since
    for index in [1, 2] {
      tail.handle(
        .received(.receipt(view: 1, LogIndex(index)), from: 1),
        at: chain.cluster.now + .seconds(1), into: &effects)
      #expect(tail.link.matchIndex == LogIndex(1))
      #expect(tail.link.rounds.since == roundSince)
    }
  }

  @Test("A gap is reported again only with entries that were sent later")
  func oneReport() {
    var chain = Chain(2)
    chain.cluster.run()
    var core = chain.core(1)
    var effects = Effects<ChainReplica>()
    for index in [5, 5, 4, 6, 5] {
      let late = forward(after: index, previousView: 1, [ViewEntry(view: 1, batch: batch(1))])
      core.handle(.received(.forward(view: 1, late), from: 0), at: .zero, into: &effects)
    }
    #expect(effects.earlySends.count == 2)
  }

  @Test("If entries that were sent again are lost, the next entry shows it, without a timer")
  func lostAgain() {
    var chain = Chain(2)
    chain.cluster.run()
    chain.cluster.delivers = {
      if case .forward(_, let forward) = $0.message { forward.previous != .zero } else { true }
    }
    for _ in 1...2 {
      chain.update(at: 0)
      chain.cluster.run()
    }
    #expect(chain.core(1).log.lastIndex == .zero)
    chain.cluster.heal()
    chain.update(at: 0)
    chain.cluster.run()
    #expect(chain.core(1).log.lastIndex == LogIndex(3))
  }

  @Test("Reports of a gap that left before the entries came again do not repeat them once more")
  func oneRepetition() {
    var chain = Chain(2)
    chain.cluster.run()
    chain.cluster.delivers = { _ in false }
    for _ in 1...3 { chain.update(at: 0) }
    var core = chain.core(0)
    #expect(core.link.nextIndex == LogIndex(4))
    var effects = Effects<ChainReplica>()
    func report(behind index: Int) {
      let gap = ChainReplica.Standing(
        last: .zero, sentThrough: LogIndex(index), acknowledged: nil)
      core.handle(.received(.standing(view: 1, gap), from: 1), at: .zero, into: &effects)
    }
    report(behind: 1)
    #expect(core.link.nextIndex == LogIndex(1))
    core.endTurn(at: .zero, into: &effects)
    #expect(core.link.nextIndex == LogIndex(4))
    report(behind: 2)
    #expect(core.link.nextIndex == LogIndex(4))
    report(behind: 3)
    #expect(core.link.nextIndex == LogIndex(1))
  }

  // MARK: Snapshots

  @Test("A head installs no snapshot, and of a new log nothing is durable yet")
  func snapshots() {
    var chain = Chain(3, members: [0, 1], joiner: 2)
    let reference = SnapshotReference(index: LogIndex(5), epoch: 1)
    var effects = Effects<ChainReplica>()
    var head = chain.core(0)
    #expect(!head.install(reference, from: 1, at: .zero, into: &effects))
    chain.cluster.run()
    chain.update(at: 0)
    chain.cluster.run()
    var joiner = chain.core(2)
    #expect(joiner.durable == LogIndex(1))
    #expect(joiner.install(reference, from: 1, at: .zero, into: &effects))
    #expect(joiner.durable == .zero && joiner.log.base == LogIndex(5))
  }
}
