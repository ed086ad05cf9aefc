import ChainReplication
import SteppedCluster
import Replication
import ViewService

/// A chain in one thread with a scripted authority: the test says which view follows.
struct Chain {
  var cluster: InProcessCluster<ChainReplica>
  var view: View
  private var nextSequence: UInt64 = 1
  private var incarnations: [UInt64]

  init(
    _ replicas: Int, bug: ChainReplica.Bug? = nil, members: [Int]? = nil, joiner: Int? = nil,
    page: Int = 512, inFlightBytes: Int = 4 << 20
  ) {
    var options = ChainReplica.Options()
    options.bug = bug
    options.page = page
    options.inFlightBytes = inFlightBytes
    incarnations = Array(repeating: 1, count: replicas)
    cluster = InProcessCluster(membership: Membership(replicas: replicas), options: options)
    view = View(
      number: 1, members: (members ?? Array(0..<replicas)).map { ReplicaID($0) },
      joiner: joiner.map { ReplicaID($0) })
    for id in cluster.membership.replicas { cluster.adopt(view, at: id) }
  }

  func core(_ id: Int) -> ChainReplica { cluster.nodes[id].core }

  /// Issues the next view and tells it to the given replicas, by default to all.
  mutating func issue(_ members: [Int], joiner: Int? = nil, to told: [Int]? = nil) {
    view = View(
      number: view.number + 1, members: members.map { ReplicaID($0) },
      joiner: joiner.map { ReplicaID($0) },
      incarnations: (members + (joiner.map { [$0] } ?? [])).map { incarnations[$0] })
    for id in told ?? cluster.membership.replicas.map(\.index) { tell(id) }
  }

  /// Tells a replica the current view.
  mutating func tell(_ id: Int) { cluster.adopt(view, at: ReplicaID(id)) }

  /// Asks a replica for one update, and says which one.
  @discardableResult
  mutating func update(at id: Int) -> Batch {
    let batch = Chain.batch(nextSequence)
    nextSequence += 1
    cluster.handle(.requested(batch), at: ReplicaID(id))
    return batch
  }

  mutating func read(at id: Int, _ number: UInt64 = 1) {
    cluster.handle(.readRequested(ReadTicket(number)), at: ReplicaID(id))
  }

  mutating func crash(_ id: Int) { cluster.crash(ReplicaID(id)) }

  mutating func restart(_ id: Int) {
    incarnations[id] += 1
    cluster.restart(ReplicaID(id))
  }

  mutating func fire(_ id: Int) { cluster.fire(.resend, at: ReplicaID(id)) }

  /// The network loses what is on its way. What a replica says to itself does not use it.
  mutating func loseMessages() { cluster.inFlight.removeAll { $0.from != $0.to } }

  func committed(_ id: Int) -> [Batch] { cluster.nodes[id].commits.map(\.batch) }

  func answered(_ id: Int) -> [Batch] {
    cluster.nodes[id].commits.filter(\.answering).map(\.batch)
  }

  /// Whether the replicas that are up agree on what they have committed.
  var agrees: Bool {
    let histories = cluster.nodes.filter(\.isUp).map { $0.commits.map(\.batch) }
    let longest = histories.max { $0.count < $1.count } ?? []
    return histories.allSatisfy { longest.starts(with: $0) }
  }

  static func batch(_ sequence: UInt64) -> Batch {
    Batch([(id: RequestID(client: ClientID(1), sequence: sequence), command: sequence)])
  }
}

extension InProcessCluster<ChainReplica> {
  mutating func adopt(_ view: View, at id: ReplicaID) {
    perform(at: id) { core, now, effects in core.adopt(view, at: now, into: &effects) }
  }
}

/// A batch of no particular content.
func someBatch(_ sequence: UInt64 = 1) -> Batch { Chain.batch(sequence) }
