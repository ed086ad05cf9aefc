import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import ViewstampedReplication

@Suite("Viewstamped replication: state transfer and checkpoints (§5.1, §5.2)")
struct TransferTests {
  private func requests(in cluster: Cluster) -> [ViewstampedReplica.GetState] {
    cluster.inFlight.compactMap {
      if case .getState(let message) = $0.message { message } else { nil }
    }
  }

  /// A cluster in which b has found that it lacks an operation, and messages of a kind are lost.
  private func clusterWithGap(
    losing isLost: @escaping (ViewstampedReplica.Message) -> Bool
  ) -> Cluster {
    var cluster = Cluster(3)
    cluster.propose(1, at: a)
    cluster.inFlight.removeAll { $0.to == b }
    cluster.propose(2, at: a)
    cluster.delivers = { !isLost($0.message) }
    cluster.run()
    return cluster
  }

  private func isAnswer(_ message: ViewstampedReplica.Message) -> Bool {
    if case .newState = message { true } else { false }
  }

  private func isQuestion(_ message: ViewstampedReplica.Message) -> Bool {
    if case .getState = message { true } else { false }
  }

  @Test("What is missing before a Prepare is asked for at once, and sent once")
  func gap() {
    var cluster = Cluster(3)
    cluster.propose(1, at: a)
    cluster.inFlight.removeAll { $0.to == b }
    for number in 2...4 as ClosedRange<UInt64> { cluster.propose(number, at: a) }
    var carried = 0
    var asked: [ViewstampedReplica.GetState] = []
    cluster.delivers = { envelope in
      switch envelope.message {
      case .newState(let page): carried += page.batches.count
      case .getState(let request): asked.append(request)
      default: break
      }
      return true
    }
    cluster.run()
    #expect(asked.first == .init(view: 0, op: .zero, through: LogIndex(1), answered: 0))
    #expect(carried == 1 && cluster.core(b).log.lastOp == LogIndex(4))
    #expect(cluster.committed(a).count == 4)
  }

  @Test("A Commit shows a backup that the last Prepare was lost")
  func heartbeat() {
    var cluster = Cluster(3)
    cluster.propose(1, at: a)
    cluster.inFlight.removeAll { $0.from != $0.to }
    cluster.run()
    #expect(cluster.committed(a).isEmpty)
    cluster.heartbeat(from: a)
    #expect(cluster.committed(a) == [batch(1)])
  }

  @Test("A Commit asks for the PrepareOK that was lost")
  func lostPrepareOK() {
    var cluster = Cluster(3)
    cluster.delivers = { envelope in
      if case .prepareOK = envelope.message { return false }
      return true
    }
    cluster.propose(1, at: a)
    cluster.run()
    cluster.heal()
    cluster.heartbeat(from: a)
    #expect(cluster.committed(a) == [batch(1)])
  }

  @Test("A GetState that is lost is sent again in its time, if no later message shows the loss")
  func again() {
    var cluster = clusterWithGap(losing: isQuestion)
    #expect(cluster.core(b).transfer != nil)
    cluster.heal()
    cluster.run()
    #expect(cluster.core(b).log.lastOp == .zero)
    cluster.fire(.retransmission, at: b)
    #expect(requests(in: cluster).count == 1)
    cluster.run()
    #expect(cluster.core(b).log.lastOp == LogIndex(2) && cluster.core(b).transfer == nil)
  }

  @Test("A Prepare that leaves after the lost answer to a GetState asks again, without a timer")
  func lostAnswer() {
    var cluster = clusterWithGap(losing: isAnswer)
    cluster.heal()
    cluster.propose(3, at: a)
    cluster.run()
    #expect(cluster.core(b).log.lastOp == LogIndex(3) && cluster.core(b).transfer == nil)
  }

  @Test("Until the end of an answer has come, only that end is sent, however long it takes")
  func answeredOnce() throws {
    var cluster = Cluster(3)
    for number in 1...5 as ClosedRange<UInt64> { cluster.propose(number, at: a) }
    func answer(to answered: UInt64) throws -> ViewstampedReplica.NewState {
      let question = ViewstampedReplica.GetState(
        view: 0, op: .zero, through: LogIndex(5), answered: answered)
      let sends = cluster.deliver(.getState(question), from: b, to: a).earlySends
      guard sends.count == 1, case .newState(let page) = sends[0].message else {
        throw WrongAnswer(count: sends.count)
      }
      #expect(!page.isContinued)
      return page
    }
    let first = try answer(to: 0)
    #expect(first.batches.count == 5 && first.answer == 1)
    cluster.now = cluster.now + .seconds(10)
    let end = try answer(to: 0)
    #expect(end.batches.isEmpty && end.answer == 1)
    let second = try answer(to: 1)
    #expect(second.batches.count == 5 && second.answer == 2)
    #expect(try answer(to: 1).batches.isEmpty)
    // A member that names an impossible answer stops nothing.
    #expect(try answer(to: .max).batches.count == 5)
    #expect(try answer(to: 7).batches.count == 5)
  }

