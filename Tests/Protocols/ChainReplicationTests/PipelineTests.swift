import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

@testable import ChainReplication

/// Why updates may be forwarded before they are durable, and how losses are repaired.
@Suite("Updates are forwarded while disks write them")
struct PipelineTests {
  @Test(
    "count-undurable: updates that the tail answered are lost when the others restart",
    arguments: [nil, ChainReplica.Bug.countUndurable])
  func countsUndurable(bug: ChainReplica.Bug?) {
    var chain = Chain(3, bug: bug)
    chain.cluster.run()
    chain.cluster.nodes[0].holdsDisk = true
    chain.cluster.nodes[1].holdsDisk = true
    let update = chain.update(at: 0)
    chain.cluster.run()
    #expect(chain.answered(2) == (bug == nil ? [] : [update]))
    for id in [a, b] {
      chain.crash(id)
      chain.restart(id)
    }
    chain.crash(2)
    chain.issue([0, 1])
    chain.cluster.run()
    #expect(chain.committed(1).isEmpty)
  }

  @Test(
    "keep-place-behind-restart: a head that forgot what it sent stays head, and cuts the others back",
    arguments: [nil, ChainReplica.Bug.keepPlaceBehindRestart])
  func restartedHead(bug: ChainReplica.Bug?) {
    var chain = Chain(3, bug: bug)
    chain.cluster.run()
    let first = chain.update(at: 0)
    chain.cluster.run()
    chain.cluster.nodes[0].holdsDisk = true
    chain.update(at: 0)
    chain.update(at: 0)
    chain.cluster.run()
    #expect(chain.core(2).durable == LogIndex(3) && chain.committed(2) == [first])
    chain.crash(0)
    chain.restart(0)
    #expect(chain.core(0).log.lastIndex == LogIndex(1))
    chain.issue([0, 1, 2])
    let second = chain.update(at: 0)
    chain.cluster.run()
    for id in chain.cluster.membership.replicas {
      #expect((chain.committed(id) == [first, second]) == (bug == nil))
    }
    #expect(chain.core(0).report.isEstablished == (bug == nil))
  }

  @Test(
    "A middle that forgot sent entries brings its successors in line, though the head has them")
  func restartedMiddle() {
    var chain = Chain(4)
    chain.cluster.run()
    chain.cluster.nodes[1].holdsDisk = true
    chain.cluster.delivers = { $0.to != ReplicaID(3) }
    chain.update(at: 0)
    chain.cluster.run()
    chain.crash(1)
    chain.restart(1)
    chain.cluster.delivers = { $0.to != ReplicaID(1) }
    chain.issue([0, 1, 2, 3])
    chain.cluster.run()
    #expect(chain.core(0).isSynchronised && !chain.core(2).isSynchronised)
    chain.cluster.delivers = { _ in true }
    chain.fire(0)
    chain.cluster.run()
    for id in chain.cluster.membership.replicas { #expect(chain.committed(id).count == 1) }
  }

  @Test("A replica that is not in line says what it holds when that is durable, and not before")
  func positionIsDurable() {
    var chain = Chain(2)
    chain.cluster.run()
    chain.cluster.nodes[1].holdsDisk = true
    chain.update(at: 0)
    chain.cluster.run()
    // It missed view 2, so that it has to be brought in line.
    chain.issue([0, 1], to: [0])
    chain.issue([0, 1])
    chain.cluster.run()
    #expect(!chain.core(1).isSynchronised)
    #expect(
      chain.cluster.nodes[1].heldSends.contains {
        if case .position = $0.message { true } else { false }
      })
    chain.cluster.releaseDisk(ReplicaID(1))
    chain.cluster.run()
    #expect(chain.committed(1).count == 1 && chain.core(1).durable == LogIndex(1))
  }

