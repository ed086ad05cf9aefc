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

/// A message that `WithAuthority` sends and handles itself, in a cluster with an authority. The
/// other messages of such a cluster are the data protocol's own.
public enum AuthorityMessage: Equatable, Sendable {
  /// Between two nodes of the authority: a message of their consensus protocol in its binary form.
  /// The data protocols, of whose messages this is one, need not know that protocol because of it.
  case consensus([UInt8])
  /// From a replica to the authority node that it believes to lead, or to all of them if it has
  /// waited too long for an answer.
  case ping(Ping)
  case pong(Pong)
  /// From the authority's leader, as soon as the view is agreed on. It grants no lease.
  case view(View)
  /// From a replica to itself: the view's number is durable, so the replica may adopt the view.
  case adopting(View)
  /// From an authority node that does not lead. It names the node that may lead, if it knows one.
  case redirect(ReplicaID?)
  /// From a replica to itself: the number of its incarnation is durable, so pings may name it.
  case alive(incarnation: UInt64)
  /// A message between hosts about snapshots, as in all protocols.
  case snapshot(SnapshotMessage)
}

/// The messages of a cluster with an authority: those of the data protocol, and one case for all
/// messages of the authority, which `WithAuthority` handles and the data protocol never sees.
///
/// The data protocol's own enumeration has that case, instead of an enumeration around it, because
/// `WithAuthority` then passes the messages of a turn on as they are. It would otherwise wrap each
/// of them, and every copy would first have to look up the layout of a generic type. The case is
/// `indirect`, so that these rare messages do not make the frequent ones larger.
public protocol ViewFollowerMessage: WireCodable, Equatable, Sendable {
  static func authority(_ message: AuthorityMessage) -> Self
  /// The message of the authority, or `nil` for a message of the data protocol.
  var authority: AuthorityMessage? { get }
}

extension WithAuthority {
  public typealias Message = Replica.Message
  public typealias Record = AuthorityRecord<Replica.Record, Consensus.Record>
}
