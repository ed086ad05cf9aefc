import Primitives
import Replication

/// The unanswered updates that this replica has handed to its core while it was in charge. The last
/// one of each client is enough, because a client has one request outstanding.
///
/// If a client repeats its request because the answer takes long, the request must not be ordered a
/// second time: over a slow link each copy would delay the answers further, so that more clients
/// would repeat theirs. Copies do not harm the state (`Sessions`), but they add load.
///
/// A core in charge keeps the requests it has accepted for the rest of its epoch; in a later epoch,
/// entries of an earlier one may be lost. Therefore all pending requests are forgotten when the
/// epoch changes.
public struct PendingRequests: Sendable {
  /// The epoch in which this replica is in charge; nil if it is not. Then no request is pending,
  /// because its core refuses updates.
  public var epoch: UInt64?
  public var sequences = FlatTable<ClientID, UInt64>()
  private var limit = PendingRequests.smallLimit

  public static var smallLimit: Int { 1 << 16 }

  public init() {}

  public mutating func useHashSecret(_ secret: FlatHashSecret) { sequences.rekey(secret) }

  /// Begins a turn in which requests are handed to the core.
  /// - Returns: whether the epoch has changed, so that all pending requests were forgotten.
  @discardableResult
  public mutating func begin(_ status: ReplicaStatus) -> Bool {
    let epoch = status.isInCharge ? status.epoch : nil
    guard epoch != self.epoch else { return false }
    self.epoch = epoch
    sequences.removeAll()
    return true
  }

  /// Whether what is pending was accepted in the epoch in which this replica is in charge now.
  public func isOf(_ status: ReplicaStatus) -> Bool {
    status.isInCharge && epoch == status.epoch
  }

  /// The position of the client's pending request, if it has one.
  public func place(of client: ClientID) -> Int? { sequences.position(of: client) }

  /// Whether the request, or a later one of its client, is pending.
  /// - Parameter place: the position of the client's pending request.
  @inline(__always)
  public func contains(_ id: RequestID, at place: Int?) -> Bool {
    guard let place else { return false }
    return id.sequence <= sequences.values[place]
  }

  public mutating func insert(_ id: RequestID) {
    if epoch != nil { sequences.set(id.client, to: id.sequence) }
  }

  /// Notes a later request of a client of which one is pending.
  /// - Returns: false if the client has none, so that nothing was noted.
  @inline(__always)
  public mutating func replace(by id: RequestID, at place: Int?) -> Bool {
    guard let place else { return false }
    sequences.values[place] = id.sequence
    return true
  }

  /// Whether the table is large enough to look for requests that can be forgotten, because they
  /// have taken effect.
  public var isLarge: Bool { sequences.count >= limit }

  /// Forgets the requests that `hasEnded` returns true for.
  public mutating func removeAll(where hasEnded: (ClientID, UInt64) -> Bool) {
    var kept = FlatTable<ClientID, UInt64>(secret: sequences.secret)
    for (client, sequence) in zip(sequences.keys, sequences.values)
    where !hasEnded(client, sequence) {
      kept.set(client, to: sequence)
    }
    sequences = kept
    // Twice what is left, so that the work is small for each request.
    limit = max(Self.smallLimit, kept.count * 2)
  }

  /// Forgets a request that the core has refused, so that its client may repeat it.
  public mutating func remove(_ id: RequestID) {
    if sequences[id.client] == id.sequence { sequences.remove(id.client) }
  }
}
