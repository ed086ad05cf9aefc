import Replication
import WireFormat

extension RaftReplica {
  /// The state that must survive a crash.
  public enum Record: Equatable, Sendable {
    /// The term, and the candidate that got this replica's vote in it.
    case vote(term: Term, votedFor: ReplicaID?)
    /// Entries from `index` on. They replace all earlier entries there and after.
    case append(at: LogIndex, [Entry])
    /// The log begins after this entry, or did so before.
    case snapshot(SnapshotReference)
    /// The replica, whose disk took the place of a lost one, has received all entries and is a
    /// voter again.
    case promoted
  }
}

extension RaftReplica.Record: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .vote(_, let votedFor): 1 + 8 + votedFor.encodedByteCount
    case .append(_, let entries): 1 + 8 + entries.encodedByteCount
    case .snapshot(let reference): 1 + reference.encodedByteCount
    case .promoted: 1
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .vote(let term, let votedFor):
      writer.write(UInt8(1))
      writer.write(term)
      votedFor.encode(into: &writer)
    case .append(let index, let entries):
      writer.write(UInt8(2))
      index.encode(into: &writer)
      entries.encode(into: &writer)
    case .snapshot(let reference):
      writer.write(UInt8(3))
      reference.encode(into: &writer)
    case .promoted: writer.write(UInt8(4))
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 1:
      self = .vote(
        term: try reader.read(UInt64.self), votedFor: try ReplicaID?(from: &reader))
    case 2:
      self = .append(
        at: try LogIndex(from: &reader), try [RaftReplica.Entry](from: &reader))
    case 3: self = .snapshot(try SnapshotReference(from: &reader))
    case 4: self = .promoted
    case let other: throw .malformed("\(other) is no Raft record")
    }
  }
}
