import Replication
import SteppedCluster
import Testing
import WireFormat

@testable import Unreplicated

private typealias Cluster = InProcessCluster<UnreplicatedServer>

private struct Word: WireCodable {
  var value: UInt64
  var encodedByteCount: Int { 8 }
  func encode(into writer: inout WireWriter) { writer.write(value) }
  init(_ value: UInt64) { self.value = value }
  init(from reader: inout WireReader) throws(WireError) { value = try reader.read(UInt64.self) }
}

private func update(_ number: UInt64) -> Batch {
  Batch([(id: RequestID(client: ClientID(1), sequence: number), command: Word(number))])
}

private func cluster(_ replicas: Int = 1, bug: UnreplicatedServer.Bug? = nil) -> Cluster {
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
    let entries = (1...3 as ClosedRange<UInt64>).map { UnreplicatedServer.Record.entry(update($0)) }
    var core = UnreplicatedServer(
      id: ReplicaID(0), membership: Membership(replicas: 1),
      options: UnreplicatedServer.Options(OptionValues(UnreplicatedServer.Options.declared)))
    for record in entries { core.recover(record) }
    core.recover(.snapshot(SnapshotReference(index: LogIndex(1), epoch: 1)))
    for record in entries[1..<(1 + copies)] { core.recover(record) }
    // After the restart.
    core.recover(.entry(update(4)))
    #expect(core.durableState.log.map(\.batch) == (1...4).map { update($0) })
  }

  @Test("An update is acknowledged when it is durable, not before")
  func waitsForTheDisk() {
    var server = cluster()
    server.nodes[0].holdsDisk = true
    server.handle(.requested(update(1)), at: ReplicaID(0))
    server.run()
    #expect(server.nodes[0].commits.isEmpty)
    server.releaseDisk(ReplicaID(0))
    server.run()
    #expect(
      server.nodes[0].commits == [
        CommittedEntry(batch: update(1), index: LogIndex(1), answering: true)
      ])
  }

  @Test("With reply-before-sync an acknowledged update is lost in a crash")
  func replyBeforeSync() {
    for bug in [nil, UnreplicatedServer.Bug.replyBeforeSync] {
      var server = cluster(bug: bug)
      server.nodes[0].holdsDisk = true
      server.handle(.requested(update(1)), at: ReplicaID(0))
      server.run()
      let acknowledged = server.nodes[0].commits.count
      server.crash(ReplicaID(0))
      server.restart(ReplicaID(0))
      server.run()
      let survived = server.nodes[0].commits.count
      #expect((acknowledged > survived) == (bug != nil))
    }
  }

  @Test("A restarted server has everything, and answers nobody again")
  func restart() {
    var server = cluster()
    for number in 1...3 as ClosedRange<UInt64> {
      server.handle(.requested(update(number)), at: ReplicaID(0))
    }
    server.run()
    server.crash(ReplicaID(0))
    server.restart(ReplicaID(0))
    #expect(server.nodes[0].commits.map(\.batch) == [update(1), update(2), update(3)])
    #expect(server.nodes[0].commits.allSatisfy { !$0.answering })
    server.handle(.requested(update(4)), at: ReplicaID(0))
    server.run()
    #expect(server.nodes[0].commits.last?.answering == true)
    #expect(server.nodes[0].commits.last?.index == LogIndex(4))
  }

  @Test("Reads are answered at once, and others say where the server is")
  func reads() {
    var server = cluster(2)
    server.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    server.handle(.readRequested(ReadTicket(2)), at: ReplicaID(1))
    server.handle(.requested(update(1)), at: ReplicaID(1))
    #expect(server.nodes[0].reads == [ReadTicket(1)])
    #expect(
      server.nodes[1].refusedReads == [
        Refusal(refused: ReadTicket(2), redirect: ReplicaID(0))
      ])
    #expect(
      server.nodes[1].refusedBatches == [Refusal(refused: update(1), redirect: ReplicaID(0))])
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
