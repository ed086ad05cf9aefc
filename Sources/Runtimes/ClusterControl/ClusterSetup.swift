import Clients
import ClusterMessages
import Environments
import Primitives
import Replication
import Trials

/// The settings of a trial on a real cluster, apart from the load.
package struct ClusterSetup: Sendable {
  package var cluster: String
  package var protocolName: String
  package var membership: Membership
  /// Where the nodes listen, by number: replicas first, then the authority.
  package var endpoints: [Endpoint]
  package var plan = TrialPlan()
  /// How long to wait for a leader before the trial.
  package var patience = Interval.seconds(10)
  /// How long clients may load keys before the trial.
  package var patienceForLoading = Interval.seconds(600)
  /// How long to wait after the trial for the cluster to settle, and for its data to be read back.
  package var patienceAtEnd = Interval.seconds(20)
  package var clocks = ClockModel()
  /// Distinguishes this trial's clients from all others that have ever used this cluster.
  package var firstClient: UInt64 = 0
  /// The cluster's secret, which the runner shows to the nodes.
  package var secret: [UInt8] = []

  package init(
    cluster: String, protocolName: String, membership: Membership, endpoints: [Endpoint]
  ) {
    self.cluster = cluster
    self.protocolName = protocolName
    self.membership = membership
    self.endpoints = endpoints
  }
}
