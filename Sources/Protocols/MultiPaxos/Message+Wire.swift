import Replication
import WireFormat

// Binary forms: one byte for the case, then the fields in the order of their declaration.

extension MultiPaxosReplica.AcceptedValue: WireCodable {
  public var encodedByteCount: Int { 16 + value.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    slot.encode(into: &writer)
    ballot.encode(into: &writer)
    value.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    slot = try LogIndex(from: &reader)
    ballot = try MultiPaxosReplica.Ballot(from: &reader)
    value = try Batch?(from: &reader)
  }
}

extension MultiPaxosReplica.HeldSlots: WireCodable {
  public var encodedByteCount: Int { 16 }

  public func encode(into writer: inout WireWriter) {
    ballot.encode(into: &writer)
    last.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    ballot = try MultiPaxosReplica.Ballot(from: &reader)
    last = try LogIndex(from: &reader)
  }
}

extension MultiPaxosReplica.Gap: WireCodable {
  public var encodedByteCount: Int { 12 }

  public func encode(into writer: inout WireWriter) {
    first.encode(into: &writer)
    writer.write(UInt32(clamping: count))
  }

  public init(from reader: inout WireReader) throws(WireError) {
    first = try LogIndex(from: &reader)
    count = Int(try reader.read(UInt32.self))
  }
}

extension MultiPaxosReplica.Message: WireCodable {
  private enum Tag: UInt8 {
    case prepare = 1, promise, accept, accepted, preempted, heartbeat, heartbeatAcknowledged
    case prePrepare, prePromise, snapshot, replaced, noted, promoted
  }

  public var encodedByteCount: Int {
    switch self {
    case .prepare(_, _, let held): 17 + held.encodedByteCount
    case .promise(_, _, let accepted, let next, _, let generations):
      18 + accepted.encodedByteCount + next.encodedByteCount + generations.encodedByteCount
    case .accept(_, _, let values, _, _): 33 + values.encodedByteCount
    case .accepted: 42
    case .preempted, .prePrepare, .prePromise: 9
    case .heartbeat: 33
    case .heartbeatAcknowledged: 29
    case .replaced(_, let generations), .noted(_, let generations),
      .promoted(_, let generations):
      9 + generations.encodedByteCount
    case .snapshot(let message): 1 + message.encodedByteCount
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .snapshot(let message):
      writer.write(Tag.snapshot.rawValue)
      message.encode(into: &writer)
    case .prePrepare(let ballot):
      writer.write(Tag.prePrepare.rawValue)
      ballot.encode(into: &writer)
    case .prePromise(let ballot):
      writer.write(Tag.prePromise.rawValue)
      ballot.encode(into: &writer)
    case .prepare(let ballot, let from, let held):
      writer.write(Tag.prepare.rawValue)
      ballot.encode(into: &writer)
      from.encode(into: &writer)
      held.encode(into: &writer)
    case .promise(let ballot, let from, let accepted, let next, let isContinued, let generations):
      writer.write(Tag.promise.rawValue)
      ballot.encode(into: &writer)
      from.encode(into: &writer)
      accepted.encode(into: &writer)
      next.encode(into: &writer)
      writer.write(UInt8(isContinued ? 1 : 0))
      generations.encode(into: &writer)
    case .accept(let ballot, let first, let values, let commitIndex, let round):
      writer.write(Tag.accept.rawValue)
      ballot.encode(into: &writer)
      first.encode(into: &writer)
      values.encode(into: &writer)
      commitIndex.encode(into: &writer)
      writer.write(round)
    case .accepted(let ballot, let first, let count, let gap, let standing):
      writer.write(Tag.accepted.rawValue)
      ballot.encode(into: &writer)
      first.encode(into: &writer)
      writer.write(UInt32(clamping: count))
      gap.encode(into: &writer)
      standing.encode(into: &writer)
    case .preempted(let ballot):
      writer.write(Tag.preempted.rawValue)
      ballot.encode(into: &writer)
    case .heartbeat(let ballot, let commitIndex, let next, let round):
      writer.write(Tag.heartbeat.rawValue)
      ballot.encode(into: &writer)
      commitIndex.encode(into: &writer)
      next.encode(into: &writer)
      writer.write(round)
    case .heartbeatAcknowledged(let ballot, let round, let gap):
      writer.write(Tag.heartbeatAcknowledged.rawValue)
      ballot.encode(into: &writer)
      writer.write(round)
      gap.encode(into: &writer)
    case .replaced(let ballot, let generations):
      Self.encode(.replaced, ballot, generations, into: &writer)
    case .noted(let ballot, let generations):
      Self.encode(.noted, ballot, generations, into: &writer)
    case .promoted(let ballot, let generations):
      Self.encode(.promoted, ballot, generations, into: &writer)
    }
  }

