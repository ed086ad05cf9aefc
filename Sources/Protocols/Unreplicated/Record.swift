import Replication
import WireFormat

extension UnreplicatedServer {
  /// A fact that must survive a crash.
  public enum Record: Equatable, Sendable {
    /// The next entry of the log.
    case entry(Batch)
    /// The log begins after this entry, which a snapshot covers.
    case snapshot(SnapshotReference)
  }
}

extension UnreplicatedServer.Record: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .entry(let batch): 1 + batch.encodedByteCount
    case .snapshot(let reference): 1 + reference.encodedByteCount
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .entry(let batch):
      writer.write(UInt8(0))
      batch.encode(into: &writer)
    case .snapshot(let reference):
      writer.write(UInt8(1))
      reference.encode(into: &writer)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 0: self = .entry(try Batch(from: &reader))
    case 1: self = .snapshot(try SnapshotReference(from: &reader))
    case let other: throw .malformed("\(other) is no record of a server")
    }
  }
}
