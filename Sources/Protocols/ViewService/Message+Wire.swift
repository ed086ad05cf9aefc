import Replication
import WireFormat

// Binary forms: one byte for the case, then the fields in the order of their declaration.

extension ViewFollowerMessage {
  /// The first byte of a message of the data protocol. Messages of the authority begin with another
  /// one.
  public static var dataTag: UInt8 { 0 }

  /// Reads the first byte of a message, and the rest of it if it is a message of the authority.
  /// Returns `nil` if a message of the data protocol follows.
  public static func readAuthority(from reader: inout WireReader) throws(WireError) -> Self? {
    let tag = try reader.read(UInt8.self)
    return tag == dataTag ? nil : .authority(try AuthorityMessage(tag: tag, from: &reader))
  }
}

extension AuthorityMessage {
  public var encodedByteCount: Int {
    switch self {
    case .consensus(let bytes): 1 + bytes.count
    case .ping(let ping): 1 + ping.encodedByteCount
    case .pong(let pong): 1 + pong.encodedByteCount
    case .view(let view), .adopting(let view): 1 + view.encodedByteCount
    case .redirect(let id): 1 + id.encodedByteCount
    case .alive: 1 + 8
    case .snapshot(let message): 1 + message.encodedByteCount
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .consensus(let bytes):
      writer.write(UInt8(1))
      writer.write(bytes)
    case .ping(let ping):
      writer.write(UInt8(2))
      ping.encode(into: &writer)
    case .pong(let pong):
      writer.write(UInt8(3))
      pong.encode(into: &writer)
    case .view(let view):
      writer.write(UInt8(4))
      view.encode(into: &writer)
    case .adopting(let view):
      writer.write(UInt8(5))
      view.encode(into: &writer)
    case .redirect(let id):
      writer.write(UInt8(6))
      id.encode(into: &writer)
    case .alive(let incarnation):
      writer.write(UInt8(7))
      writer.write(incarnation)
    case .snapshot(let message):
      writer.write(UInt8(8))
      message.encode(into: &writer)
    }
  }

  init(tag: UInt8, from reader: inout WireReader) throws(WireError) {
    switch tag {
    // A message is the last value in its frame.
    case 1: self = .consensus(try reader.readBytes(reader.remaining))
    case 2: self = .ping(try Ping(from: &reader))
    case 3: self = .pong(try Pong(from: &reader))
    case 4: self = .view(try View(from: &reader))
    case 5: self = .adopting(try View(from: &reader))
    case 6: self = .redirect(try ReplicaID?(from: &reader))
    case 7: self = .alive(incarnation: try reader.read(UInt64.self))
    case 8: self = .snapshot(try SnapshotMessage(from: &reader))
    default: throw .malformed("\(tag) is no message of a cluster with an authority")
    }
  }
}

extension Ping: WireCodable {
  public var encodedByteCount: Int { report.encodedByteCount + 33 }

  public func encode(into writer: inout WireWriter) {
    report.encode(into: &writer)
    writer.write(sequence)
    writer.write(incarnation)
    writer.write(isBlank)
    writer.write(answered)
    writer.write(UInt64(answerTime.nanoseconds))
  }

  public init(from reader: inout WireReader) throws(WireError) {
    report = try Report(from: &reader)
    sequence = try reader.read(UInt64.self)
    incarnation = try reader.read(UInt64.self)
    isBlank = try reader.readFlag()
    answered = try reader.read(UInt64.self)
    answerTime = try reader.readInterval()
  }
}

extension Report: WireCodable {
  public var encodedByteCount: Int { 24 + 2 + unreachable.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    writer.write(view)
    writer.write(isEstablished)
    writer.write(joining)
    writer.write(joinerHasCaughtUp)
    writer.write(joinerProgress)
    unreachable.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    view = try reader.read(UInt64.self)
    isEstablished = try reader.readFlag()
    joining = try reader.read(UInt64.self)
    joinerHasCaughtUp = try reader.readFlag()
    joinerProgress = try reader.read(UInt64.self)
    unreachable = try [ReplicaID](from: &reader)
  }
}

extension Pong: WireCodable {
  public var encodedByteCount: Int { view.encodedByteCount + 24 }

  public func encode(into writer: inout WireWriter) {
    view.encode(into: &writer)
    writer.write(UInt64(lease.nanoseconds))
    writer.write(sequence)
    writer.write(incarnation)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    view = try View(from: &reader)
    lease = try reader.readInterval()
    sequence = try reader.read(UInt64.self)
    incarnation = try reader.read(UInt64.self)
  }
}
