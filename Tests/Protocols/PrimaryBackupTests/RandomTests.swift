import Primitives
import Raft
import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import PrimaryBackup
@testable import ViewService

/// A cluster under random faults, with what must never happen checked after every step.
private struct RandomRun {
  var cluster: SupervisedCluster
  var random: RandomStream
  /// Rare cuts last long enough for the authority to remove a replica.
  let cutChance: Double
  var nextValue: UInt64 = 1
  var nextTicket: UInt64 = 1
  /// What was committed first at each index.
  var history: [UInt64] = []
  /// The highest index that a client was told of.
  var answered = 0
  /// By ticket: what had been answered when the read was asked for.
  var readFloor: [UInt64: Int] = [:]
  var readCount = 0
  var checked: [Int]
  var checkedReads: [Int]
  /// By view: who answered in it.
  var answerers: [UInt64: ReplicaID] = [:]
  var failure: String?

  init(seed: UInt64, bug: PrimaryBackupReplica.Bug?, viewBug: ViewServiceBug?) {
    cluster = SupervisedCluster(replicas: 3, bug: bug, viewBug: viewBug)
    random = RandomStream(seed: seed)
    cutChance = seed.isMultiple(of: 2) ? 0.01 : 0.003
    checked = Array(repeating: 0, count: cluster.nodes.count)
    checkedReads = checked
  }

  mutating func step() {
    let id = ReplicaID(random.below(cluster.nodes.count))
    if random.chance(cutChance) { cut(ReplicaID(random.below(3))) }
    switch random.below(1000) {
    case ..<640: deliver(id)
    case ..<655: if let k = anyMessage() { cluster.inFlight.remove(at: k) }
    case ..<670: if let k = anyMessage() { cluster.inFlight.append(cluster.inFlight[k]) }
    case ..<880: cluster.fire(.tick, at: id)
    case ..<890: cluster.fire(.consensus(.heartbeat), at: id)
    case ..<900: cluster.fire(.replica(.resend), at: id)
    case ..<904: cluster.fire(.consensus(.election), at: id)
    case ..<950: request(at: id)
    case ..<990: read(at: id)
    default: crashOrRestart(id)
    }
    check()
  }

  /// Separates a replica from the authority, from the other replicas, from both, or ends that.
  private mutating func cut(_ id: ReplicaID) {
    let others = [
      [], [], cluster.membership.authority, cluster.membership.authority,
      cluster.membership.replicas, cluster.membership.replicas + cluster.membership.authority,
    ][random.below(6)]
    cluster.delivers = {
      !($0.from == id && others.contains($0.to) || $0.to == id && others.contains($0.from))
    }
  }

  /// A message that is on its way between two nodes; those to oneself are never lost.
  private mutating func anyMessage() -> Int? {
    guard !cluster.inFlight.isEmpty else { return nil }
    let k = random.below(cluster.inFlight.count)
    return cluster.inFlight[k].from == cluster.inFlight[k].to ? nil : k
  }

  private mutating func deliver(_ id: ReplicaID) {
    guard !cluster.inFlight.isEmpty else { return }
    let k = random.below(min(cluster.inFlight.count, 8))
    cluster.inFlight.swapAt(0, k)
    cluster.run(limit: 1)
  }

  private mutating func request(at id: ReplicaID) {
    let target = random.chance(0.5) ? cluster.primary ?? id : id
    cluster.handle(.requested(batch(nextValue)), at: target)
    nextValue += 1
  }

  private mutating func read(at id: ReplicaID) {
    let target = random.chance(0.5) ? cluster.primary ?? id : id
    readFloor[nextTicket] = answered
    cluster.handle(.readRequested(ReadTicket(nextTicket)), at: target)
    nextTicket += 1
  }

  private mutating func crashOrRestart(_ id: ReplicaID) {
    if cluster.nodes[id.index].isUp {
      guard random.chance(0.3) else { return }
      crash(id)
    } else {
      restart(id)
    }
  }

