import Clients
import Replication

/// What a client's latency consists of. The parts of an operation follow each other without gaps,
/// so that they add up to its latency.
public enum LatencyPart: String, Sendable, CaseIterable {
  /// From when the operation was due until its client sent it for the first time.
  case sending
  /// From the first attempt to the one that was answered.
  case retry
  /// Between client and node, both ways, waiting for interfaces included.
  case clientWire = "client-wire"
  /// Between nodes, waiting for interfaces and for a partition to end included.
  case nodeWire = "node-wire"
  /// Something had arrived, and a node's processor was busy or its process stood still.
  case processorWait = "processor-wait"
  case processor
  /// Records waited until an earlier sync had ended.
  case diskWait = "disk-wait"
  case disk
  /// A node waited for one of its timers.
  case timer
  /// The step began with something that is none of these: another client's request, a fault.
  case other

  public var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  public var meaning: String {
    switch self {
    case .sending: "waiting at the client to be sent for the first time"
    case .retry: "attempts before the one that was answered"
    case .clientWire:
      "on the way between client and node; on real processes also what lies unread at either end"
    case .nodeWire:
      "on the way between nodes; on real processes all the waiting for other nodes, with their "
        + "processors and disks"
    case .processorWait: "waiting for a node's processor; only in the simulation"
    case .processor: "a node's processor"
    case .diskWait: "waiting for an earlier sync of a disk; only in the simulation"
    case .disk: "a sync of a disk"
    case .timer: "waiting for a node's timer; only in the simulation"
    case .other: "behind another client's request, or a fault"
    }
  }
}

/// One of the steps that led to an answer.
public struct LatencyStep: Sendable, Equatable {
  /// The index of a `LatencyPart`.
  public var part: Int
  public var length: Interval
  /// Where the step ended; nil for a client.
  public var node: Int?

  public init(part: Int, length: Interval, node: Int? = nil) {
    self.part = part
    self.length = length
    self.node = node
  }
}

/// Where the time of one answered operation went.
public struct OperationBreakdown: Sendable, Equatable {
  public var isRead: Bool
  /// When the operation was due, in nanoseconds since the trial began.
  public var dueNs: Int64
  /// Nanoseconds of each part, in the order of `LatencyPart`. They add up to the latency.
  public var partsNs: [Int64]
  /// How much of each part was the wait for other nodes: on the way to them, at them and back. The
  /// steps lead through the member whose acknowledgement was the last one needed, so that this is
  /// the wait for the quorum's or the chain's last member.
  public var membersNs: [Int64]

  public init(isRead: Bool, dueNs: Int64, partsNs: [Int64], membersNs: [Int64]) {
    self.isRead = isRead
    self.dueNs = dueNs
    self.partsNs = partsNs
    self.membersNs = membersNs
  }

  /// - Parameter steps: without gaps, the last one first. The first step that ends at a node ends
  ///   at the one that takes the request in; steps that end at another are the wait for members.
  public init(isRead: Bool, dueNs: Int64, steps: [LatencyStep]) {
    let none = [Int64](repeating: 0, count: LatencyPart.allCases.count)
    self.init(isRead: isRead, dueNs: dueNs, partsNs: none, membersNs: none)
    let intake = steps.last { $0.node != nil }?.node
    for step in steps {
      partsNs[step.part] += step.length.nanoseconds
      if step.part == LatencyPart.nodeWire.index || step.node != nil && step.node != intake {
        membersNs[step.part] += step.length.nanoseconds
      }
    }
  }

  public var latencyNs: Int64 { partsNs.reduce(0, +) }
}

/// Where the time of the traced operations of a trial went.
public struct TimeTrace: Sendable, Equatable {
  public var operations: [OperationBreakdown] = []
  /// Traced operations that were answered so late that their causes had been forgotten.
  public var forgotten = 0

  public init() {}
}

extension RequestID {
  /// Whether the operation is among the one in `every` that are traced. Client, nodes and simulator
  /// decide it by this rule. Probes are never traced.
  @inlinable
  public func isTraced(oneIn every: UInt64) -> Bool {
    ClientNumbers.isOfLoad(client) && (client.rawValue &+ sequence) % every == 0
  }
}
