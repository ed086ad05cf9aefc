import SteppedCluster
import PrimaryBackup
import Raft
import ProtocolTesting
import Replication
import ViewService

typealias SupervisedPrimaryBackup = WithAuthority<PrimaryBackupReplica, RaftReplica>
typealias SupervisedCluster = InProcessCluster<SupervisedPrimaryBackup>

/// The timers that fire again and again while nothing fails.
let beats: [SupervisedPrimaryBackup.Timer] = [.tick, .consensus(.heartbeat), .replica(.resend)]

extension InProcessCluster where Core == SupervisedPrimaryBackup {
  /// Three authority nodes after `replicas` replicas, with an authority leader and, after a few
  /// ticks, an established view.
  init(
    replicas: Int, keepsHistory: Bool = true, bug: PrimaryBackupReplica.Bug? = nil,
    viewBug: ViewServiceBug? = nil
  ) {
    var options = Core.Options()
    options.replica.bug = bug
    options.bug = viewBug
    self.init(
      membership: Membership(replicas: replicas, authority: 3), options: options,
      keepsHistory: keepsHistory)
    run()
    settle()
  }

  /// Elects an authority leader, if there is none, and ticks until a view of all live replicas is
  /// established. Returns whether it was.
  @discardableResult
  mutating func settle() -> Bool {
    for round in 0..<60 {
      if !membership.authority.contains(where: leads), round % 5 == 0 {
        fire(.consensus(.election), at: membership.authority[round / 5 % 3])
        run()
      }
      tick(beats)
      guard let leader = membership.authority.first(where: leads) else { continue }
      let view = nodes[leader.index].core.view
      let live = membership.replicas.filter { nodes[$0.index].isUp }
      if nodes[leader.index].core.isEstablished, view.joiner == nil,
        live.allSatisfy({ view.members.contains($0) && nodes[$0.index].core.view == view }),
        view.members.allSatisfy({ nodes[$0.index].isUp })
      {
        return true
      }
    }
    return false
  }

  func leads(_ id: ReplicaID) -> Bool {
    nodes[id.index].isUp && nodes[id.index].core.status.isCoordinator
  }

  /// The replica in charge of the newest view that any live replica works in.
  var primary: ReplicaID? {
    let live = membership.replicas.filter { nodes[$0.index].isUp }
    return live.filter { nodes[$0.index].core.status.isInCharge }
      .max { nodes[$0.index].core.status.epoch < nodes[$1.index].core.status.epoch }
  }
}
