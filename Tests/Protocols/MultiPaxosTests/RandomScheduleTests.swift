import Primitives
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

private struct Acceptance: Hashable {
  var slot: LogIndex
  var ballot: Ballot
}

/// A world drawn from one seed: messages in any order, lost and doubled, disks that lag, processes
/// that crash and come back, timers that fire at any moment.
struct RandomWorld {
  var cluster: Cluster
  var random: RandomStream
  /// The value of each slot at its first commit anywhere.
  var chosen: [Batch] = []
  /// How many commits of each replica have been compared, since its last start.
  var compared: [Int]
  var proposed = 0
  /// When each ticket was asked for, and how much was acknowledged by then.
  var acknowledgedAtRead: [Int] = []
  var acknowledged = 0
  var answeredReads: [Int]
  /// What was accepted in each ballot and slot, anywhere, and how many records have been compared.
  private var accepted: [Acceptance: Batch] = [:]
  private var comparedRecords: [Int]
  /// Whether a crash may take the disk of a minority.
  private let losesDisks: Bool
  /// How many disks each replica has lost.
  private(set) var generations: [UInt64]
  /// Cut off from all others.
  private var isolated: ReplicaID?
  var complaint: String?

  init(
    seed: UInt64, replicas: Int, bug: MultiPaxosReplica.Bug? = nil, losesDisks: Bool = false
  ) {
    self.losesDisks = losesDisks
    generations = Array(repeating: 0, count: replicas)
    cluster = Cluster(replicas, bug: bug, window: 8, queue: 8)
    random = RandomStream(seed: seed)
    compared = Array(repeating: 0, count: replicas)
    answeredReads = compared
    comparedRecords = compared
  }

  var replicaCount: Int { cluster.nodes.count }

  mutating func step() {
    let id = ReplicaID(random.below(replicaCount))
    switch random.below(404) {
    case 0..<320: deliver()
    case 320..<350:
      proposed += 1
      cluster.request(proposed, at: inCharge ?? id)
    case 350..<360:
      acknowledgedAtRead.append(acknowledged)
      cluster.handle(
        .readRequested(ReadTicket(UInt64(acknowledgedAtRead.count - 1))), at: inCharge ?? id)
    case 360..<370: cluster.fire(random.chance(0.8) ? .heartbeat : .resend, at: id)
    case 370..<374: cluster.fire(.election, at: id)
    case 374..<382: cluster.nodes[id.index].holdsDisk = true
    case 382..<398: cluster.releaseDisk(id)
    case 398..<402: isolated = isolated == nil ? id : nil
    default:
      if cluster.nodes[id.index].isUp {
        cluster.crash(id)
        if losesDisks { loseDisk(id) }
      } else {
        restart(id)
      }
    }
    compare()
  }

  /// Any of those who believe to be in charge.
  private var inCharge: ReplicaID? {
    mutating get {
      let claims = cluster.nodes.indices.filter {
        cluster.nodes[$0].isUp && cluster.nodes[$0].core.status.isInCharge
      }
      return claims.isEmpty ? nil : ReplicaID(claims[random.below(claims.count)])
    }
  }

  mutating func restart(_ id: ReplicaID) {
    compared[id.index] = 0
    cluster.restart(id, generation: generations[id.index])
  }

  /// The crashed replica has lost its disk, unless that would leave no majority of acceptors.
  private mutating func loseDisk(_ id: ReplicaID) {
    let learners = cluster.nodes.indices.filter {
      $0 != id.index && cluster.nodes[$0].core.isLearner
    }
    guard random.chance(0.6), learners.count + 1 <= (replicaCount - 1) / 2 else { return }
    generations[id.index] += 1
    cluster.nodes[id.index].core.isLearner = true
    cluster.nodes[id.index].records = []
    comparedRecords[id.index] = 0
  }

  /// Delivers, loses or doubles one message on its way, whichever it is.
  private mutating func deliver() {
    guard !cluster.inFlight.isEmpty else { return }
    let index = random.below(min(cluster.inFlight.count, 40))
    let envelope = cluster.inFlight[index]
    if envelope.from != envelope.to {
      if random.chance(0.03) { return }
      if random.chance(0.95) { cluster.inFlight.remove(at: index) }
      if random.chance(0.05) { return }
    } else {
      cluster.inFlight.remove(at: index)
    }
    if let isolated, (envelope.from == isolated) != (envelope.to == isolated) { return }
    cluster.handle(.received(envelope.message, from: envelope.from), at: envelope.to)
  }

