import Replication

/// What breaks when: a timed script, the same for every protocol.
public struct FaultScript: Sendable, Equatable {
  public var timed: [TimedFault]
  public var chaos: [Chaos]

  public init(timed: [TimedFault] = [], chaos: [Chaos] = []) {
    self.timed = timed
    self.chaos = chaos
  }
}

/// One fault: it starts `at` (since the start of the trial) and ends after `duration`, or never.
public struct TimedFault: Sendable, Equatable {
  public var at: Interval
  public var duration: Interval?
  public var action: FaultAction
  /// What the experiment calls it, if anything.
  public var name: String?

  public init(at: Interval, duration: Interval?, action: FaultAction, name: String? = nil) {
    self.at = at
    self.duration = duration
    self.action = action
    self.name = name
  }

  public var end: Interval? { duration.map { at + $0 } }
}

/// Whom a fault hits. Resolved when the fault fires, with the trial's own random stream.
public enum FaultTarget: Sendable, Equatable, CustomStringConvertible {
  /// Whoever is in charge: Raft leader, distinguished proposer, primary, head.
  case leader
  /// The last replica of a chain; elsewhere the replica in charge.
  case tail
  /// A random replica that is not in charge.
  case follower
  case random
  /// A random majority of the replicas.
  case majority
  /// A random largest minority of the replicas.
  case minority
  /// The authority's leader; in protocols without an authority the replica in charge.
  case coordinator
  /// All replicas. The authority's nodes are hit only by `coordinator`, `authority` and by number.
  case all
  case replica(Int)
  /// All nodes of the authority; in protocols without an authority nothing.
  case authority
  /// One of them, from 0.
  case authorityNode(Int)
  /// All of these, each node once. What is drawn is drawn among the nodes that those before leave.
  case several([FaultTarget])

  /// The names that experiment files use, numbers aside.
  public static let named: [(name: String, target: FaultTarget)] = [
    ("leader", .leader), ("tail", .tail), ("follower", .follower), ("random", .random),
    ("majority", .majority), ("minority", .minority), ("coordinator", .coordinator), ("all", .all),
    ("authority", .authority),
  ]

  public var description: String {
    switch self {
    case .replica(let number): "\(number)"
    case .authorityNode(let number): "authority:\(number)"
    case .several(let targets): targets.map(\.description).joined(separator: "+")
    default: FaultTarget.named.first { $0.target == self }!.name
    }
  }

  /// Whether it hits nobody where there is no authority.
  public var needsAuthority: Bool {
    switch self {
    case .authority, .authorityNode: true
    case .several(let targets): targets.contains(where: \.needsAuthority)
    default: false
    }
  }
}

/// What survives of a crashed node's disk.
public enum DiskFate: String, Sendable, CaseIterable {
  /// Everything that was synced.
  case kept
  /// Everything that was synced, and a random part of what was being written.
  case torn
  /// Nothing: the replica starts again with an empty disk under its old name. No protocol here
  /// promises safety then, unless it replaces such a replica. Only in the cluster runtime.
  case lost
}

/// Which links a partition cuts. Clients reach every replica throughout, as in Jepsen's tests,
/// unless the partition speaks of them.
public enum PartitionShape: Sendable, Equatable {
  /// The target against all others.
  case isolate(FaultTarget)
  /// The replica in charge with enough others to be the largest minority, against the rest.
  case minorityWithLeader
  /// Every replica sees a majority, no two the same one: each loses the replicas opposite of it in
  /// a ring.
  case majorityRing
  /// Two halves that only one random replica can reach both of.
  case bridge
  /// The target can send but hears nothing, or the reverse.
  case oneWay(FaultTarget, OneWayDirection)
  /// Replicas of different groups do not reach each other; a replica in no group is alone. The
  /// authority is with the largest group. Clients reach all replicas, or those of one group.
  case groups([[Int]], clients: Int? = nil)
  /// No client reaches the target. Nodes reach each other.
  case clients(FaultTarget)

  public static let names = [
    "isolate", "minority-with-leader", "majority-ring", "bridge", "one-way",
  ]
}

public enum OneWayDirection: String, Sendable, CaseIterable {
  /// Messages to the target are lost.
  case inbound = "in"
  /// Messages from the target are lost.
  case outbound = "out"
}

/// What happens on all links to and from the target, on top of the network's own behaviour.
public struct LinkDegradation: Sendable, Equatable {
  public var loss = 0.0
  public var duplicate = 0.0
  public var reorder = 0.0
  /// Share of messages in which bytes are damaged. The checksum finds them: they count as lost.
  public var corrupt = 0.0
  /// Added to each message's one-way latency.
  public var extraLatency = Interval.zero
  /// Of the target's interface each way, in bits per second, if lower than the interface's own.
  public var bandwidth: Double?

