import PrimaryBackup
import ProtocolTesting
import Replication
import SteppedCluster
import ViewService

typealias Cluster = InProcessCluster<PrimaryBackupReplica>

extension InProcessCluster where Core == PrimaryBackupReplica {
  init(
    replicas: Int = 3, bug: PrimaryBackupReplica.Bug? = nil, inFlightBytes: Int = 4 << 20
  ) {
    var options = Core.Options()
    options.bug = bug
    options.inFlightBytes = inFlightBytes
    self.init(membership: Membership(replicas: replicas), options: options)
  }

  /// Tells the given replicas, or all members and the joiner, of a view; delivers nothing.
  mutating func announce(
    _ number: UInt64, _ members: [ReplicaID], joiner: ReplicaID? = nil, to told: [ReplicaID]? = nil
  ) {
    let view = View(number: number, members: members, joiner: joiner)
    for id in told ?? members + (joiner.map { [$0] } ?? []) { adopt(view, at: id) }
  }

  /// The same, with all messages delivered.
  mutating func begin(
    _ number: UInt64, _ members: [ReplicaID], joiner: ReplicaID? = nil, to told: [ReplicaID]? = nil
  ) {
    announce(number, members, joiner: joiner, to: told)
    run()
  }

  /// Tells the given replicas, or all, of another joiner in a view, and delivers everything.
  mutating func join(
    _ number: UInt64, _ members: [ReplicaID], joiner: ReplicaID?, joining: UInt64,
    to told: [ReplicaID]? = nil
  ) {
    let view = View(number: number, members: members, joiner: joiner, joining: joining)
    for id in told ?? membership.replicas {
      if core(id).status.epoch == number {
        perform(at: id) { core, now, effects in
          core.changeJoiner(to: view, at: now, into: &effects)
        }
      } else {
        adopt(view, at: id)
      }
    }
    run()
  }

  mutating func beat(_ id: ReplicaID) {
    fire(.resend, at: id)
    run()
  }
}

/// What one entry of a test's batch takes on the wire.
let entryBytes = ViewEntry(view: 1, batch: batch(1)).encodedByteCount