  mutating func compare() {
    for (number, node) in cluster.nodes.enumerated() {
      while compared[number] < node.commits.count {
        let commit = node.commits[compared[number]]
        if compared[number] == chosen.count {
          chosen.append(commit.batch)
        } else if chosen[compared[number]] != commit.batch {
          complaint = complaint ?? "replica \(number) differs in slot \(commit.index)"
        }
        compared[number] += 1
        if commit.answering { acknowledged = max(acknowledged, compared[number]) }
      }
      while answeredReads[number] < node.reads.count {
        let ticket = Int(node.reads[answeredReads[number]].rawValue)
        answeredReads[number] += 1
        if node.commits.count < acknowledgedAtRead[ticket] {
          complaint = complaint ?? "replica \(number) answered a read from the past"
        }
      }
      while comparedRecords[number] < node.records.count {
        compare(node.records[comparedRecords[number]])
        comparedRecords[number] += 1
      }
      if node.isUp, let violation = node.core.invariantViolation() {
        complaint = complaint ?? violation
      }
    }
  }

  /// Within a ballot all acceptors accept the same value in a slot.
  private mutating func compare(_ record: MultiPaxosReplica.Record) {
    guard case .accepted(let slot, let ballot, let value) = record, ballot != .chosen else {
      return
    }
    let first = accepted[Acceptance(slot: slot, ballot: ballot)]
    if let first, first != value {
      complaint = complaint ?? "ballot \(ballot) has two values in slot \(slot)"
    }
    accepted[Acceptance(slot: slot, ballot: ballot)] = value
  }

  /// Ends all faults and lets one replica lead until all agree on everything.
  mutating func calm() {
    isolated = nil
    for number in 0..<replicaCount where !cluster.nodes[number].isUp { restart(ReplicaID(number)) }
    for number in 0..<replicaCount { cluster.releaseDisk(ReplicaID(number)) }
    for _ in 0..<60 {
      cluster.run(limit: 20_000)
      for number in 0..<replicaCount {
        cluster.fire(.heartbeat, at: ReplicaID(number))
        cluster.fire(.resend, at: ReplicaID(number))
      }
      cluster.run(limit: 20_000)
      if !cluster.nodes.contains(where: { $0.core.status.isInCharge }) {
        cluster.fire(.election, at: ReplicaID(random.below(replicaCount)))
      }
      compare()
    }
  }
}

@Suite("Multi-Paxos under random schedules")
struct RandomScheduleTests {
  @Test("Replicas agree under loss, reordering, crashes and slow disks", arguments: [3, 5])
  func agreement(replicas: Int) {
    var chosenInTotal = 0
    for seed in 1...UInt64(30) {
      var world = RandomWorld(seed: seed, replicas: replicas)
      for _ in 0..<2500 { world.step() }
      chosenInTotal += world.chosen.count
      world.calm()
      #expect(world.complaint == nil, "seed \(seed), \(replicas) replicas")
      expectService(in: &world, "seed \(seed), \(replicas) replicas")
    }
    #expect(chosenInTotal > 500, "the schedules must choose something")
  }

  @Test(
    "Replicas agree although crashes take disks of a minority, again and again", arguments: [3, 5])
  func lostDisks(replicas: Int) {
    var lost: UInt64 = 0
    var chosen = 0
    for seed in 1...UInt64(60) {
      var world = RandomWorld(seed: seed, replicas: replicas, losesDisks: true)
      for _ in 0..<4000 { world.step() }
      lost += world.generations.reduce(0, +)
      chosen += world.chosen.count
      world.calm()
      #expect(world.complaint == nil, "seed \(seed), \(replicas) replicas")
      expectService(in: &world, "seed \(seed), \(replicas) replicas")
      #expect(world.cluster.nodes.allSatisfy { !$0.core.isLearner }, "seed \(seed)")
    }
    #expect(lost > 60 && chosen > 500, "\(lost) disks were lost, \(chosen) values chosen")
  }

  /// Liveness: once the faults end, a new value is chosen and everybody learns it.
  private func expectService(in world: inout RandomWorld, _ name: String) {
    guard let leader = world.cluster.nodes.firstIndex(where: { $0.core.status.isInCharge }) else {
      Issue.record("\(name): nobody leads after the faults")
      return
    }
    world.cluster.request(1_000_000, at: ReplicaID(leader))
    world.calm()
    for node in world.cluster.nodes {
      #expect(node.commits.last?.batch == batch(1_000_000), "\(name)")
    }
  }

  /// These need a restart, or three leaders, between two messages of one slot; SafetyRuleTests
  /// bring that about step by step.
  private static let rare: Set<MultiPaxosReplica.Bug> = [
    .reuseBallot, .volatilePromise, .countAcrossBallots,
  ]

  @Test(
    "Random schedules catch a replica without one of its rules",
    arguments: MultiPaxosReplica.Bug.allCases.filter { !rare.contains($0) })
  func catches(bug: MultiPaxosReplica.Bug) {
    for seed in 1...UInt64(200) {
      for replicas in [3, 5] {
        var world = RandomWorld(
          seed: seed, replicas: replicas, bug: bug, losesDisks: bug == .forgetfulAcceptor)
        for _ in 0..<2500 where world.complaint == nil { world.step() }
        if world.complaint == nil { world.calm() }
        if world.complaint != nil { return }
      }
    }
    Issue.record("\(bug.rawValue) was not caught")
  }
}
