import Replication
import ViewService
import WireFormat

// Binary forms: one byte for the case, then the fields in the order of their declaration. In front
// of a message of this protocol stands the byte that tells it from a message of the authority.

extension ChainReplica.Forward: WireCodable {
  public var encodedByteCount: Int { 25 + entries.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    previous.encode(into: &writer)
    writer.write(previousView)
    stable.encode(into: &writer)
    writer.write(wantsReceipt)
    entries.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    previous = try LogIndex(from: &reader)
    previousView = try reader.read(UInt64.self)
    stable = try LogIndex(from: &reader)
    wantsReceipt = try reader.readFlag()
    entries = try [ViewEntry](from: &reader)
  }
}

extension ChainReplica.Position: WireCodable {
  public var encodedByteCount: Int {
    24 + sentThrough.encodedByteCount + runs.encodedByteCount
  }

  public func encode(into writer: inout WireWriter) {
    last.encode(into: &writer)
    writer.write(lastView)
    commitIndex.encode(into: &writer)
    sentThrough.encode(into: &writer)
    runs.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    last = try LogIndex(from: &reader)
    lastView = try reader.read(UInt64.self)
    commitIndex = try LogIndex(from: &reader)
    sentThrough = try LogIndex?(from: &reader)
    runs = try [ViewRun](from: &reader)
  }
}

extension ChainReplica.Standing: WireCodable {
  public var encodedByteCount: Int { 16 + acknowledged.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    last.encode(into: &writer)
    sentThrough.encode(into: &writer)
    acknowledged.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    last = try LogIndex(from: &reader)
    sentThrough = try LogIndex(from: &reader)
    acknowledged = try LogIndex?(from: &reader)
  }
}

extension ChainReplica.Synchronisation: WireCodable {
  public var encodedByteCount: Int { 24 + forward.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    positionLast.encode(into: &writer)
    writer.write(positionView)
    through.encode(into: &writer)
    forward.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    positionLast = try LogIndex(from: &reader)
    positionView = try reader.read(UInt64.self)
    through = try LogIndex(from: &reader)
    forward = try ChainReplica.Forward(from: &reader)
  }
}

extension ChainReplica.Message {
  public var encodedByteCount: Int {
    switch self {
    case .forward(_, let forward): 10 + forward.encodedByteCount
    case .stable, .acknowledge, .durable, .receipt: 18
    case .hail(_, _, let stable): 18 + stable.encodedByteCount
    case .position(_, let position): 10 + position.encodedByteCount
    case .standing(_, let standing): 10 + standing.encodedByteCount
    case .synchronise(_, let synchronisation): 10 + synchronisation.encodedByteCount
    case .authority(let message): message.encodedByteCount
    }
  }

  /// The byte for the case; `nil` for a message of the authority.
  private var tag: UInt8? {
    switch self {
    case .forward: 0
    case .acknowledge: 1
    case .durable: 2
    case .hail: 3
    case .position: 4
    case .synchronise: 5
    case .receipt: 6
    case .stable: 7
    case .standing: 8
    case .authority: nil
    }
  }

  public func encode(into writer: inout WireWriter) {
    guard let tag else {
      authority?.encode(into: &writer)
      return
    }
    writer.write(Self.dataTag)
    writer.write(tag)
    writer.write(view)
    switch self {
    case .forward(_, let forward): forward.encode(into: &writer)
    case .stable(_, let index), .acknowledge(_, let index), .durable(_, let index),
      .receipt(_, let index):
      index.encode(into: &writer)
    case .hail(_, let sentThrough, let stable):
      sentThrough.encode(into: &writer)
      stable.encode(into: &writer)
    case .position(_, let position): position.encode(into: &writer)
    case .standing(_, let standing): standing.encode(into: &writer)
    case .synchronise(_, let synchronisation): synchronisation.encode(into: &writer)
    case .authority: break
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    if let message = try Self.readAuthority(from: &reader) {
      self = message
      return
    }
    let tag = try reader.read(UInt8.self)
    let view = try reader.read(UInt64.self)
    switch tag {
    case 0: self = .forward(view: view, try ChainReplica.Forward(from: &reader))
    case 1: self = .acknowledge(view: view, try LogIndex(from: &reader))
    case 2: self = .durable(view: view, try LogIndex(from: &reader))
    case 3:
      self = .hail(
        view: view, sentThrough: try LogIndex(from: &reader), stable: try LogIndex?(from: &reader))
    case 4: self = .position(view: view, try ChainReplica.Position(from: &reader))
    case 5: self = .synchronise(view: view, try ChainReplica.Synchronisation(from: &reader))
    case 6: self = .receipt(view: view, try LogIndex(from: &reader))
    case 7: self = .stable(view: view, try LogIndex(from: &reader))
    case 8: self = .standing(view: view, try ChainReplica.Standing(from: &reader))
    default: throw .malformed("\(tag) is no message of a chain")
    }
  }
}
