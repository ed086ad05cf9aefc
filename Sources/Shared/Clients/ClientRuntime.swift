import Replication

/// Carries out the instructions of clients: the simulator in virtual time, other runtimes over
/// connections.
public protocol ClientRuntime<Application>: ~Copyable {
  associatedtype Application: StateMachine

  /// Sends a client's request to a replica at this time.
  mutating func send(
    _ request: consuming ClientRequest<Application.Command>, to replica: ReplicaID,
    at time: Instant)

  /// Passes the event to the clients' driver at this time.
  mutating func schedule(_ event: ClientEvent, at time: Instant)
}

/// An event that clients have scheduled.
public enum ClientEvent: Equatable, Sendable {
  /// The client begins its next operation.
  case ready(Int)
  /// The client checks whether it has waited long enough.
  case wakes(Int)
  /// The next operation of an open loop comes due.
  case operationDue
  /// The next probe comes due.
  case probeDue
  /// The client of a probe checks whether it has waited long enough.
  case probeWakes(Int)
}

/// A lost connection, over which no more answers arrive.
public struct LostConnection: Sendable, Equatable {
  public var replica: ReplicaID
  /// The connection served the clients with the identities `remainder`, `remainder + stride`, ....
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
