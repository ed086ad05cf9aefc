import Faults
import ReplicaHosting
import Replication
import Trials
import WireFormat

/// What a trial leaves behind beside the history, before anything is computed from it.
public struct TrialStock: Sendable {
  /// Counted over the measured interval, records in the log aside.
  public var nodes: [NodeUsage]
  public var faults: [InjectedFault]
  /// One per window, as it was at the window's end.
  public var leadership: [LeadershipSample]
  /// Promises that the simulator saw broken: agreement, and the cores' own invariants if asked for.
  public var violations: [String]
  /// Every request that is part of the state in which the cluster came to rest.
  public var surviving: SurvivingRequests
  /// After all faults had ended, a replica took charge and all caught up, within ten seconds.
  public var hasSettled: Bool
  /// The application and session states that replicas ended with, by how much they had applied.
  public var finalStatesAgree: Bool
  public var eventCount: Int
  public var traceHash: UInt64
}

/// The updates that made it: per client, the sequence numbers in the order of the log.
public struct SurvivingRequests: Sendable, Equatable {
  private var sequences: [[UInt64]]

  /// How many updates there are.
  public var count: Int { sequences.reduce(0) { $0 + $1.count } }

  public init(clients: Int) { sequences = Array(repeating: [], count: clients) }

  public mutating func insert(_ id: RequestID) {
    let client = Int(id.client.rawValue)
    guard client < sequences.count else { return }
    // A retry that was ordered again comes later with the same or a lower number: it changes nothing.
    if let last = sequences[client].last, last >= id.sequence { return }
    sequences[client].append(id.sequence)
  }

  public func contains(_ id: RequestID) -> Bool {
    let client = Int(id.client.rawValue)
    guard client < sequences.count else { return false }
    let list = sequences[client]
    var low = 0
    var high = list.count
    while low < high {
      let middle = (low + high) / 2
      if list[middle] < id.sequence { low = middle + 1 } else { high = middle }
    }
    return low < list.count && list[low] == id.sequence
  }
}

extension Trial {
  public func takeStock(
    usages: [NodeUsage], leadership: [LeadershipSample]
  ) -> TrialStock {
    let replicas = setup.membership.replicas.map(\.index)
    let survivor =
      leader() ?? replicas.max { nodes[$0].commits.count < nodes[$1].commits.count } ?? 0
    var surviving = SurvivingRequests(clients: setup.clients)
    for batch in nodes[survivor].commits {
      var reader = batch.makeReader()
      while let id = reader.next() { surviving.insert(id) }
    }
    return TrialStock(
      nodes: zip(nodes, usages).map { node, used in
        var usage = used
        usage.logRecords = node.log.count
        return usage
      },
      faults: injected, leadership: leadership,
      violations: world.violations, surviving: surviving, hasSettled: hasSettled,
      finalStatesAgree: finalStatesAgree(replicas), eventCount: eventCount, traceHash: traceHash)
  }

  /// Replicas that applied equally much have equal states.
  public func finalStatesAgree(_ replicas: [Int]) -> Bool {
    var states: [(applied: LogIndex, digest: [UInt8])] = []
    for replica in replicas {
      let host = nodes[replica].host
      let state = host.snapshot()
      for other in states where other.applied == host.appliedIndex && other.digest != state {
        return false
      }
      states.append((host.appliedIndex, state))
    }
    return true
  }
}
