import Clients
import Replication

/// How clients' requests reach servers, whichever servers they are: replicas of a cluster, or a
/// system that speaks another protocol. Used by one thread.
public protocol ServerPort<Application>: ~Copyable {
  associatedtype Application: StateMachine

  /// Hands a request over; it leaves with the next `flush`.
  mutating func send(_ request: ClientRequest<Application.Command>, to replica: ReplicaID)

  mutating func flush()

  /// Waits until something arrives, and reads it.
  /// - Parameters:
  ///   - nanoseconds: the longest time to wait.
  ///   - awake: for how much of it not to sleep.
  ///   - share: after so many replies the rest is left for the next call, so that those clients can
  ///     go on.
  mutating func wait(nanoseconds: Int64, awake: Int64, share: Int) throws

  /// What has arrived and nobody has taken yet.
  var replies: [ClientReply<Application.Response>] { get set }

  /// Who has sent the reply at this position. A port to a single server need not say.
  func sender(of position: Int) -> ReplicaID

  /// All replies have been taken.
  mutating func removeReplies()

  /// Servers to which connections have been lost since somebody asked: answers from there will not
  /// come.
  var lost: [LostConnection] { get set }
}

extension ServerPort where Self: ~Copyable {
  public func sender(of position: Int) -> ReplicaID { ReplicaID(0) }
  public mutating func removeReplies() { replies.removeAll(keepingCapacity: true) }

  public mutating func wait(nanoseconds: Int64) throws {
    try wait(nanoseconds: nanoseconds, awake: 0, share: .max)
  }
}
