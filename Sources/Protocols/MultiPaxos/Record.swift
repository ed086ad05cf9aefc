import Replication
import WireFormat

extension MultiPaxosReplica {
  /// The state that must survive a crash.
  public enum Record: Equatable, Sendable {
    /// No message of a lower ballot will be answered, and this replica never again proposes in a
    /// ballot up to this one.
    case promised(Ballot)
    /// Accepted in this ballot, which the record promises as well. With `Ballot.chosen`: learnt.
    case accepted(slot: LogIndex, ballot: Ballot, value: Batch)
    /// The values in all slots to here are chosen. A hint that spares a restarted replica from
    /// learning its whole log again; written only beside other records, so it costs no sync of its
    /// own.
    case chosen(through: LogIndex)
    /// A snapshot covers the slots up to its index. The snapshot of another replica replaces the
    /// values held there; this replica's own leaves them.
    case snapshot(SnapshotReference, isForeign: Bool)
    /// The newest disk of each replica that was heard of, in membership order.
    case generations([UInt64])
    /// The replica, whose disk took the place of a lost one, has learnt everything.
    case promoted
  }
}

extension MultiPaxosReplica.Record: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .promised: 9
    case .accepted(_, _, let value): 17 + value.encodedByteCount
    case .chosen: 9
    case .snapshot(let reference, _): 2 + reference.encodedByteCount
    case .generations(let generations): 1 + generations.encodedByteCount
    case .promoted: 1
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .promised(let ballot):
      writer.write(UInt8(1))
      ballot.encode(into: &writer)
    case .accepted(let slot, let ballot, let value):
      writer.write(UInt8(2))
      slot.encode(into: &writer)
      ballot.encode(into: &writer)
      value.encode(into: &writer)
    case .chosen(let slot):
      writer.write(UInt8(3))
      slot.encode(into: &writer)
    case .snapshot(let reference, let isForeign):
      writer.write(UInt8(4))
      reference.encode(into: &writer)
      writer.write(isForeign)
    case .generations(let generations):
      writer.write(UInt8(5))
      generations.encode(into: &writer)
    case .promoted: writer.write(UInt8(6))
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 1: self = .promised(try MultiPaxosReplica.Ballot(from: &reader))
    case 2:
      self = .accepted(
        slot: try LogIndex(from: &reader), ballot: try MultiPaxosReplica.Ballot(from: &reader),
        value: try Batch(from: &reader))
    case 3: self = .chosen(through: try LogIndex(from: &reader))
    case 4:
      self = .snapshot(try SnapshotReference(from: &reader), isForeign: try reader.readFlag())
    case 5: self = .generations(try [UInt64](from: &reader))
    case 6: self = .promoted
    case let other: throw .malformed("\(other) is no Multi-Paxos record")
    }
  }
}