  @Test(
    "A stable index of one view counts in the next only after the predecessor has repeated it")
  func stableOfEarlierView() {
    var chain = Chain(2)
    chain.cluster.run()
    chain.cluster.nodes[1].holdsDisk = true
    chain.update(at: 0)
    chain.cluster.run()
    #expect(chain.core(1).upstreamStable == LogIndex(1))
    chain.issue([0, 1], to: [1])
    chain.cluster.releaseDisk(ReplicaID(1))
    chain.cluster.run()
    #expect(chain.committed(1).isEmpty)
    chain.tell(0)
    chain.cluster.run()
    #expect(chain.committed(1).count == 1)
  }

  @Test("A member that keeps its place without being complete stays incomplete")
  func incompleteKeepsPlace() {
    var chain = Chain(3, members: [0, 1], page: 10)
    chain.cluster.run()
    chain.issue([0, 1], joiner: 2)
    chain.cluster.run()
    chain.cluster.delivers = { $0.to != ReplicaID(2) }
    for _ in 0..<60 { chain.update(at: 0) }
    chain.cluster.run()
    // The new tail is brought in line with the first page, and the others are lost.
    chain.cluster.delivers = {
      if case .forward = $0.message { $0.to != ReplicaID(2) } else { true }
    }
    chain.issue([0, 1, 2])
    chain.cluster.run()
    #expect(chain.core(2).log.lastIndex == LogIndex(10) && chain.core(2).isSynchronised)
    #expect(!chain.core(2).isComplete)
    chain.cluster.delivers = { $0.to != ReplicaID(2) }
    chain.issue([0, 1, 2])
    chain.cluster.run()
    #expect(chain.answered(1).count == 60)
    #expect(chain.core(2).isSynchronised && !chain.core(2).isComplete)
    chain.read(at: 2)
    #expect(chain.cluster.nodes[2].reads.isEmpty)
  }

  @Test("A silent neighbour is asked less and less often, and gets no entry twice")
  func noSpuriousResend() {
    var chain = Chain(2)
    chain.cluster.run()
    let forwards = Counter()
    let hails = Counter()
    chain.cluster.delivers = {
      if case .forward = $0.message { forwards.value += 1 }
      if case .hail = $0.message { hails.value += 1 }
      return false
    }
    chain.update(at: 0)
    let start = chain.cluster.now
    while chain.cluster.now - start < .seconds(1) {
      chain.cluster.run()
      chain.fire(0)
    }
    chain.cluster.run()
    #expect(forwards.value == 1)
    // After 50, 150, 350, 750 and 1150 ms.
    #expect(hails.value == 5)
    // The authority may give the chain another order.
    #expect(chain.core(0).report.unreachable == [ReplicaID(1)])
    // The neighbour comes back, and its answer shows what it lacks.
    chain.cluster.delivers = { _ in true }
    chain.fire(0)
    chain.cluster.run()
    #expect(chain.committed(0).count == 1 && chain.committed(1).count == 1)
    #expect(chain.core(0).report.unreachable == [])
  }

  @Test("A neighbour that may be silent is not reported before that time is over")
  func expectedSilence() {
    var chain = Chain(2)
    chain.cluster.run()
    chain.cluster.delivers = { _ in false }
    chain.cluster.perform(at: 0) { core, now, _ in
      core.expectSilence(of: 1, for: .seconds(2), at: now)
      core.expectSilence(of: 1, for: .milliseconds(1), at: now)
    }
    chain.update(at: 0)
    let start = chain.cluster.now
    while chain.cluster.now - start < .milliseconds(1900) { chain.fire(0) }
    #expect(chain.core(0).report.unreachable == [])
    while chain.cluster.now - start < .seconds(4) { chain.fire(0) }
    #expect(chain.core(0).report.unreachable == [ReplicaID(1)])
  }

