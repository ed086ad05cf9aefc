import Replication
import WireFormat

/// A replica's sign of life.
public struct Ping: Equatable, Sendable {
  public var report: Report
  /// Counts the pings of one incarnation from 1.
  public var sequence: UInt64
  /// How often the replica has started.
  public var incarnation: UInt64
  /// Whether the replica has lost its disk, so that it has forgotten what it said before.
  public var isBlank = false
  /// The newest ping whose answer arrived, which shows that the authority can reach the replica.
  public var answered: UInt64 = 0
  /// How long the authority takes to answer; 0 before the first answer.
  public var answerTime = Interval.zero
}

/// The authority's answer to the ping with the same numbers. Its view was current at some time
/// after the ping had arrived.
public struct Pong: Equatable, Sendable {
  public var view: View
  /// How long the authority assumes that the replica may answer reads, counted from when it *sent*
  /// the ping. The replica itself stops earlier, because clocks drift. Zero grants no lease.
  public var lease: Interval
  public var sequence: UInt64
  public var incarnation: UInt64
}

/// A message between nodes of a cluster with an authority. The type is generic over the two
/// protocols' messages and not over the protocols, because Swift then finds its layout without a
/// search for associated types, which every copy in an array of messages would pay for. The rare
/// messages are boxed, so that the frequent ones stay small.
public enum AuthorityMessage<
  Data: WireCodable & Equatable & Sendable, Consensus: WireCodable & Equatable & Sendable
>: Equatable, Sendable {
  case replica(Data)
  case consensus(Consensus)
  /// From a replica to the authority node that it believes to lead, or to all of them if it has
  /// waited too long for an answer.
  indirect case ping(Ping)
  indirect case pong(Pong)
  /// From the authority's leader, as soon as the view is agreed on. It grants no lease.
  indirect case view(View)
  /// From a replica to itself: the view's number is durable, so the replica may adopt the view.
  indirect case adopting(View)
  /// From an authority node that does not lead. It names the node that may lead, if it knows one.
  case redirect(ReplicaID?)
  /// From a replica to itself: the number of its incarnation is durable, so pings may name it.
  case alive(incarnation: UInt64)
  /// A message between hosts about snapshots, as in all protocols.
  case snapshot(SnapshotMessage)
}

extension WithAuthority {
  public typealias Message = AuthorityMessage<Replica.Message, Consensus.Message>
  public typealias Record = AuthorityRecord<Replica.Record, Consensus.Record>
}
