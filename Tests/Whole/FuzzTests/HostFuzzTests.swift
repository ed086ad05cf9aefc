import Primitives
import Replication
import StateMachines
import Stubs
import Testing
import WireFormat

@testable import ReplicaHosting

/// What a replica applies comes from other replicas, inside messages whose frames are intact.
@Suite("Fuzzing: batches and snapshots")
struct HostFuzzTests {
  @Test("A replica applies damaged batches, or refuses them, and can be restored from its snapshot")
  func batches() throws {
    let corpus = HostCorpus()
    var counts = HostCounts()
    let run = FuzzRun("HostFuzzTests/batches", label: 0xB0, permille: 60)
    try run.forEachInput { random in
      var host = corpus.hosts[random.below(corpus.hosts.count)]
      for _ in 0...random.below(3) {
        var bytes = corpus.batches[random.below(corpus.batches.count)].bytes
        let other = corpus.batches[random.below(corpus.batches.count)].bytes
        Mutation.apply(to: &bytes, other: other, random: &random)
        guard let batch = try? WireReader.decode(Batch.self, from: bytes) else {
          counts.refused += 1
          continue
        }
        guard batch.encoded() == bytes else { return "\(bytes) was accepted as \(batch.bytes)" }
        counts.accepted += 1
        host.commit(batch)
      }
      host.orderLate(random.below(3))
      return host.differenceFromRestored()
    }
    counts.check(of: run.inputCount)
  }

  @Test("A damaged snapshot is refused, or gives a state from which a replica goes on")
  func snapshots() throws {
    let corpus = HostCorpus()
    var counts = HostCounts()
    let run = FuzzRun("HostFuzzTests/snapshots", label: 0xB1, permille: 60)
    try run.forEachInput { random in
      var bytes = corpus.snapshots[random.below(corpus.snapshots.count)]
      let other = corpus.snapshots[random.below(corpus.snapshots.count)]
      Mutation.apply(to: &bytes, other: other, random: &random)
      guard var host = FuzzedHost(restoring: bytes) else {
        counts.refused += 1
        return nil
      }
      counts.accepted += 1
      if let problem = host.differenceFromRestored() { return problem }
      host.commit(corpus.batches[random.below(corpus.batches.count)])
      host.orderLate(random.below(3))
      return host.differenceFromRestored()
    }
    counts.check(of: run.inputCount)
  }
}

/// How many inputs were accepted and refused; a fuzzer whose inputs all end alike tests little.
private struct HostCounts {
  var accepted = 0
  var refused = 0

  func check(of inputCount: Int) {
    guard inputCount >= 500 else { return }
    #expect(accepted > inputCount / 50)
    #expect(refused > inputCount / 50)
  }
}

/// A replica that is given what its core would have committed.
private struct FuzzedHost {
  typealias Host = ReplicaHost<ScriptedCore, KeyValueStore>
  private(set) var host: Host

  init() {
    var limits = RequestLimits()
    limits.sessionExpiry = .seconds(60)
    host = Host(
      id: ReplicaID(0), membership: Membership(replicas: 3),
      options: ScriptedCore.Options { _, _, _ in }, seed: 1, limits: limits)
    host.start(at: .zero)
  }

  /// - Returns: `nil` if the snapshot is refused.
  init?(restoring bytes: [UInt8]) {
    self.init()
    let reference = SnapshotReference(index: LogIndex(1), epoch: 1)
    host.recoveredCheckpoints = [
      SnapshotKeeping.Checkpoint(reference: reference, firstRecord: 0, end: 1)
    ]
    guard host.recoverSnapshot(firstRecord: 0, content: { _ in bytes }) == nil else { return nil }
  }

  mutating func commit(_ batch: Batch) {
    // A damaged snapshot may claim to end with the largest index.
    guard host.appliedIndex.rawValue < 1 << 62 else { return }
    host.effects.commit(batch, at: host.appliedIndex.next, answering: true)
    host.endTurn(at: .zero + .seconds(1))
    host.clearTurn()
  }

  /// Orders a request so late that the batch begins with a time stamp, and commits it.
  mutating func orderLate(_ client: Int) {
    let now = Instant.zero + .seconds(3600)
    host.submit(
      Host.Request(
        id: RequestID(client: ClientID(UInt64(client)), sequence: 99),
        command: .put(Key("late"), value: [1])), at: now)
    host.endTurn(at: now)
    host.clearTurn()
    guard let batch = host.core.requested.last else { return }
    commit(batch)
  }

  /// The bytes of a snapshot of this replica.
  var snapshot: [UInt8] {
    var copy = host
    copy.application.beginReadout()
    var bytes = copy.encodedHead()
    while let part = copy.application.readOut(atMost: 1 << 16) { bytes += part }
    return bytes
  }

  /// The difference between this replica and one that is restored from its snapshot; `nil` if there
  /// is none.
  func differenceFromRestored() -> String? {
    guard let restored = FuzzedHost(restoring: snapshot) else {
      return "a replica refuses the snapshot of its own state"
    }
    guard restored.snapshot == snapshot else { return "the restored replica has another state" }
    return nil
  }
}

/// Replicas in several states, their snapshots, and batches that they could apply.
private struct HostCorpus {
  private(set) var hosts: [FuzzedHost] = []
  private(set) var batches: [Batch] = []
  var snapshots: [[UInt8]] { hosts.map(\.snapshot) }

  init() {
    let commands = KeyValueSamples.commands
    batches = [HostCorpus.batch(commands, from: 1), .noop]
    for command in commands { batches.append(HostCorpus.batch([command], from: 40)) }
    for seconds in [5, 30, 200, 1 << 31] as [UInt64] {
      let stamp = SessionStamp(time: seconds * 1_000_000_000, expiry: 60_000_000_000)
      batches.append(HostCorpus.batch(commands, from: seconds, stamp: stamp, continues: true))
      batches.append(HostCorpus.batch([], from: 0, stamp: stamp))
    }
    let puts = (0..<20).map {
      KeyValueCommand.put(Key("key \($0)"), value: [UInt8](repeating: 7, count: 3 * $0))
    }
    hosts = [FuzzedHost()]
    // Without time stamps, then with several periods of sessions, then after some have expired.
    for count in [2, batches.count - 4, batches.count] {
      var host = FuzzedHost()
      for batch in batches.prefix(count) { host.commit(batch) }
      host.commit(HostCorpus.batch(puts, from: 900))
      hosts.append(host)
    }
  }

  private static func batch(
    _ commands: [KeyValueCommand], from first: UInt64, stamp: SessionStamp? = nil,
    continues: Bool = false
  ) -> Batch {
    var builder = BatchBuilder()
    if let stamp { builder.append(stamp) }
    for (place, command) in commands.enumerated() {
      builder.append(
        RequestID(client: ClientID(first + UInt64(place)), sequence: first), command,
        continues: continues && place % 3 == 0)
    }
    return builder.build()
  }
}
