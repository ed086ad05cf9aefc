import Primitives
import Replication

/// The updates that this replica has handed to its core while it was in charge, and that have not
/// been answered: the last one of each client, as a client has one request outstanding.
///
/// A client that asks again, because its answer takes long, must not have its request ordered a
/// second time: over a slow link each copy delays the answers further, so that more clients ask
/// again. The copies would do no harm to the state (`Sessions`), but to the load.
///
/// A core that is in charge keeps what it has taken, as long as its epoch lasts; in a later epoch
/// entries of an earlier one may be lost. Therefore all is forgotten when the epoch changes.
public struct PendingRequests: Sendable {
  /// The epoch in which this replica is in charge, if it is. Otherwise nothing is pending, because
  /// its core refuses updates.
  public var epoch: UInt64?
  public var sequences = FlatTable<ClientID, UInt64>()

  public init() {}

  /// Begins a turn that hands requests over.
  public mutating func begin(_ status: ReplicaStatus) {
    let epoch = status.isInCharge ? status.epoch : nil
    guard epoch != self.epoch else { return }
    self.epoch = epoch
    sequences = FlatTable()
  }

  /// Whether the request, or a later one of its client, is pending.
  public func contains(_ id: RequestID) -> Bool {
    guard let sequence = sequences[id.client] else { return false }
    return id.sequence <= sequence
  }

  public mutating func insert(_ id: RequestID) {
    if epoch != nil { sequences.set(id.client, to: id.sequence) }
  }

  /// The core has refused the request, so that its client may ask again.
  public mutating func remove(_ id: RequestID) {
    if sequences[id.client] == id.sequence { sequences.remove(id.client) }
  }
}
