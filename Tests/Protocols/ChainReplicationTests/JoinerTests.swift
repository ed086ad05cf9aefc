import ChainReplication
import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService
import WireFormat

@Suite("Extending a chain (§4)")
struct JoinerTests {
  /// Two members with `count` committed updates, and replica 2 about to join.
  private func chain(
    _ count: Int, bug: ChainReplica.Bug? = nil, inFlightBytes: Int = 4 << 20
  ) -> Chain {
    var chain = Chain(3, bug: bug, members: [0, 1], inFlightBytes: inFlightBytes)
    chain.cluster.run()
    for _ in 0..<count { chain.update(at: 0) }
    chain.cluster.run()
    return chain
  }

  @Test("A joiner copies the log in pages while the tail serves")
  func copies() {
    var chain = chain(1300)
    chain.cluster.nodes[2].holdsDisk = true
    chain.issue([0, 1], joiner: 2)
    chain.cluster.run()
    #expect(!chain.core(1).report.joinerHasCaughtUp)
    let update = chain.update(at: 0)
    chain.cluster.run()
    chain.read(at: 1)
    #expect(chain.answered(1).last == update)
    #expect(chain.cluster.nodes[1].reads == [ReadTicket(1)])
    chain.read(at: 2)
    #expect(chain.cluster.nodes[2].refusedReads.map(\.redirect) == [ReplicaID(1)])
    chain.cluster.releaseDisk(ReplicaID(2))
    chain.cluster.run()
    #expect(chain.core(1).report.joinerHasCaughtUp)
    #expect(chain.committed(2).count == 1301 && chain.answered(2).isEmpty)
    #expect(chain.core(2).status.role == "joiner")
  }

  @Test("No commit waits for a joiner, and no more than a window is in flight to it")
  func nothingWaits() {
    var chain = chain(0, inFlightBytes: 10_000)
    chain.issue([0, 1], joiner: 2)
    chain.cluster.run()
    let sent = Counter()
    chain.cluster.delivers = {
      guard $0.to == ReplicaID(2) else { return true }
      if case .forward(_, let forward) = $0.message {
        sent.value += forward.entries.encodedByteCount
      }
      return false
    }
    for _ in 0..<30 {
      for _ in 0..<100 { chain.update(at: 0) }
      chain.cluster.run()
    }
    #expect(chain.committed(1).count == 3000)
    #expect(sent.value > 9000 && sent.value < 11_000)
    chain.cluster.now = chain.cluster.now + .seconds(1)
    chain.update(at: 0)
    chain.cluster.run()
    #expect(!chain.core(1).report.joinerHasCaughtUp)
    chain.cluster.delivers = { _ in true }
    for _ in 0..<3 {
      chain.fire(1)
      chain.cluster.run()
    }
    #expect(chain.core(1).report.joinerHasCaughtUp)
  }

  @Test("A joiner whose narrow link fills up has not caught up, however long its answers take")
  func narrowLink() {
    var chain = chain(50)
    chain.issue([0, 1], joiner: 2)
    let link = SlowLink(to: 2)
    chain.cluster.delivers = link.delivers
    chain.cluster.run()
    // Messages to the joiner wait for those before them, each time four times as long, and
    // meanwhile four times as many entries are proposed.
    for round in 0..<5 {
      let arriving = link.take()
      for _ in 0..<10 << (2 * round) { chain.update(at: 0) }
      chain.cluster.run()
      chain.cluster.now = chain.cluster.now + .milliseconds(100 << (2 * round))
      link.deliver(arriving, in: &chain.cluster)
      #expect(!chain.core(1).report.joinerHasCaughtUp, "round \(round)")
    }
    // Without further updates the link empties.
    link.deliver(link.take(), in: &chain.cluster)
    #expect(chain.core(1).report.joinerHasCaughtUp)
  }

  @Test("An answer that is long on its way to a replica out of line is not sent again")
  func slowAnswer() {
    var chain = chain(50)
    let link = SlowLink(to: 2)
    let answers = Counter()
    chain.cluster.delivers = {
      if case .synchronise = $0.message { answers.value += 1 }
      return link.delivers($0)
    }
    chain.issue([0, 1], joiner: 2)
    for _ in 0..<10 {
      chain.cluster.run()
      chain.fire(1)
      chain.fire(2)
    }
    #expect(answers.value == 1)
    link.deliver(link.take(), in: &chain.cluster)
    link.deliver(link.take(), in: &chain.cluster)
    #expect(chain.core(2).status.lastIndex == LogIndex(50))
    #expect(answers.value == 1)
  }

