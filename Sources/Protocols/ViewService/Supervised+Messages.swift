import Replication
import WireFormat

/// A replica's sign of life.
public struct Ping: Equatable, Sendable {
  public var report: Report
  /// Counts the pings of one life from 1.
  public var sequence: UInt64
  /// Counts the lives of the replica.
  public var incarnation: UInt64
  /// The replica has lost its disk, and knows nothing of what it said before.
  public var isBlank = false
  /// The newest ping whose answer was heard: the authority, too, can reach the replica.
  public var answered: UInt64 = 0
  /// How long answers take; 0 before the first one.
  public var answerTime = Interval.zero
}

/// The authority's answer to the ping with the same numbers: this view was current after the ping
/// came.
public struct Pong: Equatable, Sendable {
  public var view: View
  /// How long after it *sent* the ping the authority will still take the replica to answer reads.
  /// The replica itself stops earlier, because clocks drift. Zero grants nothing.
  public var lease: Interval
  public var sequence: UInt64
  public var incarnation: UInt64
}

/// What the nodes of a supervised cluster say to each other. Generic over the two protocols'
/// messages rather than over the protocols: the layout is then found without asking for associated
/// types, which every copy in an array of messages would pay for. The rare messages are boxed, so
/// that they do not make the frequent ones larger.
public enum SupervisedMessage<
  Data: WireCodable & Equatable & Sendable, Consensus: WireCodable & Equatable & Sendable
>: Equatable, Sendable {
  case replica(Data)
  case consensus(Consensus)
  /// From a replica to the node of the authority that it takes for the leader.
  indirect case ping(Ping)
  indirect case pong(Pong)
  /// From the authority, as soon as the view is agreed on. It grants no lease.
  indirect case view(View)
  /// From a replica to itself: the number of the view is durable, so the view may be taken over.
  indirect case held(View)
  /// From an authority node that does not lead, with the one that may.
  case redirect(ReplicaID?)
  /// From a replica to itself: the number of its life is durable, so it may be told to others.
  case alive(incarnation: UInt64)
  /// What hosts exchange about snapshots, for all protocols alike.
  case snapshot(SnapshotMessage)
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
  /// A replica's log begins behind this entry, or did so before.
  case snapshot(SnapshotReference)
  /// What the authority has agreed on up to an entry, in the place of the entries.
  case authority(SnapshotReference, [UInt8])
  /// The replica, whose disk was lost, holds everything again.
  case filled
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
    case .alive: 1 + 8
    case .snapshot(let message): 1 + message.encodedByteCount
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
    case .alive(let incarnation):
      writer.write(UInt8(7))
      writer.write(incarnation)
    case .snapshot(let message):
      writer.write(UInt8(8))
      message.encode(into: &writer)
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
    case 7: self = .alive(incarnation: try reader.read(UInt64.self))
    case 8: self = .snapshot(try SnapshotMessage(from: &reader))
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
    case .held(let number):
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
    case 3: self = .held(try reader.read(UInt64.self))
    case 6: self = .filled
    case let other: throw .malformed("\(other) is no record of a supervised cluster")
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
