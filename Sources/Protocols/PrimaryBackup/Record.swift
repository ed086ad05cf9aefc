import Replication
import ViewService
import WireFormat

extension PrimaryBackupReplica {
  /// What must survive a crash: an entry of the log. What stood at its index and behind it is gone.
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
