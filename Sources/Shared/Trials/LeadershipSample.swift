import Faults
import Replication

/// The replica in charge from a given time on.
public struct LeadershipSample: Sendable, Equatable {
  /// Nanoseconds since the trial began.
  public var timeNs: Int64
  /// nil if no replica was in charge, as far as the runtime knew.
  public var leader: Int?
  /// The leader's term, ballot or view; without a leader, that of the last leader.
  public var epoch: UInt64
  /// The highest term, ballot or view that any replica had heard of. It rises when a replica tries
  /// to take charge.
  public var newestEpoch: UInt64

  public init(timeNs: Int64, leader: Int?, epoch: UInt64, newestEpoch: UInt64? = nil) {
    self.timeNs = timeNs
    self.leader = leader
    self.epoch = epoch
    self.newestEpoch = newestEpoch ?? epoch
  }
}

/// The replicas in charge during a trial: the first sample, and each sample that differs from the
/// one before.
public struct LeadershipLog: Sendable {
  public private(set) var samples: [LeadershipSample] = []

  public init() {}

  /// - Parameters:
  ///   - nodes: the last known state of each node, by number.
  ///   - time: by the trial's clock; not before the time of the last call.
  public mutating func note(
    _ nodes: [NodeView], _ targeting: FaultTargeting, at time: Instant
  ) {
    let leader = targeting.leader(among: nodes)
    let last = samples.last
    let epoch = leader.flatMap { nodes[$0].status?.epoch } ?? last?.epoch ?? 0
    var newestEpoch: UInt64 = 0
    for replica in targeting.membership.replicas where nodes[replica.index].isUp {
      newestEpoch = max(newestEpoch, nodes[replica.index].status?.epoch ?? 0)
    }
    if let last, last.leader == leader, last.epoch == epoch, last.newestEpoch == newestEpoch {
      return
    }
    samples.append(
      LeadershipSample(
        timeNs: time.nanoseconds, leader: leader, epoch: epoch, newestEpoch: newestEpoch))
  }
}
