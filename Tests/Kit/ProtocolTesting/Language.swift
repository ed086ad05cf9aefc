import Replication
import SteppedCluster
import WireFormat

// The words in which tests of protocols are written:
//
//   cluster.only(a, b)           messages travel between A and B alone
//   cluster.isolate(c)           C is cut off from all others
//   cluster.heal()               all messages arrive again
//   cluster.propose(4, at: a)    a client asks A for the update x=4
//   cluster.read(1, at: a)       a client asks A for a read, which has the ticket 1
//   cluster.run()                messages are delivered until there are none
//   cluster.crash(a), cluster.restart(a), cluster.slowDisk(a), cluster.releaseDisk(a)
//
// Each protocol's tests add the words for what only it has, such as `elect(a)` or `issue(view)`.

extension ReplicaID: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: Int) { self.init(value) }
}

public let a = ReplicaID(0)
public let b = ReplicaID(1)
public let c = ReplicaID(2)
public let d = ReplicaID(3)
public let e = ReplicaID(4)

/// The batch of one update, `x=number`, that can be told from others by its number.
public func batch(_ number: UInt64) -> Batch {
  Batch([(id: RequestID(client: ClientID(1), sequence: number), command: number)])
}

extension Batch {
  /// The numbers of the updates in a batch that `batch(_:)` made.
  public var numbers: [UInt64] {
    var reader = makeReader()
    var numbers: [UInt64] = []
    while reader.next() != nil { numbers.append(reader.command(as: UInt64.self) ?? 0) }
    return numbers
  }
}

extension InProcessCluster {
  /// Messages travel only among these replicas from now on.
  public mutating func only(_ ids: ReplicaID...) { only(ids) }

  public mutating func only(_ ids: [ReplicaID]) {
    delivers = { ids.contains($0.from) && ids.contains($0.to) }
  }

  /// Separates these replicas from all others from now on; among themselves they still talk.
  public mutating func isolate(_ ids: ReplicaID...) { isolate(ids) }

  public mutating func isolate(_ ids: [ReplicaID]) {
    delivers = { ids.contains($0.from) == ids.contains($0.to) }
  }

  /// All messages arrive from now on.
  public mutating func heal() { delivers = { _ in true } }

  /// The network loses what is on its way. What a replica says to itself does not use it.
  public mutating func loseMessages() { inFlight.removeAll { $0.from != $0.to } }

  public mutating func propose(_ number: UInt64, at id: ReplicaID) {
    handle(.requested(batch(number)), at: id)
  }

  public mutating func read(_ number: UInt64 = 1, at id: ReplicaID) {
    handle(.readRequested(ReadTicket(number)), at: id)
  }

  /// Records of the replica stay volatile, and what promises them waits, until `releaseDisk`.
  public mutating func slowDisk(_ id: ReplicaID) { nodes[id.index].holdsDisk = true }

  /// Hands one message to one replica and says what that replica wants in return, which is not
  /// carried out.
  public mutating func deliver(
    _ message: Core.Message, from sender: ReplicaID, to id: ReplicaID
  ) -> Effects<Core> {
    var effects = Effects<Core>()
    nodes[id.index].core.handle(.received(message, from: sender), at: now, into: &effects)
    return effects
  }

  public func core(_ id: ReplicaID) -> Core { nodes[id.index].core }

  public func isUp(_ id: ReplicaID) -> Bool { nodes[id.index].isUp }

  /// The committed batches of one replica, no-ops included.
  public func committed(_ id: ReplicaID) -> [Batch] { nodes[id.index].commits.map(\.batch) }

  /// The numbers of the updates that one replica has committed.
  public func updates(_ id: ReplicaID) -> [UInt64] { committed(id).flatMap(\.numbers) }

  /// The batches for which this replica answered the clients.
  public func answered(_ id: ReplicaID) -> [Batch] {
    nodes[id.index].commits.filter(\.answering).map(\.batch)
  }

  /// Whether no two replicas have committed different batches at one index.
  public var agrees: Bool {
    var witness = CommitWitness()
    witness.note(self)
    return witness.disagreement == nil
  }

  /// What the cores themselves complain about.
  public var violations: [String] { nodes.compactMap { $0.core.invariantViolation() } }
}
