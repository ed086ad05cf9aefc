import Faults
import ReplicaHosting
import Replication
import WireFormat

/// What a trial leaves behind beside the history, before anything is computed from it.
public struct TrialStock: Sendable {
  public struct Node: Sendable {
    public var isAuthority: Bool
    public var messagesSent: Int
    public var messagesReceived: Int
    public var bytesSent: Int
    public var bytesReceived: Int
    public var syncs: Int
    public var bytesWritten: Int
    public var busy: Interval
    /// Records on the disk at the end.
    public var logRecords: Int
  }

  public struct Fault: Sendable {
    public var kind: String
    public var target: String
    public var nodes: [Int]
    public var start: Interval
    public var end: Interval?
  }

  public struct Leadership: Sendable {
    public var leader: Int?
    public var epoch: UInt64
  }

  public var nodes: [Node]
  public var faults: [Fault]
  /// One per window, as it was at the window's end.
  public var leadership: [Leadership]
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
    counters: [NodeCounters], leadership: [(leader: Int?, epoch: UInt64)]
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
      nodes: nodes.map { node in
        let used = counters[node.number]
        return TrialStock.Node(
          isAuthority: setup.membership.authority.contains(ReplicaID(node.number)),
          messagesSent: used.messagesSent, messagesReceived: used.messagesReceived,
          bytesSent: used.bytesSent, bytesReceived: used.bytesReceived, syncs: used.syncs,
          bytesWritten: used.bytesWritten, busy: Interval(nanoseconds: used.busy),
          logRecords: node.log.count)
      },
      faults: occurrences.map { fault in
        TrialStock.Fault(
          kind: fault.kind, target: fault.target, nodes: fault.nodes,
          start: Interval(nanoseconds: fault.start),
          end: fault.end.map { Interval(nanoseconds: $0) })
      },
      leadership: leadership.map { TrialStock.Leadership(leader: $0.leader, epoch: $0.epoch) },
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
