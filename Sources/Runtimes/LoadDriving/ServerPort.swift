import Clients
import Replication

/// Carries clients' requests to servers: to replicas of a cluster, or to a system that speaks
/// another protocol. Used by one thread.
public protocol ServerPort<Application>: ~Copyable {
  associatedtype Application: StateMachine

  /// Queues a request; it is sent with the next `flush`.
  mutating func send(_ request: ClientRequest<Application.Command>, to replica: ReplicaID)

  mutating func flush()

  /// Waits until something arrives, and reads it.
  /// - Parameters:
  ///   - limit: the longest time to wait.
  ///   - awake: the part of this time in which to poll instead of sleeping.
  ///   - share: the number of replies after which the rest is left for the next call, so that these
  ///     clients can continue first.
  mutating func wait(atMost limit: Interval, awake: Interval, share: Int) throws

  /// Replies that have arrived and not been taken yet.
  var replies: [ClientReply<Application.Response>] { get set }

  /// The sender of the reply at this position. A port to a single server need not implement this.
  func sender(of position: Int) -> ReplicaID

  /// Removes all replies after they were taken.
  mutating func removeReplies()

  /// Connections that were lost since this list was last emptied: their outstanding replies will
  /// not arrive.
  var lost: [LostConnection] { get set }
}

extension ServerPort where Self: ~Copyable {
  public func sender(of position: Int) -> ReplicaID { ReplicaID(0) }
  public mutating func removeReplies() { replies.removeAll(keepingCapacity: true) }

  public mutating func wait(atMost limit: Interval) throws {
    try wait(atMost: limit, awake: .zero, share: .max)
  }
}
