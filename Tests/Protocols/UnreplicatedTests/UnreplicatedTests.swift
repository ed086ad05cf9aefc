import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import Unreplicated

typealias Cluster = InProcessCluster<UnreplicatedServer>

func cluster(_ replicas: Int = 1, bug: UnreplicatedServer.Bug? = nil) -> Cluster {
  let options = OptionValues(
    UnreplicatedServer.Options.declared,
    overrides: bug.map { ["unsafeBug": .choice($0.rawValue)] } ?? [:])
  return Cluster(
    membership: Membership(replicas: replicas), options: UnreplicatedServer.Options(options))
}

@Suite("The unreplicated baseline")
struct UnreplicatedTests {
  @Test(
    "A crash in the middle of a checkpoint costs no entry that was durable before", arguments: 0...2
  )
  func tornCheckpoint(copies: Int) {
    let entries = (1...3 as ClosedRange<UInt64>).map { UnreplicatedServer.Record.entry(batch($0)) }
    var core = UnreplicatedServer(
      id: ReplicaID(0), membership: Membership(replicas: 1),
      options: UnreplicatedServer.Options(OptionValues(UnreplicatedServer.Options.declared)))
    for record in entries { core.recover(record) }
    core.recover(.snapshot(SnapshotReference(index: LogIndex(1), epoch: 1)))
    for record in entries[1..<(1 + copies)] { core.recover(record) }
    // After the restart.
    core.recover(.entry(batch(4)))
    #expect(core.durableState.log.map(\.batch) == (1...4).map { batch($0) })
  }

  @Test("An update is acknowledged when it is durable, not before")
  func waitsForTheDisk() {
    var server = cluster()
    server.nodes[0].holdsDisk = true
    server.handle(.requested(batch(1)), at: ReplicaID(0))
    server.run()
    #expect(server.nodes[0].commits.isEmpty)
    server.releaseDisk(ReplicaID(0))
    server.run()
    #expect(
      server.nodes[0].commits == [
        CommittedEntry(batch: batch(1), index: LogIndex(1), answering: true)
      ])
  }

  @Test("With reply-before-sync an acknowledged update is lost in a crash")
  func replyBeforeSync() {
    for bug in [nil, UnreplicatedServer.Bug.replyBeforeSync] {
      var server = cluster(bug: bug)
      server.nodes[0].holdsDisk = true
      server.handle(.requested(batch(1)), at: ReplicaID(0))
      server.run()
      let acknowledged = server.nodes[0].commits.count
      server.crash(ReplicaID(0))
      server.restart(ReplicaID(0))
      server.run()
      let survived = server.nodes[0].commits.count
      #expect((acknowledged > survived) == (bug != nil))
    }
  }

  @Test("A restarted server has all updates, and answers no client again")
  func restart() {
    var server = cluster()
    for number in 1...3 as ClosedRange<UInt64> {
      server.handle(.requested(batch(number)), at: ReplicaID(0))
    }
    server.run()
    server.crash(ReplicaID(0))
    server.restart(ReplicaID(0))
    #expect(server.nodes[0].commits.map(\.batch) == [batch(1), batch(2), batch(3)])
    #expect(server.nodes[0].commits.allSatisfy { !$0.answering })
    server.handle(.requested(batch(4)), at: ReplicaID(0))
    server.run()
    #expect(server.nodes[0].commits.last?.answering == true)
    #expect(server.nodes[0].commits.last?.index == LogIndex(4))
  }

  @Test("Reads are answered at once, and other nodes name the server")
  func reads() {
    var server = cluster(2)
    server.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    server.handle(.readRequested(ReadTicket(2)), at: ReplicaID(1))
    server.handle(.requested(batch(1)), at: ReplicaID(1))
    #expect(server.nodes[0].reads == [ReadTicket(1)])
    #expect(
      server.nodes[1].refusedReads == [
        Refusal(refused: ReadTicket(2), redirect: ReplicaID(0))
      ])
    #expect(
      server.nodes[1].refusedBatches == [Refusal(refused: batch(1), redirect: ReplicaID(0))])
  }

  @Test("Messages that make no sense change nothing")
  func nonsense() {
    var server = cluster(2)
    server.handle(
      .received(.durable(LogIndex(9)), from: ReplicaID(0)), at: ReplicaID(0))
    server.handle(
      .received(.durable(LogIndex(1)), from: ReplicaID(1)), at: ReplicaID(0))
    #expect(server.nodes[0].commits.isEmpty)
    #expect(server.nodes[0].core.invariantViolation() == nil)
  }
}