  public init() {}

  public var changesNothing: Bool { self == LinkDegradation() }

  /// Nanoseconds that a byte takes at the degradation's bandwidth; 0 without one.
  public var nanosecondsPerByte: Double { bandwidth.map { 8e9 / $0 } ?? 0 }

  /// Adds another degradation that holds at the same time: shares and latencies add up, the lower
  /// bandwidth counts. Shares may thus exceed 1.
  public mutating func add(_ other: LinkDegradation) {
    loss += other.loss
    duplicate += other.duplicate
    reorder += other.reorder
    corrupt += other.corrupt
    extraLatency = extraLatency + other.extraLatency
    if let limit = other.bandwidth { bandwidth = min(bandwidth ?? limit, limit) }
  }
}

public enum ClockFault: Sendable, Equatable {
  /// The clock steps by this much, forwards or backwards, and stays there.
  case jump(Interval)
  /// The clock runs fast by this share (negative: slow) while the fault lasts.
  case drift(Double)
}

public enum DiskFault: Sendable, Equatable {
  /// Every sync takes longer by this much.
  case slow(Interval)
  /// No sync ends while the fault lasts.
  case stall
  /// The next sync fails with an input/output error, and the replica stops. Only in the cluster
  /// runtime, as are the others below.
  case error
  /// The disk has no space left at the next write, and the replica stops.
  case full
  /// One bit of the log on the disk flips. The replica notices when it next starts.
  case bitRot
}

public enum FaultAction: Sendable, Equatable {
  case crash(FaultTarget, disk: DiskFate)
  case pause(FaultTarget)
  /// Everything the node computes takes `factor` times as long.
  case slowCPU(FaultTarget, factor: Double)
  case partition(PartitionShape)
  case link(FaultTarget, LinkDegradation)
  case clock(FaultTarget, ClockFault)
  case disk(FaultTarget, DiskFault)

  /// The kind's name in experiment files and in `faults.csv`.
  public var kind: String {
    switch self {
    case .crash: "crash"
    case .pause: "pause"
    case .slowCPU: "slow-cpu"
    case .partition: "partition"
    case .link: "link"
    case .clock: "clock"
    case .disk: "disk"
    }
  }

  /// The target as the experiment file wrote it.
  public var targetText: String {
    switch self {
    case .crash(let target, _), .pause(let target), .slowCPU(let target, _), .link(let target, _),
      .clock(let target, _), .disk(let target, _):
      target.description
    case .partition(.isolate(let target)): "isolate \(target)"
    case .partition(.minorityWithLeader): "minority-with-leader"
    case .partition(.majorityRing): "majority-ring"
    case .partition(.bridge): "bridge"
    case .partition(.oneWay(let target, let direction)): "one-way \(direction.rawValue) \(target)"
    case .partition(.groups(let groups, let clients)):
      groups.enumerated().map { index, group in
        (group.map(String.init) + (index == clients ? ["clients"] : [])).joined(separator: "+")
      }.joined(separator: "|")
    case .partition(.clients(let target)): "clients|\(target)"
    }
  }

  /// Whom it hits, if it hits nodes by a target.
  public var target: FaultTarget? {
    switch self {
    case .crash(let target, _), .pause(let target), .slowCPU(let target, _), .link(let target, _),
      .clock(let target, _), .disk(let target, _), .partition(.isolate(let target)),
      .partition(.oneWay(let target, _)), .partition(.clients(let target)):
      target
    case .partition: nil
    }
  }
}

/// Faults at random times: after each repair an exponential time of mean `meanTimeBetween` passes,
/// then a random kind hits a random replica for an exponential time of mean `meanTimeToRepair`.
public struct Chaos: Sendable, Equatable {
  public var meanTimeBetween: Interval
  public var meanTimeToRepair: Interval
  public var kinds: [ChaosKind]
  public var from: Interval
  public var until: Interval

  public init(
    meanTimeBetween: Interval, meanTimeToRepair: Interval, kinds: [ChaosKind], from: Interval,
    until: Interval
  ) {
    self.meanTimeBetween = meanTimeBetween
    self.meanTimeToRepair = meanTimeToRepair
    self.kinds = kinds
    self.from = from
    self.until = until
  }
}

public enum ChaosKind: String, Sendable, CaseIterable {
  case crash, pause, partition, link, clock
  case slowCPU = "slow-cpu"
  case slowDisk = "slow-disk"
}
