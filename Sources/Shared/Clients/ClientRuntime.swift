import Replication

/// Carries out what clients ask for: a simulator in virtual time, others over connections.
public protocol ClientRuntime<Application>: ~Copyable {
  associatedtype Application: StateMachine

  /// Sends a client's request to a replica. It leaves at this time.
  mutating func send(
    _ request: ClientRequest<Application.Command>, to replica: ReplicaID, at time: Instant)

  /// Hands the event back at this time.
  mutating func schedule(_ event: ClientEvent, at time: Instant)
}

/// What happens to clients at a time that they have asked for.
public enum ClientEvent: Equatable, Sendable {
  /// The client begins its next operation.
  case ready(Int)
  /// The client looks whether it has waited long enough.
  case wakes(Int)
  /// The next operation of an open loop comes due.
  case operationDue
  /// The next probe comes due.
  case probeDue
  /// The client of a probe looks whether it has waited long enough.
  case probeWakes(Int)
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
