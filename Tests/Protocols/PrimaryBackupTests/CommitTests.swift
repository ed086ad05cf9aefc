import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService
import WireFormat

@testable import PrimaryBackup

@Suite struct CommitTests {

  @Test("A gap is told once per round, however many appends it makes useless")
  func oneResend() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.isolate(1)
    cluster.propose(1, at: 0)
    cluster.run()
    cluster.heal()
    for value in 2...20 { cluster.propose(UInt64(value), at: 0) }
    let before = cluster.deliveredCount
    cluster.run()
    #expect(cluster.updates(0).count == 20)
    // 19 useless appends, 19 summaries, one page, its acknowledgement, 19 messages to itself.
    #expect(cluster.deliveredCount - before <= 19 * 3 + 2)
  }

  @Test("No more bytes are on their way to a backup than are allowed, in as many messages as fit")
  func inFlight() {
    var cluster = Cluster(replicas: 2, inFlightBytes: 3 * entryBytes)
    cluster.begin(1, [0, 1])
    for value in 1...10 { cluster.propose(UInt64(value), at: 0) }
    let appends = cluster.inFlight.filter { $0.to == ReplicaID(1) }
    #expect(appends.count == 3)
    cluster.run()
    #expect(cluster.updates(0) == Array(1...10))
  }

  @Test("Nonsense from anybody changes nothing")
  func nonsense() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1])
    cluster.propose(5, at: 0)
    cluster.run()
    let append = PrimaryBackupReplica.Append(
      view: 1, round: 0, previous: LogIndex(1), previousView: 1, commitIndex: LogIndex(99),
      entries: [ViewEntry(view: 7, batch: .noop)])
    let messages: [PrimaryBackupReplica.Message] = [
      .append(append), .appended(view: 1, index: LogIndex(99)), .outdated(view: 1),
      .appended(view: 9, index: LogIndex(1)), .present(view: 1),
      .summary(view: 1, round: 9, runs: [ViewRun(view: 5, last: LogIndex(77))]),
    ]
    for message in messages {
      for to in 0..<3 {
        for from in [0, 1, 2, 9] {
          cluster.handle(
            .received(message, from: ReplicaID(from)), at: ReplicaID(to))
        }
      }
    }
    cluster.inFlight.removeAll { $0.to.index > 2 }
    cluster.run()
    for id in 0..<3 { #expect(cluster.core(ReplicaID(id)).invariantViolation() == nil) }
    #expect(cluster.updates(0) == [5])
    #expect(cluster.core(0).log.lastIndex == LogIndex(1))
  }

  @Test("Messages and records survive the wire")
  func wire() throws {
    let entry = ViewEntry(view: 3, batch: batch(8))
    let messages: [PrimaryBackupReplica.Message] = [
      .append(
        PrimaryBackupReplica.Append(
          view: 4, round: 2, previous: LogIndex(9), previousView: 3, commitIndex: LogIndex(7),
          entries: [entry, entry])),
      .appended(view: 4, index: LogIndex(11)), .outdated(view: 5), .present(view: 6),
      .summary(view: 4, round: 2, runs: [ViewRun(view: 1, last: LogIndex(6))]),
      .authority(.alive(incarnation: 3)),
    ]
    for message in messages {
      let bytes = message.encoded()
      #expect(bytes.count == message.encodedByteCount)
      #expect(try WireReader.decode(PrimaryBackupReplica.Message.self, from: bytes) == message)
    }
    let record = PrimaryBackupReplica.Record(index: LogIndex(4), entry: entry)
    #expect(record.encoded().count == record.encodedByteCount)
    #expect(
      try WireReader.decode(PrimaryBackupReplica.Record.self, from: record.encoded()) == record)
  }
}