  private struct WrongAnswer: Error { let count: Int }

  @Test("The end of an answer that comes without the pages asks once more, but not twice")
  func endWithoutPages() {
    var cluster = clusterWithGap(losing: isAnswer)
    #expect(cluster.core(b).transfer != nil)
    let end = ViewstampedReplica.NewState(
      view: 0, op: .zero, opView: 0, answer: 1, isContinued: false, batches: [])
    func questions() -> [UInt64] {
      cluster.deliver(.newState(end), from: a, to: b).earlySends.compactMap {
        if case .getState(let question) = $0.message { question.answered } else { nil }
      }
    }
    #expect(questions() == [1])
    #expect(questions() == [])
  }

  @Test("Pages are sent as far as they may be on their way, and the last one is answered")
  func pages() {
    var options = vrOptions(messageByteLimit: 1024)
    options.inFlightBytes = 4096
    var cluster = Cluster(3, options)
    cluster.only(a, c)
    for number in 1...500 as ClosedRange<UInt64> {
      cluster.propose(number, at: a)
      cluster.run()
    }
    var asked = 0
    var carried = 0
    cluster.delivers = { envelope in
      guard envelope.from == b || envelope.to == b else { return true }
      switch envelope.message {
      case .getState: asked += 1
      case .newState(let page): carried += page.batches.count
      case .prepare(let page): carried += page.batches.count
      default: break
      }
      return true
    }
    cluster.heartbeat(from: a)
    for _ in 1...5 { cluster.heartbeat(from: a) }
    #expect(cluster.core(b).log.lastOp == LogIndex(500))
    #expect(carried == 500 && asked >= 1)
  }

  @Test("A backup that lacks what has left the log is sent the checkpoint, and goes on behind it")
  func checkpoint() {
    var cluster = Cluster(3)
    cluster.only(a, c)
    for number in 1...5 as ClosedRange<UInt64> { cluster.propose(number, at: a) }
    cluster.run()
    var reference = SnapshotReference(index: .zero, epoch: 9)
    cluster.perform(at: a) { core, _, effects in
      reference = core.checkpoint(at: LogIndex(4), into: &effects)
      core.snapshotTaken(forgettingThrough: LogIndex(4))
    }
    #expect(reference == SnapshotReference(index: LogIndex(4), epoch: 0))
    cluster.heal()
    let request = ViewstampedReplica.GetState(
      view: 0, op: .zero, through: LogIndex(5), answered: 0)
    #expect(cluster.deliver(.getState(request), from: b, to: a).snapshotRequests == [b])
    cluster.heartbeat(from: a)
    #expect(cluster.core(b).log.lastOp == .zero && cluster.core(b).transfer != nil)
    cluster.nodes[1].committedCount = 4
    cluster.perform(at: b) { core, now, effects in
      let isInstalled = core.install(reference, from: a, at: now, into: &effects)
      #expect(isInstalled)
    }
    cluster.run()
    cluster.heartbeat(from: a)
    #expect(cluster.core(b).log.lastOp == LogIndex(5) && cluster.core(b).log.base == LogIndex(4))
    #expect(cluster.core(b).commitNumber == LogIndex(5))
    #expect(cluster.core(b).invariantViolation() == nil)
    var effects = Effects<ViewstampedReplica>()
    var core = cluster.core(b)
    let isAgain = core.install(reference, from: a, at: cluster.now, into: &effects)
    #expect(!isAgain)
  }

  @Test("A checkpoint's records say all that the records before it did")
  func recordsOfCheckpoint() {
    var cluster = Cluster(3)
    cluster.crash(a)
    cluster.timeOut(b, c)
    for number in 1...6 as ClosedRange<UInt64> { cluster.propose(number, at: b) }
    cluster.run()
    var core = cluster.core(b)
    var effects = Effects<ViewstampedReplica>()
    _ = core.checkpoint(at: LogIndex(4), into: &effects)
    var fresh = ViewstampedReplica(
      id: b, membership: cluster.membership, options: cluster.options)
    for record in effects.records { fresh.recover(record) }
    core.snapshotTaken(forgettingThrough: LogIndex(4))
    #expect(fresh.durableState.difference(from: core.durableState) == nil)
    #expect(fresh.viewNumber == 1 && fresh.lastNormalView == 1 && fresh.starts == 1)
  }
}
