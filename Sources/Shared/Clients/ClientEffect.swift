import Replication

/// What a runtime has to do for its clients.
public enum ClientEffect: Equatable, Sendable {
  /// The client's request (`ClientFleet.request(of:)`) leaves for a replica. The request stays with
  /// the client, so that its bytes are copied once, into a frame.
  case send(client: Int, to: ReplicaID, at: Instant)
  /// The event is to be handed back at this time.
  case schedule(ClientEvent, at: Instant)
}

/// What happens to clients at a time that they have asked for.
public enum ClientEvent: Equatable, Sendable {
  /// The client begins its next operation.
  case ready(Int)
  /// The client looks whether it has waited long enough.
  case wakes(Int)
  /// The next operation of an open loop comes due.
  case operationDue
}

/// A connection that is gone, and with it the answers that were to come over it.
public struct LostConnection: Sendable, Equatable {
  public var replica: ReplicaID
  /// Clients whose identities are `remainder`, `remainder + stride`, ... used it.
  public var remainder: Int
  public var stride: Int

  public init(replica: ReplicaID, remainder: Int, stride: Int) {
    self.replica = replica
    self.remainder = remainder
    self.stride = stride
  }

  public func serves(_ client: ClientID) -> Bool {
    client.rawValue % UInt64(stride) == UInt64(remainder)
  }
}
