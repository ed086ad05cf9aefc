import Replication

/// The faults of a trial and their times; the script is the same for every protocol.
public struct FaultScript: Sendable, Equatable {
  public var timed: [TimedFault]
  public var chaos: [Chaos]

  public init(timed: [TimedFault] = [], chaos: [Chaos] = []) {
    self.timed = timed
    self.chaos = chaos
  }
}

/// One fault: it starts at `at` (since the start of the trial) and ends after `duration`, or never
/// if that is `nil`.
public struct TimedFault: Sendable, Equatable {
  public var at: Interval
  public var duration: Interval?
  public var action: FaultAction
  /// The name that the experiment gives to it, if any.
  public var name: String?

  public init(at: Interval, duration: Interval?, action: FaultAction, name: String? = nil) {
    self.at = at
    self.duration = duration
    self.action = action
    self.name = name
  }

  public var end: Interval? { duration.map { at + $0 } }
}

/// The nodes that a fault hits. It is resolved when the fault fires, with the trial's own random
/// stream.
public enum FaultTarget: Sendable, Equatable, CustomStringConvertible {
  /// The replica in charge: Raft leader, distinguished proposer, primary, head.
  case leader
  /// The last replica of a chain; in other protocols the replica in charge.
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
  /// All nodes of the authority; in protocols without an authority no node.
  case authority
  /// One node of the authority, counted from 0.
  case authorityNode(Int)
  /// The nodes of all these targets, each once. Random targets are drawn from the nodes that the
  /// other targets leave.
  case several([FaultTarget])

  /// The names that experiment files use, except numbers.
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

  /// Whether it needs an authority to hit any node.
  public var needsAuthority: Bool {
    switch self {
    case .authority, .authorityNode: true
    case .several(let targets): targets.contains(where: \.needsAuthority)
    default: false
    }
  }
}

/// The part of a crashed node's disk that survives.
public enum DiskFate: String, Sendable, CaseIterable {
  /// Everything that was synced.
  case kept
  /// Everything that was synced, and a random part of what was being written.
  case torn
  /// The disk is lost: the replica restarts with an empty disk under its old name. A protocol is
  /// safe then only if it replaces such a replica (`ReplicaCore.replacesLostReplicas`).
  case lost
}

/// The links that a partition cuts. Clients still reach every replica, as in Jepsen's tests, unless
/// the partition names clients.
public enum PartitionShape: Sendable, Equatable {
  /// The target against all others.
  case isolate(FaultTarget)
  /// The replica in charge, with enough others to form the largest minority, against the rest.
  case minorityWithLeader
  /// Every replica sees a majority, and no two see the same one: each loses the replicas opposite
  /// it in a ring.
  case majorityRing
  /// Two halves; only one random replica can reach both.
  case bridge
  /// The target can send but hears nothing, or the reverse.
  case oneWay(FaultTarget, OneWayDirection)
  /// Replicas without a group in common do not reach each other; a replica outside the groups is
  /// alone, and one in two groups reaches both.
  /// The authority is with the largest group. Clients reach all replicas, or those of one group.
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

/// Impairments of all links to and from the target, in addition to the network's own behaviour.
public struct LinkDegradation: Sendable, Equatable {
  public var loss = 0.0
  public var duplicate = 0.0
  public var reorder = 0.0
  /// The share of messages in which bytes are damaged. The checksum detects the damage, so they
  /// count as lost.
  public var corrupt = 0.0
  /// Added to each message's one-way latency.
  public var extraLatency = Interval.zero
  /// The bandwidth of the target's interface in each direction, in bits per second; it only has an
  /// effect below the interface's own.
  public var bandwidth: Double?

  public init() {}

  public var changesNothing: Bool { self == LinkDegradation() }

  /// Nanoseconds per byte at the degradation's bandwidth; 0 without a limit.
  public var nanosecondsPerByte: Double { bandwidth.map { 8e9 / $0 } ?? 0 }

  /// Combines this with another degradation that is active at the same time: shares and latencies
  /// add up, and the lower bandwidth counts. Shares may thus exceed 1.
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
  /// The clock runs fast by this share (slow if negative) while the fault lasts.
  case drift(Double)
}

public enum DiskFault: Sendable, Equatable {
  /// Every sync takes longer by this time.
  case slow(Interval)
  /// No sync ends while the fault lasts.
  case stall
  /// The next sync fails with an input/output error, and the replica stops. This and the following
  /// cases exist only in the cluster runtime.
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

  /// The part of a crashed node's disk that survives; `nil` for other faults.
  public var diskFate: DiskFate? {
    if case .crash(_, let disk) = self { disk } else { nil }
  }

  /// The target as written in the experiment file.
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

  /// The target, if the action has one.
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