  @Test("An answer that was lost is sent again, after a question that follows it")
  func lostAnswer() {
    var chain = chain(50)
    let answers = Counter()
    chain.cluster.delivers = {
      guard case .synchronise = $0.message else { return true }
      answers.value += 1
      return answers.value > 1
    }
    chain.issue([0, 1], joiner: 2)
    chain.cluster.run()
    for _ in 0..<3 {
      chain.fire(2)
      chain.cluster.run()
    }
    #expect(answers.value == 1)
    chain.fire(1)
    chain.cluster.run()
    #expect(answers.value == 2)
    #expect(chain.core(2).status.lastIndex == LogIndex(50))
  }

  @Test("A new tail lacks a page of what the old one held: it answers no reads yet")
  func servesWhenComplete() {
    var chain = chain(0)
    chain.issue([0, 1], joiner: 2)
    chain.cluster.run()
    chain.cluster.delivers = { $0.to != ReplicaID(2) }
    for _ in 0..<600 { chain.update(at: 0) }
    chain.cluster.run()
    chain.cluster.delivers = {
      if case .forward = $0.message { $0.to != ReplicaID(2) } else { true }
    }
    chain.issue([0, 1, 2])
    chain.cluster.run()
    #expect(chain.core(2).status.lastIndex == LogIndex(512))
    chain.read(at: 2)
    #expect(chain.cluster.nodes[2].reads.isEmpty)
    #expect(!chain.core(0).report.isEstablished)
    chain.cluster.delivers = { _ in true }
    for _ in 0..<2 {
      chain.fire(1)
      chain.cluster.run()
    }
    chain.read(at: 2, 2)
    #expect(chain.cluster.nodes[2].reads == [ReadTicket(2)])
    #expect(chain.core(0).report.isEstablished)
  }

  @Test("A member that lacks pages cuts no successor, because that may have to be the head")
  func incompleteCutsNobody() {
    var chain = Chain(3, members: [0, 2], page: 2)
    chain.cluster.run()
    for _ in 0..<10 { chain.update(at: 0) }
    chain.cluster.run()
    chain.crash(2)
    chain.restart(2)
    chain.cluster.delivers = {
      if case .forward = $0.message { $0.to != ReplicaID(1) } else { true }
    }
    chain.issue([0, 1, 2])
    chain.cluster.run()
    #expect(chain.core(1).status.lastIndex == LogIndex(2))
    #expect(chain.core(2).status.lastIndex == LogIndex(10))
    chain.crash(0)
    chain.cluster.delivers = { _ in true }
    chain.issue([2, 1])
    chain.cluster.run()
    #expect(chain.committed(1).count == 10 && chain.committed(2).count == 10)
  }

  @Test("A joiner that restarts is fed again from what it holds")
  func joinerRestarts() {
    var chain = chain(700)
    chain.issue([0, 1], joiner: 2)
    chain.cluster.run()
    chain.crash(2)
    chain.restart(2)
    chain.update(at: 0)
    chain.cluster.run()
    chain.issue([0, 1], joiner: 2)
    chain.cluster.run()
    #expect(chain.core(1).report.joinerHasCaughtUp)
    #expect(chain.committed(2).count == 701 && chain.agrees)
  }
}

/// Keeps the messages to a replica on their way until the test lets them arrive.
final class SlowLink {
  private let receiver: ReplicaID
  private var late: [SteppedEnvelope<ChainReplica.Message>] = []

  init(to receiver: ReplicaID) { self.receiver = receiver }

  /// The cluster's `delivers`.
  func delivers(_ envelope: SteppedEnvelope<ChainReplica.Message>) -> Bool {
    guard envelope.to == receiver, envelope.from != receiver else { return true }
    late.append(envelope)
    return false
  }

  /// Takes the messages that are on their way.
  func take() -> [SteppedEnvelope<ChainReplica.Message>] {
    defer { late = [] }
    return late
  }

  /// Lets messages arrive.
  func deliver(
    _ messages: [SteppedEnvelope<ChainReplica.Message>],
    in cluster: inout InProcessCluster<ChainReplica>
  ) {
    for envelope in messages {
      cluster.handle(.received(envelope.message, from: envelope.from), at: envelope.to)
    }
    cluster.run()
  }
}

/// A count that a closure can raise.
final class Counter {
  var value = 0
}
