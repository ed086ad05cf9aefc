import Replication
import WireFormat

/// A replica's sign of life.
public struct Ping: Equatable, Sendable {
  public var report: Report
  /// Counts the pings of one incarnation from 1.
  public var sequence: UInt64
  /// How often the replica has started.
  public var incarnation: UInt64
  /// The replica has lost its disk, and knows nothing of what it said before.
  public var isBlank = false
  /// The newest ping whose answer was heard: the authority, too, can reach the replica.
  public var answered: UInt64 = 0
  /// How long answers take; 0 before the first one.
  public var answerTime = Interval.zero
}

/// The authority's answer to the ping with the same numbers: this view was current after the ping
/// came.
public struct Pong: Equatable, Sendable {
  public var view: View
  /// How long after it *sent* the ping the authority will still take the replica to answer reads.
  /// The replica itself stops earlier, because clocks drift. Zero grants nothing.
  public var lease: Interval
  public var sequence: UInt64
  public var incarnation: UInt64
}

/// What the nodes of a cluster with an authority say to each other. Generic over the two protocols'
/// messages rather than over the protocols: the layout is then found without asking for associated
/// types, which every copy in an array of messages would pay for. The rare messages are boxed, so
/// that they do not make the frequent ones larger.
public enum AuthorityMessage<
  Data: WireCodable & Equatable & Sendable, Consensus: WireCodable & Equatable & Sendable
>: Equatable, Sendable {
  case replica(Data)
  case consensus(Consensus)
  /// From a replica to the node of the authority that it takes for the leader.
  indirect case ping(Ping)
  indirect case pong(Pong)
  /// From the authority, as soon as the view is agreed on. It grants no lease.
  indirect case view(View)
  /// From a replica to itself: the number of the view is durable, so the view may be taken over.
  indirect case adopting(View)
  /// From an authority node that does not lead, with the one that may.
  case redirect(ReplicaID?)
  /// From a replica to itself: the number of its incarnation is durable, so it may be told to
  /// others.
  case alive(incarnation: UInt64)
  /// What hosts exchange about snapshots, for all protocols alike.
  case snapshot(SnapshotMessage)
}

extension WithAuthority {
  public typealias Message = AuthorityMessage<Replica.Message, Consensus.Message>
  public typealias Record = AuthorityRecord<Replica.Record, Consensus.Record>
}
