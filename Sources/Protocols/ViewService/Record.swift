import Replication
import WireFormat

/// A durable fact of a node in a cluster with an authority.
public enum AuthorityRecord<
  Data: WireCodable & Equatable & Sendable, Consensus: WireCodable & Equatable & Sendable
>: Equatable, Sendable {
  case replica(Data)
  case consensus(Consensus)
  /// The replica's nth start.
  case incarnation(UInt64)
  /// The replica is about to adopt the view of this number.
  case adopting(UInt64)
  /// A replica's log begins after this entry, or did so before.
  case snapshot(SnapshotReference)
  /// The state that the authority has agreed on up to an entry. It replaces the entries.
  case authority(SnapshotReference, [UInt8])
  /// The replica, whose disk was lost, holds all data again.
  case filled
}

extension AuthorityRecord: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .replica(let record): 1 + record.encodedByteCount
    case .consensus(let record): 1 + record.encodedByteCount
    case .incarnation, .adopting: 1 + 8
    case .snapshot(let reference): 1 + reference.encodedByteCount
    case .authority(let reference, let state): 1 + reference.encodedByteCount + 4 + state.count
    case .filled: 1
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .replica(let record):
      writer.write(UInt8(0))
      record.encode(into: &writer)
    case .consensus(let record):
      writer.write(UInt8(1))
      record.encode(into: &writer)
    case .incarnation(let number):
      writer.write(UInt8(2))
      writer.write(number)
    case .adopting(let number):
      writer.write(UInt8(3))
      writer.write(number)
    case .snapshot(let reference):
      writer.write(UInt8(4))
      reference.encode(into: &writer)
    case .authority(let reference, let state):
      writer.write(UInt8(5))
      reference.encode(into: &writer)
      writer.write(UInt32(state.count))
      writer.write(state)
    case .filled: writer.write(UInt8(6))
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 0: self = .replica(try Data(from: &reader))
    case 1: self = .consensus(try Consensus(from: &reader))
    case 4: self = .snapshot(try SnapshotReference(from: &reader))
    case 5:
      let reference = try SnapshotReference(from: &reader)
      let count = try reader.readCount(elementSize: 1)
      self = .authority(reference, try reader.readBytes(count))
    case 2: self = .incarnation(try reader.read(UInt64.self))
    case 3: self = .adopting(try reader.read(UInt64.self))
    case 6: self = .filled
    case let other: throw .malformed("\(other) is no record of a cluster with an authority")
    }
  }
}
