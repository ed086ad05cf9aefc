import Primitives
import ProtocolTesting
import Replication
import SteppedCluster
import Testing
import WireFormat

@testable import ViewstampedReplication

@Suite("Viewstamped replication: wire format, records, and messages that make no sense")
struct WireTests {
  typealias Message = ViewstampedReplica.Message

  private static let history = [
    Viewstamp(view: 1, op: LogIndex(3)), Viewstamp(view: 4, op: LogIndex(9)),
  ]
  private static let start = ViewstampedReplica.StartView(
    view: 4, op: LogIndex(9), commit: LogIndex(8), history: history)

  private let messages: [Message] = [
    .prepare(
      .init(
        view: 4, op: LogIndex(8), commit: LogIndex(7), readRound: 3, batches: [batch(1), .noop])),
    .prepareOK(.init(view: 4, op: LogIndex(8))),
    .commit(
      .init(view: 4, commit: LogIndex(7), op: LogIndex(8), readRound: 3, asks: true)),
    .commitOK(.init(view: 4, readRound: 3)),
    .startViewChange(5),
    .doViewChange(
      .init(
        view: 5, lastNormalView: 4, op: LogIndex(9), commit: LogIndex(7),
        history: WireTests.history, incarnations: [.init(generation: 3, start: 4), .init()])),
    .startView(WireTests.start),
    .getState(.init(view: 4, op: LogIndex(2), through: LogIndex(9), answered: 6)),
    .newState(
      .init(view: 4, op: LogIndex(2), opView: 1, answer: 7, isContinued: true, batches: [batch(1)])),
    .recovery(nonce: .init(generation: 7, start: 2)),
    .recoveryResponse(
      .init(view: 4, nonce: .init(generation: 7, start: 2), log: WireTests.start)),
    .recoveryResponse(.init(view: 4, nonce: .init(generation: 7, start: 2), log: nil)),
    .newerView(6),
    .snapshot(.received(SnapshotReference(index: LogIndex(3), epoch: 1), offset: 0, through: 9)),
  ]

  @Test("Every message survives the wire, at the length it announced")
  func messagesRoundTrip() throws {
    for message in messages {
      let bytes = message.encoded()
      #expect(bytes.count == message.encodedByteCount, "\(message)")
      #expect(try WireReader.decode(Message.self, from: bytes) == message)
      for length in 0..<bytes.count {
        #expect(throws: WireError.self) {
          try WireReader.decode(Message.self, from: Array(bytes[..<length]))
        }
      }
    }
    #expect(throws: WireError.self) { try WireReader.decode(Message.self, from: [99]) }
  }

  @Test("Every record survives the disk")
  func recordsRoundTrip() throws {
    let records: [ViewstampedReplica.Record] = [
      .view(5, lastNormal: 4), .append(at: LogIndex(7), view: 4, [batch(1), .noop]),
      .append(at: LogIndex(7), view: 4, []),
      .snapshot(SnapshotReference(index: LogIndex(3), epoch: 1)), .started(9), .recovered,
      .incarnations([.init(generation: 3, start: 4)]),
    ]
    for record in records {
      let bytes = record.encoded()
      #expect(bytes.count == record.encodedByteCount)
      #expect(try WireReader.decode(ViewstampedReplica.Record.self, from: bytes) == record)
    }
    #expect(throws: WireError.self) {
      try WireReader.decode(ViewstampedReplica.Record.self, from: [99])
    }
  }

  @Test("No message makes a replica trap, whatever its status, its sender and its numbers")
  func nonsense() {
    let views: [UInt64] = [0, 1, 2, 4, 1 << 33, 1 << 62, .max]
    let ops = [0, 1, 2, 5, 1 << 21, Int(Int64.max / 2) - 1].map { LogIndex($0) }
    var nonsense = messages
    for view in views {
      nonsense += [
        .startViewChange(view), .newerView(view), .commitOK(.init(view: view, readRound: .max)),
      ]
      for op in ops {
        let log = ViewstampedReplica.StartView(
          view: view, op: op, commit: ops.last!,
          history: [Viewstamp(view: view, op: op), Viewstamp(view: 0, op: LogIndex(1))])
        nonsense += [
          .prepare(
            .init(view: view, op: op, commit: op, readRound: .max, batches: [batch(1), batch(2)])),
          .prepareOK(.init(view: view, op: op)),
          .commit(.init(view: view, commit: op, op: op, readRound: .max, asks: true)),
          .doViewChange(
            .init(view: view, lastNormalView: .max, op: op, commit: op, history: log.history)),
          .startView(log),
          .getState(.init(view: view, op: op, through: ops.last!, answered: .max)),
          .newState(
            .init(
              view: view, op: op, opView: view, answer: .max, isContinued: false,
              batches: [batch(1)])),
          .recoveryResponse(.init(view: view, nonce: .init(generation: 7), log: log)),
        ]
      }
    }
    for seed in 1...UInt64(40) {
      var random = RandomStream(seed: seed)
      var core = ViewstampedReplica(
        id: ReplicaID(Int(seed % 3)), membership: Membership(replicas: 3),
        options: vrOptions(sticky: seed % 2 == 0))
      if seed % 5 == 0 { core.takePlace(generation: 7) }
      var effects = Effects<ViewstampedReplica>()
      var now = Instant.zero
      core.handle(.started, at: now, into: &effects)
      for _ in 0..<400 {
        now = now + .milliseconds(Int64(random.below(100)))
        let sender = ReplicaID([0, 1, 2, 3, 65535][random.below(5)])
        core.handle(
          .received(nonsense[random.below(nonsense.count)], from: sender), at: now, into: &effects)
        let timer = ViewstampedReplica.Timer.allCases[random.below(3)]
        if random.chance(0.2) { core.handle(.timerFired(timer), at: now, into: &effects) }
        core.handle(.requested(batch(1)), at: now, into: &effects)
        _ = core.status
        _ = core.invariantViolation()
      }
    }
  }
}

