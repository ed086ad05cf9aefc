import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import ViewService

@testable import PrimaryBackup

@Suite struct FeedingTests {
  private typealias Append = PrimaryBackupReplica.Append

  /// The appends on their way to a replica.
  private func appends(in cluster: Cluster, to id: Int) -> [Append] {
    cluster.inFlight.compactMap {
      if $0.to == ReplicaID(id), case .append(let append) = $0.message { return append }
      return nil
    }
  }

  @Test("An answer that is merely late brings no second copy, only one question after a while")
  func noCopies() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.propose(5, at: 0)
    // Everything is on its way for 200 ms.
    for _ in 0..<4 { cluster.fire(.resend, at: ReplicaID(0)) }
    let sent = appends(in: cluster, to: 1)
    #expect(sent.filter { !$0.entries.isEmpty }.count == 1)
    #expect(sent.filter(\.entries.isEmpty).count <= 2)
    cluster.run()
    #expect(cluster.updates(0) == [5])
  }

  @Test(
    "Questions follow the round trip: where it is 80 ms, none leaves earlier than after twice that")
  func roundTrip() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.propose(5, at: 0)
    cluster.now = cluster.now + .milliseconds(80)
    cluster.run()
    cluster.propose(6, at: 0)
    for _ in 0..<3 { cluster.fire(.resend, at: ReplicaID(0)) }
    #expect(appends(in: cluster, to: 1).count == 1)
    cluster.fire(.resend, at: ReplicaID(0))
    #expect(appends(in: cluster, to: 1).count == 2)
  }

  @Test("A lost entry is found missing by an empty append, and only what is missing is sent again")
  func lostEntry() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.propose(1, at: 0)
    cluster.run()
    cluster.isolate(1)
    cluster.propose(2, at: 0)
    cluster.run()
    cluster.heal()
    cluster.fire(.resend, at: ReplicaID(0))
    let questions = appends(in: cluster, to: 1)
    #expect(questions.count == 1 && questions[0].entries.isEmpty)
    cluster.run(limit: 1)
    // The summary is on its way back; its answer is the one entry.
    while appends(in: cluster, to: 1).isEmpty, !cluster.inFlight.isEmpty { cluster.run(limit: 1) }
    #expect(appends(in: cluster, to: 1).map(\.entries.count) == [1])
    cluster.run()
    #expect(cluster.updates(0) == [1, 2])
  }

  @Test("A lost acknowledgement is asked for, without the entries")
  func lostAcknowledgement() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1, 2])
    cluster.delivers = { $0.to != ReplicaID(0) }
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.heal()
    cluster.fire(.resend, at: ReplicaID(0))
    #expect(appends(in: cluster, to: 1).map(\.entries.count) == [0])
    cluster.run()
    #expect(cluster.updates(0) == [5])
  }

  @Test("A follower far behind is sent several pages at once, each of them once")
  func pages() {
    var cluster = Cluster(inFlightBytes: 3 << 20)
    cluster.begin(1, [0, 1])
    let bytes = [UInt8](repeating: 0, count: 400_000)
    for sequence in 1...20 {
      let request = RequestID(client: ClientID(1), sequence: UInt64(sequence))
      var builder = BatchBuilder()
      builder.append(request, encoded: bytes, in: 0..<bytes.count)
      cluster.handle(.requested(builder.build()), at: ReplicaID(0))
      cluster.run()
    }
    cluster.announce(2, [0, 1], joiner: 2)
    var sent: [LogIndex] = []
    var most = 0
    while !cluster.inFlight.isEmpty {
      let pages = appends(in: cluster, to: 2).filter { !$0.entries.isEmpty }
      most = max(most, pages.count)
      if let first = cluster.inFlight.first, first.to == ReplicaID(2),
        case .append(let append) = first.message
      {
        sent += append.entries.indices.map { append.previous + ($0 + 1) }
      }
      cluster.run(limit: 1)
    }
    // Three of two entries, and one of one entry.
    #expect(most == 4)
    #expect(sent == (1...20).map { LogIndex($0) })
    #expect(cluster.core(0).report.joinerHasCaughtUp)
  }

  @Test("An idle primary tells what is committed once, and then only asks now and then")
  func idle() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.beat(0)
    #expect(cluster.updates(1) == [5])
    let before = cluster.deliveredCount
    for _ in 0..<20 { cluster.beat(0) }
    // A question, a sign of life and an acknowledgement, every 100 ms for a second.
    #expect(cluster.deliveredCount - before <= 30)
  }

  @Test("A backup that gives no sign of life is reported unreachable until it gives one")
  func unreachable() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1, 2])
    cluster.isolate(2)
    for _ in 0..<8 { cluster.beat(0) }
    #expect(cluster.core(0).report.unreachable.isEmpty)
    for _ in 0..<6 { cluster.beat(0) }
    #expect(cluster.core(0).report.unreachable == [ReplicaID(2)])
    cluster.heal()
    for _ in 0..<8 { cluster.beat(0) }
    #expect(cluster.core(0).report.unreachable.isEmpty)
  }

  @Test("A backup that may be silent is not reported before that time is over")
  func expectedSilence() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1, 2])
    cluster.isolate(2)
    cluster.perform(at: 0) { core, now, _ in
      core.expectSilence(of: 1, for: .seconds(60), at: now)
      core.expectSilence(of: 2, for: .seconds(1), at: now)
      core.expectSilence(of: 2, for: .milliseconds(1), at: now)
    }
    // A replica without followers has no use for it.
    cluster.perform(at: 1) { core, now, _ in
      core.expectSilence(of: 0, for: .seconds(1), at: now)
    }
    for _ in 0..<20 { cluster.beat(0) }
    #expect(cluster.core(0).report.unreachable.isEmpty)
    for _ in 0..<40 { cluster.beat(0) }
    #expect(cluster.core(0).report.unreachable == [ReplicaID(2)])
  }

  @Test("A backup with a slow disk gives signs of life, although its acknowledgements wait")
  func slowDisk() {
    var cluster = Cluster(replicas: 2)
    cluster.begin(1, [0, 1])
    cluster.nodes[1].holdsDisk = true
    cluster.propose(5, at: 0)
    cluster.run()
    for _ in 0..<60 { cluster.beat(0) }
    #expect(cluster.updates(0).isEmpty)
    #expect(cluster.core(0).report.unreachable.isEmpty)
  }

  @Test("A joiner has not caught up while entries wait for it, however few they are")
  func joinerUnderLoad() {
    var cluster = Cluster(inFlightBytes: 4 * entryBytes)
    cluster.begin(1, [0, 1])
    for value in 1...20 { cluster.propose(UInt64(value), at: 0) }
    cluster.run()
    cluster.nodes[2].holdsDisk = true
    cluster.join(1, [0, 1], joiner: 2, joining: 1)
    #expect(!cluster.core(0).report.joinerHasCaughtUp)
    cluster.releaseDisk(ReplicaID(2))
    cluster.run()
    #expect(cluster.core(0).report.joinerHasCaughtUp)
    #expect(cluster.core(0).report.joinerProgress == 20)
    // It stays so under load, and ends when the joiner does not answer.
    cluster.propose(21, at: 0)
    #expect(cluster.core(0).report.joinerHasCaughtUp)
    cluster.isolate(2)
    for _ in 0..<8 { cluster.beat(0) }
    #expect(!cluster.core(0).report.joinerHasCaughtUp)
  }

  @Test("A joiner whose narrow link fills up has not caught up, however long its answers take")
  func narrowLink() {
    var cluster = Cluster()
    cluster.begin(1, [0, 1])
    for value in 1...50 { cluster.propose(UInt64(value), at: 0) }
    cluster.run()
    var late: [Cluster.Envelope] = []
    cluster.delivers = { envelope in
      guard envelope.to == ReplicaID(2) else { return true }
      late.append(envelope)
      return false
    }
    cluster.join(1, [0, 1], joiner: 2, joining: 1)
    // Messages to the joiner wait for those before them, each time four times as long, and
    // meanwhile four times as many entries are proposed. The last time there are no more.
    for round in 0...5 {
      let arriving = late
      late = []
      if round < 5 { for _ in 0..<10 << (2 * round) { cluster.propose(1, at: 0) } }
      cluster.run()
      cluster.now = cluster.now + .milliseconds(100 << (2 * round))
      for envelope in arriving {
        cluster.handle(.received(envelope.message, from: envelope.from), at: envelope.to)
      }
      cluster.run()
      #expect(cluster.core(0).report.joinerHasCaughtUp == (round == 5), "round \(round)")
    }
  }

  @Test("A change of the joiner leaves the view, its updates and its reads alone")
  func joinerAlone() {
    var cluster = Cluster(replicas: 4)
    cluster.begin(1, [0, 1])
    cluster.isolate(1)
    cluster.propose(5, at: 0)
    cluster.run()
    cluster.join(1, [0, 1], joiner: 2, joining: 1)
    #expect(cluster.core(2).status.role == "joiner")
    #expect(cluster.core(0).report.isEstablished)
    cluster.heal()
    cluster.beat(0)
    cluster.beat(0)
    #expect(cluster.updates(0) == [5])
    cluster.join(1, [0, 1], joiner: 3, joining: 2)
    #expect(cluster.core(2).status.role == "idle" && cluster.core(3).status.role == "joiner")
    cluster.propose(6, at: 0)
    cluster.run()
    #expect(cluster.updates(0) == [5, 6])
    #expect(cluster.core(2).log.lastIndex == LogIndex(1))
    #expect(cluster.core(3).log.lastIndex == LogIndex(2))
  }
}
