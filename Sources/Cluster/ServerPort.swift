import Clients
import Replication
import ReplicaHosting

/// How clients' requests reach servers, whichever servers they are: replicas of a cluster, or a system
/// that speaks another protocol. Used by one thread.
public protocol ServerPort<Application>: ~Copyable {
  associatedtype Application: StateMachine

  /// Hands a request over; it leaves with the next `flush`.
  mutating func send(_ request: ClientRequest<Application.Command>, to replica: ReplicaID)

  mutating func flush()

  /// Waits until something arrives, at most so many nanoseconds, and reads it.
  mutating func wait(nanoseconds: Int64) throws

  /// What has arrived and nobody has taken yet.
  var replies: [ClientReply<Application.Response>] { get set }

  /// Servers to which connections have been lost since somebody asked: answers from there will not come.
  var lost: [LostConnection] { get set }
}

/// A connection that is gone, and whose clients' answers with it.
public struct LostConnection: Sendable, Equatable {
  public var replica: ReplicaID
  /// Clients `remainder`, `remainder + stride`, ... used it.
  public var remainder: Int
  public var stride: Int

  public init(replica: ReplicaID, remainder: Int, stride: Int) {
    self.replica = replica
    self.remainder = remainder
    self.stride = stride
  }
}
