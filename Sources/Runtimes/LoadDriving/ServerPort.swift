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

  /// Waits until something arrives, and reads it.
  /// - Parameters:
  ///   - nanoseconds: the longest time to wait.
  ///   - awake: for how much of it not to sleep.
  ///   - share: after so many replies the rest is left for the next call, so that those clients can go on.
  mutating func wait(nanoseconds: Int64, awake: Int64, share: Int) throws

  /// What has arrived and nobody has taken yet.
  var replies: [ClientReply<Application.Response>] { get set }

  /// Servers to which connections have been lost since somebody asked: answers from there will not come.
  var lost: [LostConnection] { get set }
}

extension ServerPort where Self: ~Copyable {
  public mutating func wait(nanoseconds: Int64) throws {
    try wait(nanoseconds: nanoseconds, awake: 0, share: .max)
  }
}

extension ClientMachine {
  /// Hands over what `Action.send` speaks of, from where it lies.
  @inlinable
  public mutating func send<Port: ServerPort & ~Copyable>(
    over port: inout Port, to replica: ReplicaID
  ) where Port.Application == Application {
    guard let request else { preconditionFailure("nothing is outstanding") }
    port.send(request, to: replica)
  }
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
