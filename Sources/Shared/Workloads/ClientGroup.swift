import Replication

/// Which replica a client asks first with each operation. Wherever it asks, it follows redirects.
public enum FirstAsked: Sendable, Equatable {
  /// The one that answered its last operation of this kind.
  case inCharge
  /// The one with the shortest round trip.
  case nearest
  /// Client i asks replica i, and begins again at 0 after the last replica.
  case spread
  case replica(Int)
}

/// What the clients of a group have in common. With n groups, client i belongs to group i mod n, as
/// it has place i of the network's list of clients' places.
public struct ClientGroup: Sendable, Equatable {
  /// `nil` for the workload's.
  public var ask: FirstAsked?
  /// The numbers of the keys that they use; `nil` for all.
  public var keys: ClosedRange<Int>?
  /// Operations per second of each client; `nil` for the workload's.
  public var clientRate: Double?

  public init(
    ask: FirstAsked? = nil, keys: ClosedRange<Int>? = nil, clientRate: Double? = nil
  ) {
    self.ask = ask
    self.keys = keys
    self.clientRate = clientRate
  }
}

extension WorkloadSpec {
  /// The replica that a client asks first with each operation; `nil` for the one that answered
  /// last.
  /// - Parameter nearest: the replica with the shortest round trip from a client.
  public func firstAsked(
    by client: Int, of replicas: [ReplicaID], nearest: (Int) -> Int
  ) -> ReplicaID? {
    let rule = groups.isEmpty ? ask : groups[client % groups.count].ask ?? ask
    switch rule {
    case .inCharge: return nil
    case .nearest: return replicas[nearest(client) % replicas.count]
    case .spread: return replicas[client % replicas.count]
    case .replica(let number): return replicas[number % replicas.count]
    }
  }

  /// The rates of clients by group; empty if no client has one.
  public var rates: [Double?] {
    let rates = groups.isEmpty ? [clientRate] : groups.map { $0.clientRate ?? clientRate }
    return rates.contains { $0 != nil } ? rates : []
  }

  /// Whether clients ask the replica that answered last.
  public var asksInCharge: Bool {
    ask == .inCharge && groups.allSatisfy { ($0.ask ?? ask) == .inCharge }
  }
}
