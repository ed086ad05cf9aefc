import Clients
import ClusterMessages
import Environments
import Primitives
import Replication
import Trials

/// What a trial on a real cluster needs to know beside the load.
public struct ClusterSetup: Sendable {
  public var cluster: String
  public var protocolName: String
  public var membership: Membership
  /// Where the nodes listen, by number: replicas first, then the authority.
  public var endpoints: [Endpoint]
  public var plan = TrialPlan()
  /// How long to wait for somebody to be in charge before the trial.
  public var patience = Interval.seconds(10)
  /// How long clients may load keys before the trial.
  public var patienceForLoading = Interval.seconds(600)
  /// How long to wait for the cluster to come to rest after the trial, and for what it holds.
  public var patienceAtEnd = Interval.seconds(20)
  public var clocks = ClockModel()
  /// Identifies the clients of this trial among all that ever asked this cluster.
  public var firstClient: UInt64 = 0
  /// What shows the nodes that the runner is one of theirs.
  public var secret: [UInt8] = []

  public init(
    cluster: String, protocolName: String, membership: Membership, endpoints: [Endpoint]
  ) {
    self.cluster = cluster
    self.protocolName = protocolName
    self.membership = membership
    self.endpoints = endpoints
  }
}