  @Test("A long round trip is measured, and no replica is asked before it is over")
  func longRoundTrip() {
    var chain = Chain(2)
    chain.cluster.run()
    for _ in 0..<3 {
      chain.cluster.delivers = { $0.to != ReplicaID(0) || $0.from == ReplicaID(0) }
      chain.update(at: 0)
      chain.cluster.run()
      chain.cluster.now = chain.cluster.now + .milliseconds(500)
      chain.cluster.delivers = { _ in true }
      chain.cluster.handle(
        .received(.acknowledge(view: 1, chain.core(0).log.lastIndex), from: ReplicaID(1)),
        at: ReplicaID(0))
    }
    let hails = Counter()
    chain.cluster.delivers = {
      if case .hail = $0.message { hails.value += 1 }
      return $0.to != ReplicaID(0) || $0.from == ReplicaID(0)
    }
    chain.update(at: 0)
    chain.cluster.run()
    let start = chain.cluster.now
    while chain.cluster.now - start < .milliseconds(900) {
      chain.fire(0)
      chain.cluster.run()
      if chain.cluster.now - start < .milliseconds(900) { #expect(hails.value == 0) }
    }
  }

  @Test("After a gap report the lost entries are sent again at once, and only those")
  func gap() {
    var chain = Chain(2, page: 1)
    chain.cluster.run()
    let sent = Counter()
    let losing = Counter()
    chain.cluster.delivers = {
      guard case .forward(_, let forward) = $0.message else { return true }
      sent.value += forward.entries.count
      losing.value += 1
      return losing.value != 3
    }
    for _ in 0..<4 { chain.update(at: 0) }
    chain.cluster.run()
    #expect(chain.committed(1).count == 4)
    // The third and the fourth again.
    #expect(sent.value == 6)
  }

  @Test("No more bytes are in flight than the window allows, but a larger entry travels alone")
  func bytesInFlight() {
    for (limit, expected) in [(200, 4), (10, 1)] {
      var options = ChainReplica.Options()
      options.inFlightBytes = limit
      var cluster = InProcessCluster<ChainReplica>(
        membership: Membership(replicas: 2), options: options)
      let view = View(number: 1, members: [ReplicaID(0), ReplicaID(1)])
      for id in view.members { cluster.adopt(view, at: id) }
      cluster.run()
      #expect(ViewEntry(view: 1, batch: batch(1)).encodedByteCount == 44)
      for number in 1...10 {
        cluster.handle(.requested(batch(UInt64(number))), at: ReplicaID(0))
      }
      let entries = cluster.inFlight.map { envelope in
        if case .forward(_, let forward) = envelope.message { forward.entries.count } else { 0 }
      }
      #expect(entries.reduce(0, +) == expected)
      cluster.run()
      #expect(cluster.nodes[1].committedCount == 10)
    }
  }

  @Test("A replica that catches up gets several pages at a time, each of them once")
  func pagesOnce() {
    var chain = Chain(3, members: [0, 1], page: 10)
    chain.cluster.run()
    for _ in 0..<100 { chain.update(at: 0) }
    chain.cluster.run()
    let sent = Counter()
    let most = Counter()
    chain.cluster.delivers = {
      guard $0.to == ReplicaID(2) else { return true }
      switch $0.message {
      case .forward(_, let forward): sent.value += forward.entries.count
      case .synchronise(_, let synchronisation):
        sent.value += synchronisation.forward.entries.count
      default: break
      }
      return true
    }
    chain.issue([0, 1], joiner: 2)
    while !chain.cluster.inFlight.isEmpty {
      chain.cluster.run(limit: 1)
      let pages = chain.cluster.inFlight.count {
        if case .forward = $0.message { $0.to == ReplicaID(2) } else { false }
      }
      most.value = max(most.value, pages)
    }
    #expect(sent.value == 100 && most.value == 9)
    #expect(chain.committed(2).count == 100)
  }

  @Test("A distant joiner keeps up with a large load: the entries it lacks are on their way")
  func farJoiner() {
    var chain = Chain(3, members: [0, 1], joiner: 2)
    chain.cluster.run()
    // Messages to the joiner arrive 100 ms later, and by then as many entries again have been
    // proposed.
    let link = SlowLink(to: 2)
    chain.cluster.delivers = link.delivers
    for _ in 0..<6 {
      let arriving = link.take()
      for _ in 0..<300 { chain.update(at: 0) }
      chain.cluster.run()
      chain.cluster.now = chain.cluster.now + .milliseconds(100)
      link.deliver(arriving, in: &chain.cluster)
    }
    chain.update(at: 0)
    #expect(chain.core(1).report.joinerHasCaughtUp)
  }
}