@Suite("Viewstamped replication: numbers that no replica can have reached")
struct OutOfReachTests {
  private let far = longestEpochJump + 1

  @Test("A view of a recovery's answer, a last normal view or a snapshot is not believed")
  func views() {
    var cluster = Cluster(3)
    cluster.bounce(2)
    cluster.nodes[2].core.takePlace(generation: 1)
    cluster.inFlight = []
    cluster.handle(.started, at: ReplicaID(2))
    cluster.inFlight = []
    let nonce = ViewstampedReplica.Incarnation(generation: 1)
    let log = ViewstampedReplica.StartView(view: 3 * far, op: .zero, commit: .zero, history: [])
    let answers: [(ReplicaID, ViewstampedReplica.StartView?)] = [(0, log), (1, nil)]
    for (sender, log) in answers {
      _ = cluster.deliver(
        .recoveryResponse(.init(view: 0, nonce: nonce, log: log)), from: sender, to: 2)
    }
    #expect(cluster.core(2).viewNumber == 0 && cluster.core(2).state == .recovering)

    // Replica 1 would lead view 1. The log of a view that has not been is no candidate.
    var change = Cluster(3)
    _ = change.deliver(
      .doViewChange(
        .init(view: 1, lastNormalView: 1, op: LogIndex(9), commit: .zero, history: [])),
      from: 2, to: 1)
    #expect(change.core(1).viewNumber == 0)
    var effects = Effects<ViewstampedReplica>()
    #expect(
      !change.nodes[2].core.install(
        SnapshotReference(index: LogIndex(9), epoch: far), from: ReplicaID(0), at: .zero,
        into: &effects))
  }

  @Test("The largest generation that a message claims of any replica can be read from it")
  func claimedGeneration() {
    typealias Incarnation = ViewstampedReplica.Incarnation
    let known = [Incarnation(), Incarnation(generation: 7), Incarnation(generation: 3)]
    let claims: [ViewstampedReplica.Message] = [
      .doViewChange(
        .init(
          view: 1, lastNormalView: 0, op: .zero, commit: .zero, history: [], incarnations: known)),
      .recovery(nonce: known[1]),
      .recoveryResponse(.init(view: 1, nonce: known[1])),
      .recoveryResponse(.init(view: 1, nonce: Incarnation(), incarnations: known)),
    ]
    #expect(claims.map { ViewstampedReplica.largestGeneration(in: $0) } == [7, 7, 7, 7])
    #expect(ViewstampedReplica.largestGeneration(in: .newerView(9)) == 0)
  }

  @Test("An incarnation is not believed, from whichever message")
  func incarnations() {
    var cluster = Cluster(3)
    let known = cluster.core(1).incarnations
    for impossible in [
      ViewstampedReplica.Incarnation(generation: 1 << 62),
      ViewstampedReplica.Incarnation(generation: 1 << 44 + 1),
      ViewstampedReplica.Incarnation(generation: 0, start: far),
    ] {
      let effects = cluster.deliver(.recovery(nonce: impossible), from: 2, to: 1)
      #expect(effects.sends.isEmpty && cluster.core(1).incarnations == known)
      _ = cluster.deliver(
        .doViewChange(
          .init(
            view: 1, lastNormalView: 0, op: .zero, commit: .zero, history: [],
            incarnations: [known[0], known[1], impossible])), from: 2, to: 1)
      #expect(cluster.core(1).incarnations == known)
    }
    let next = ViewstampedReplica.Incarnation(generation: 1 << 43)
    _ = cluster.deliver(.recovery(nonce: next), from: 2, to: 0)
    #expect(cluster.core(0).incarnations[2] == next)
  }
}

