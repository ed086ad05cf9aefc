import Replication
import WireFormat

extension UnreplicatedServer.Message: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .durable(let index): index.encodedByteCount
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .durable(let index): index.encode(into: &writer)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    self = .durable(try LogIndex(from: &reader))
  }
}
