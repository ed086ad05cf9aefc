import Clients
import ClusterMessages
import Faults
import Primitives
import Replication
import Sockets

/// What a trial on a real cluster needs to know beside the load.
public struct ClusterSetup: Sendable {
  public var cluster: String
  public var protocolName: String
  public var membership: Membership
  /// Where the nodes listen, by number: replicas first, then the authority.
  public var endpoints: [Endpoint]
  public var faults = FaultScript()
  public var clients = 32
  /// Connections to each replica that the clients share.
  public var connections = 4
  public var arrival = Arrival.closed
  public var timeout = Interval.seconds(1)
  public var thinkTime = Interval.zero
  public var warmUp = Interval.seconds(1)
  public var duration = Interval.seconds(10)
  public var window = Interval.milliseconds(100)
  /// How long to wait for somebody to be in charge before the trial.
  public var patience = Interval.seconds(10)
  /// How long to wait for the cluster to come to rest after the trial, and for what it holds.
  public var patienceAtEnd = Interval.seconds(20)
  public var maxSkew = Interval.zero
  public var maxDrift = 0.0
  public var seed: UInt64 = 1
  /// Identifies the clients of this trial among all that ever asked this cluster.
  public var firstClient: UInt64 = 0

  public init(
    cluster: String, protocolName: String, membership: Membership, endpoints: [Endpoint]
  ) {
    self.cluster = cluster
    self.protocolName = protocolName
    self.membership = membership
    self.endpoints = endpoints
  }
}

/// What a trial on a real cluster leaves behind beside the history.
public struct ClusterStock: Sendable {
  public struct Leadership: Sendable {
    public var leader: Int?
    public var epoch: UInt64

    public init(leader: Int?, epoch: UInt64) {
      self.leader = leader
      self.epoch = epoch
    }
  }

  /// What each node did in the measured interval; records in the log count from the start.
  public var counters: [NodeCounters]
  public var faults: [Occurrence]
  /// One per window, as it was at the window's end.
  public var leadership: [Leadership]
  /// Broken promises: a core's invariant, or replicas that disagree.
  public var violations: [String]
  /// After all faults had ended, a replica took charge and all caught up.
  public var hasSettled: Bool
  /// Reads of the final state were answered for all keys.
  public var hasReadBack: Bool
  /// What the user should know: a node that would not start again, connections that sent garbage.
  public var notes: [String]

  // Public, as everything that a trial calls: an internal step keeps the optimiser from specialising the
  // trial, and the load driver in it, for the module that runs it.
  public init(
    counters: [NodeCounters], faults: [Occurrence], leadership: [Leadership],
    violations: [String], hasSettled: Bool, hasReadBack: Bool, notes: [String]
  ) {
    self.counters = counters
    self.faults = faults
    self.leadership = leadership
    self.violations = violations
    self.hasSettled = hasSettled
    self.hasReadBack = hasReadBack
    self.notes = notes
  }
}