  mutating func crash(_ id: ReplicaID) {
    cluster.crash(id)
    cluster.inFlight.removeAll { $0.from == id && $0.to == id }
  }

  mutating func restart(_ id: ReplicaID) {
    checked[id.index] = 0
    cluster.restart(id)
  }

  mutating func check() {
    for number in cluster.membership.replicas.indices {
      let node = cluster.nodes[number]
      if let violation = node.core.invariantViolation() { failure = failure ?? violation }
      for commit in node.commits[checked[number]...] {
        let value = commit.batch.numbers[0]
        let position = commit.index.rawValue - 1
        if position == history.count {
          history.append(value)
        } else if history[position] != value {
          failure = failure ?? "two values at \(commit.index): \(history[position]) and \(value)"
        }
        if commit.answering {
          answered = max(answered, commit.index.rawValue)
          let view = node.core.replica?.log[commit.index].view ?? 0
          if let other = answerers[view], other.index != number {
            failure = failure ?? "\(other) and \(number) both answer in view \(view)"
          }
          answerers[view] = ReplicaID(number)
        }
      }
      checked[number] = node.commits.count
      for ticket in node.reads[checkedReads[number]...] {
        readCount += 1
        if node.committedCount < readFloor[ticket.rawValue] ?? 0 {
          failure =
            failure ?? "a read at \(number) misses what was answered before it was asked for"
        }
      }
      checkedReads[number] = node.reads.count
    }
  }

  /// Ends all faults and asks for one more update.
  mutating func heal() -> Bool {
    cluster.delivers = { _ in true }
    for number in cluster.nodes.indices where !cluster.nodes[number].isUp {
      restart(ReplicaID(number))
    }
    cluster.run()
    guard cluster.settle(), let primary = cluster.primary else { return false }
    let last = nextValue
    cluster.handle(.requested(batch(last)), at: primary)
    cluster.run()
    cluster.tickAll()
    cluster.tickAll()
    check()
    return cluster.membership.replicas.allSatisfy {
      cluster.nodes[$0.index].commits.last?.batch.numbers.last == last
    }
  }
}

@Suite struct RandomTests {
  @Test(
    "Whatever is lost, doubled, reordered or restarted: one history, fresh reads, and progress",
    arguments: 1...40)
  func sweep(seed: UInt64) {
    var run = RandomRun(seed: seed, bug: nil, viewBug: nil)
    for _ in 0..<1500 where run.failure == nil { run.step() }
    #expect(run.failure == nil, "seed \(seed)")
    let isHealed = run.heal()
    #expect(isHealed, "seed \(seed) does not come to an end")
    #expect(run.failure == nil, "seed \(seed) after healing")
    #expect(run.answered > 0)
  }

  @Test(
    "The sweep finds what a mistake breaks",
    arguments: PrimaryBackupReplica.Bug.allCases.filter { $0 != .continueWithoutBackup })
  func mistakes(bug: PrimaryBackupReplica.Bug) {
    let isFound = (1...300).contains { seed in
      var run = RandomRun(seed: UInt64(seed), bug: bug, viewBug: nil)
      for _ in 0..<1500 where run.failure == nil { run.step() }
      if run.failure == nil { _ = run.heal() }
      return run.failure != nil
    }
    #expect(isFound)
  }

  @Test("A cluster without faults answers every read and update")
  func quiet() {
    var run = RandomRun(seed: 1, bug: nil, viewBug: nil)
    #expect(run.cluster.primary == ReplicaID(0))
    for value in 1...50 { run.cluster.handle(.requested(batch(UInt64(value))), at: ReplicaID(0)) }
    run.cluster.handle(.readRequested(ReadTicket(1)), at: ReplicaID(0))
    run.cluster.run()
    run.check()
    #expect(run.answered == 50)
    #expect(run.readCount == 1)
  }
}
