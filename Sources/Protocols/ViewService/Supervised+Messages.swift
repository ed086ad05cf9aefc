import Replication
import WireFormat

/// A replica's sign of life.
public struct Ping: Equatable, Sendable {
  public var report: Report
  /// Counts the pings of one life from 1.
  public var sequence: UInt64
  /// Counts the lives of the replica.
  public var incarnation: UInt64
}

/// The authority's answer to the ping with the same numbers: this view was current after the ping came.
public struct Pong: Equatable, Sendable {
  public var view: View
  public var sequence: UInt64
  public var incarnation: UInt64
}

/// What the nodes of a supervised cluster say to each other. Generic over the two protocols' messages
/// rather than over the protocols: the layout is then found without asking for associated types, which
/// every copy in an array of messages would pay for.
public enum SupervisedMessage<
  Data: WireCodable & Equatable & Sendable, Consensus: WireCodable & Equatable & Sendable
>: Equatable, Sendable {
  case replica(Data)
  case consensus(Consensus)
  /// From a replica to the node of the authority that it takes for the leader.
  case ping(Ping)
  case pong(Pong)
  /// From the authority, as soon as the view is agreed on. It grants no lease.
  case view(View)
  /// From a replica to itself: the number of the view is durable, so the view may be taken over.
  case held(View)
  /// From an authority node that does not lead, with the one that may.
  case redirect(ReplicaID?)
}

/// What a node of a supervised cluster makes durable.
public enum SupervisedRecord<
  Data: WireCodable & Equatable & Sendable, Consensus: WireCodable & Equatable & Sendable
>: Equatable, Sendable {
  case replica(Data)
  case consensus(Consensus)
  /// The replica starts its so-many-th life.
  case incarnation(UInt64)
  /// The replica takes over the view of this number.
  case held(UInt64)
}

extension Supervised {
  public typealias Message = SupervisedMessage<Replica.Message, Consensus.Message>
  public typealias Record = SupervisedRecord<Replica.Record, Consensus.Record>
}

extension SupervisedMessage: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .replica(let message): 1 + message.encodedByteCount
    case .consensus(let message): 1 + message.encodedByteCount
    case .ping(let ping): 1 + ping.encodedByteCount
    case .pong(let pong): 1 + pong.encodedByteCount
    case .view(let view), .held(let view): 1 + view.encodedByteCount
    case .redirect(let id): 1 + id.encodedByteCount
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .replica(let message):
      writer.write(UInt8(0))
      message.encode(into: &writer)
    case .consensus(let message):
      writer.write(UInt8(1))
      message.encode(into: &writer)
    case .ping(let ping):
      writer.write(UInt8(2))
      ping.encode(into: &writer)
    case .pong(let pong):
      writer.write(UInt8(3))
      pong.encode(into: &writer)
    case .view(let view):
      writer.write(UInt8(4))
      view.encode(into: &writer)
    case .held(let view):
      writer.write(UInt8(5))
      view.encode(into: &writer)
    case .redirect(let id):
      writer.write(UInt8(6))
      id.encode(into: &writer)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 0: self = .replica(try Data(from: &reader))
    case 1: self = .consensus(try Consensus(from: &reader))
    case 2: self = .ping(try Ping(from: &reader))
    case 3: self = .pong(try Pong(from: &reader))
    case 4: self = .view(try View(from: &reader))
    case 5: self = .held(try View(from: &reader))
    case 6: self = .redirect(try ReplicaID?(from: &reader))
    case let other: throw .malformed("\(other) is no message of a supervised cluster")
    }
  }
}

extension SupervisedRecord: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .replica(let record): 1 + record.encodedByteCount
    case .consensus(let record): 1 + record.encodedByteCount
    case .incarnation, .held: 1 + 8
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
    case .held(let number):
      writer.write(UInt8(3))
      writer.write(number)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 0: self = .replica(try Data(from: &reader))
    case 1: self = .consensus(try Consensus(from: &reader))
    case 2: self = .incarnation(try reader.read(UInt64.self))
    case 3: self = .held(try reader.read(UInt64.self))
    case let other: throw .malformed("\(other) is no record of a supervised cluster")
    }
  }
}

extension Ping: WireCodable {
  public var encodedByteCount: Int { 8 + 2 + 16 }

  public func encode(into writer: inout WireWriter) {
    writer.write(report.view)
    writer.write(report.isEstablished)
    writer.write(report.joinerHasCaughtUp)
    writer.write(sequence)
    writer.write(incarnation)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    report = Report(
      view: try reader.read(UInt64.self), isEstablished: try reader.readFlag(),
      joinerHasCaughtUp: try reader.readFlag())
    sequence = try reader.read(UInt64.self)
    incarnation = try reader.read(UInt64.self)
  }
}

extension Pong: WireCodable {
  public var encodedByteCount: Int { view.encodedByteCount + 16 }

  public func encode(into writer: inout WireWriter) {
    view.encode(into: &writer)
    writer.write(sequence)
    writer.write(incarnation)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    view = try View(from: &reader)
    sequence = try reader.read(UInt64.self)
    incarnation = try reader.read(UInt64.self)
  }
}
