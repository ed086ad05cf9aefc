import Replication
import ViewService
import WireFormat

// Binary forms: one byte for the case, then the fields in the order of their declaration. In front
// of a message of this protocol stands the byte that tells it from a message of the authority.

extension PrimaryBackupReplica.Message {
  public var encodedByteCount: Int {
    switch self {
    case .append(let append): 2 + append.encodedByteCount
    case .appended: 2 + 16
    case .summary(_, _, let runs): 2 + 12 + runs.encodedByteCount
    case .present, .outdated: 2 + 8
    case .authority(let message): message.encodedByteCount
    }
  }

  public func encode(into writer: inout WireWriter) {
    if case .authority(let message) = self { return message.encode(into: &writer) }
    writer.write(Self.dataTag)
    switch self {
    case .append(let append):
      writer.write(UInt8(0))
      append.encode(into: &writer)
    case .appended(let view, let index):
      writer.write(UInt8(1))
      writer.write(view)
      index.encode(into: &writer)
    case .summary(let view, let round, let runs):
      writer.write(UInt8(2))
      writer.write(view)
      writer.write(round)
      runs.encode(into: &writer)
    case .outdated(let view):
      writer.write(UInt8(3))
      writer.write(view)
    case .present(let view):
      writer.write(UInt8(4))
      writer.write(view)
    case .authority: break
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    if let message = try Self.readAuthority(from: &reader) {
      self = message
      return
    }
    switch try reader.read(UInt8.self) {
    case 0: self = .append(try PrimaryBackupReplica.Append(from: &reader))
    case 1:
      self = .appended(view: try reader.read(UInt64.self), index: try LogIndex(from: &reader))
    case 2:
      self = .summary(
        view: try reader.read(UInt64.self), round: try reader.read(UInt32.self),
        runs: try [ViewRun](from: &reader))
    case 3: self = .outdated(view: try reader.read(UInt64.self))
    case 4: self = .present(view: try reader.read(UInt64.self))
    case let other: throw .malformed("\(other) is no message of primary-backup")
    }
  }
}

extension PrimaryBackupReplica.Append: WireCodable {
  public var encodedByteCount: Int { 36 + entries.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    writer.write(view)
    writer.write(round)
    previous.encode(into: &writer)
    writer.write(previousView)
    commitIndex.encode(into: &writer)
    entries.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    view = try reader.read(UInt64.self)
    round = try reader.read(UInt32.self)
    previous = try LogIndex(from: &reader)
    previousView = try reader.read(UInt64.self)
    commitIndex = try LogIndex(from: &reader)
    entries = try [ViewEntry](from: &reader)
  }
}
