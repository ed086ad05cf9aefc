import Replication
import ViewService
import WireFormat

extension PrimaryBackupReplica {
  /// The state that must survive a crash: an entry of the log. It replaces all entries at its index
  /// and after.
  public struct Record: Equatable, Sendable {
    public var index: LogIndex
    public var entry: ViewEntry
  }
}

extension PrimaryBackupReplica.Record: WireCodable {
  public var encodedByteCount: Int { 8 + entry.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    index.encode(into: &writer)
    entry.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    index = try LogIndex(from: &reader)
    entry = try ViewEntry(from: &reader)
  }
}