@Suite("Viewstamped replication: the log and its views")
struct LogTests {
  private func log(_ views: [UInt64]) -> ViewstampedReplica.Log {
    var log = ViewstampedReplica.Log()
    for (position, view) in views.enumerated() {
      log.append(batch(UInt64(position + 1)), in: view)
    }
    return log
  }

  @Test("History names the last operation of each view")
  func history() {
    #expect(
      log([1, 1, 3]).history == [
        Viewstamp(view: 1, op: LogIndex(2)), Viewstamp(view: 3, op: LogIndex(3)),
      ])
    #expect(log([]).history == [])
    var long = ViewstampedReplica.Log()
    for view in 1...300 as ClosedRange<UInt64> { long.append(batch(view), in: view) }
    #expect(long.history.count == 256 && long.history.last?.view == 300)
  }

  @Test(
    "Two logs are the same up to the last operation of a view that both have",
    arguments: [
      ([1, 1, 1], [1, 1, 2], 2), ([1, 1, 2, 2], [1, 1, 2], 3), ([2], [1, 1], 0), ([], [1], 0),
      ([1, 2, 2], [1, 3], 1), ([1, 2, 3], [1, 2, 3], 3),
    ] as [([UInt64], [UInt64], Int)])
  func commonPrefix(a: [UInt64], b: [UInt64], expected: Int) {
    #expect(log(a).commonPrefix(with: log(b).history, committed: .zero) == LogIndex(expected))
    #expect(log(b).commonPrefix(with: log(a).history, committed: .zero) == LogIndex(expected))
  }

  @Test("What is forgotten, cut and appended keeps views and numbers")
  func edits() {
    var log = log([1, 1, 2, 2, 4])
    log.forget(through: LogIndex(2))
    #expect(log.firstOp == LogIndex(3) && log.view(at: LogIndex(2)) == 1)
    #expect(log.view(at: LogIndex(1)) == nil && log.view(at: LogIndex(4)) == 2)
    #expect(
      log.history == [
        Viewstamp(view: 1, op: LogIndex(2)), Viewstamp(view: 2, op: LogIndex(4)),
        Viewstamp(view: 4, op: LogIndex(5)),
      ])
    log.truncate(after: LogIndex(3))
    #expect(log.lastOp == LogIndex(3) && log.lastView == 2)
    log.append(batch(9), in: 7)
    #expect(log[LogIndex(4)] == batch(9) && log.lastView == 7)
    let page = log.page(after: LogIndex(2), through: LogIndex(4), byteLimit: 1 << 20)
    #expect(page.view == 2 && page.batches == [batch(3)])
    log.forget(through: LogIndex(4))
    #expect(log.history == [Viewstamp(view: 7, op: LogIndex(4))] && log.lastOp == LogIndex(4))
    log.begin(behind: SnapshotReference(index: LogIndex(4), epoch: 7))
    #expect(log.base == LogIndex(4))
    log.begin(behind: SnapshotReference(index: LogIndex(9), epoch: 8))
    #expect(log.base == LogIndex(9) && log.lastView == 8)
  }
}
