import Replication
import ViewService
import WireFormat

extension ChainReplica {
  /// The state that must survive a crash. The number of the view is not part of it, because
  /// `WithAuthority` makes that durable before the replica is told of the view.
  public enum Record: Equatable, Sendable {
    /// The log holds these entries from `first` on. Where an entry of another view stood, that
    /// entry and all after it are gone. Without entries, the log ends before `first`.
    case entries(first: LogIndex, [ViewEntry])
  }
}

extension ChainReplica.Record: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .entries(_, let entries): 9 + entries.encodedByteCount
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .entries(let first, let entries):
      writer.write(UInt8(0))
      first.encode(into: &writer)
      entries.encode(into: &writer)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 0:
      let first = try LogIndex(from: &reader)
      self = .entries(first: first, try [ViewEntry](from: &reader))
    case let tag: throw .malformed("\(tag) is no record of a chain")
    }
  }
}
