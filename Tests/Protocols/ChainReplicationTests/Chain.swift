import ChainReplication
import ProtocolTesting
import Replication
import SteppedCluster
import ViewService

/// A chain in one thread with a scripted authority: the test says which view follows.
struct Chain {
  var cluster: InProcessCluster<ChainReplica>
  private var script: ViewScript
  private var nextNumber: UInt64 = 1

  init(
    _ replicas: Int, bug: ChainReplica.Bug? = nil, members: [ReplicaID]? = nil,
    joiner: ReplicaID? = nil,
    page: Int = 512, inFlightBytes: Int = 4 << 20
  ) {
    var options = ChainReplica.Options()
    options.bug = bug
    options.page = page
    options.inFlightBytes = inFlightBytes
    cluster = InProcessCluster(membership: Membership(replicas: replicas), options: options)
    script = ViewScript(replicas: replicas)
    issue(members ?? cluster.membership.replicas, joiner: joiner)
  }

  var view: View { script.view }

  func core(_ id: ReplicaID) -> ChainReplica { cluster.core(id) }

  /// Issues the next view and tells it to the given replicas, by default to all.
  mutating func issue(
    _ members: [ReplicaID], joiner: ReplicaID? = nil, to told: [ReplicaID]? = nil
  ) {
    let view = script.next(members, joiner: joiner)
    for id in told ?? cluster.membership.replicas { cluster.adopt(view, at: id) }
  }

  /// Tells a replica the current view.
  mutating func tell(_ id: ReplicaID) { cluster.adopt(view, at: id) }

  /// Asks a replica for the next update, and says which one that is.
  @discardableResult
  mutating func update(at id: ReplicaID) -> Batch {
    let number = nextNumber
    nextNumber += 1
    cluster.propose(number, at: id)
    return batch(number)
  }

  mutating func read(at id: ReplicaID, _ number: UInt64 = 1) { cluster.read(number, at: id) }

  mutating func crash(_ id: ReplicaID) { cluster.crash(id) }

  mutating func restart(_ id: ReplicaID) {
    script.incarnations[id.index] += 1
    cluster.restart(id)
  }

  mutating func fire(_ id: ReplicaID) { cluster.fire(.resend, at: id) }

  mutating func loseMessages() { cluster.loseMessages() }

  func committed(_ id: ReplicaID) -> [Batch] { cluster.committed(id) }

  func answered(_ id: ReplicaID) -> [Batch] { cluster.answered(id) }

  /// Whether the replicas agree on what they have committed, those that are down included.
  var agrees: Bool { cluster.agrees }
}