  private static func encode(
    _ tag: Tag, _ ballot: MultiPaxosReplica.Ballot, _ generations: [UInt64],
    into writer: inout WireWriter
  ) {
    writer.write(tag.rawValue)
    ballot.encode(into: &writer)
    generations.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let number = try reader.read(UInt8.self)
    switch Tag(rawValue: number) {
    case .snapshot: self = .snapshot(try SnapshotMessage(from: &reader))
    case .prePrepare: self = .prePrepare(ballot: try MultiPaxosReplica.Ballot(from: &reader))
    case .prePromise: self = .prePromise(ballot: try MultiPaxosReplica.Ballot(from: &reader))
    case .prepare:
      self = .prepare(
        ballot: try MultiPaxosReplica.Ballot(from: &reader), from: try LogIndex(from: &reader),
        held: try [MultiPaxosReplica.HeldSlots](from: &reader))
    case .promise:
      self = .promise(
        ballot: try MultiPaxosReplica.Ballot(from: &reader), from: try LogIndex(from: &reader),
        accepted: try [MultiPaxosReplica.AcceptedValue](from: &reader),
        next: try LogIndex?(from: &reader),
        isContinued: try reader.readFlag(), generations: try [UInt64](from: &reader))
    case .accept:
      self = .accept(
        ballot: try MultiPaxosReplica.Ballot(from: &reader), first: try LogIndex(from: &reader),
        values: try [Batch](from: &reader), commitIndex: try LogIndex(from: &reader),
        round: try reader.read(UInt64.self))
    case .accepted:
      self = .accepted(
        ballot: try MultiPaxosReplica.Ballot(from: &reader), first: try LogIndex(from: &reader),
        count: Int(try reader.read(UInt32.self)), gap: try MultiPaxosReplica.Gap(from: &reader),
        standing: try DiskStanding(from: &reader))
    case .preempted: self = .preempted(by: try MultiPaxosReplica.Ballot(from: &reader))
    case .heartbeat:
      self = .heartbeat(
        ballot: try MultiPaxosReplica.Ballot(from: &reader),
        commitIndex: try LogIndex(from: &reader),
        next: try LogIndex(from: &reader), round: try reader.read(UInt64.self))
    case .heartbeatAcknowledged:
      self = .heartbeatAcknowledged(
        ballot: try MultiPaxosReplica.Ballot(from: &reader), round: try reader.read(UInt64.self),
        gap: try MultiPaxosReplica.Gap(from: &reader))
    case .replaced:
      self = .replaced(
        ballot: try MultiPaxosReplica.Ballot(from: &reader),
        generations: try [UInt64](from: &reader))
    case .noted:
      self = .noted(
        ballot: try MultiPaxosReplica.Ballot(from: &reader),
        generations: try [UInt64](from: &reader))
    case .promoted:
      self = .promoted(
        ballot: try MultiPaxosReplica.Ballot(from: &reader),
        generations: try [UInt64](from: &reader))
    case nil: throw .malformed("\(number) is no Multi-Paxos message")
    }
  }
}
