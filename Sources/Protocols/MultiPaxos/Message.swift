import Replication
import WireFormat

// A proposer with ballot b takes over, then orders values; an unreliable network may lose any line.
//
//   proposer                      acceptor
//      │ Prepare(b, from s)          │
//      ├────────────────────────────►│ promised := b, durable
//      │ Promise(b, accepted ≥ s)    │
//      │◄────────────────────────────┤   a long report comes in pages, some for each Prepare
//      │ Accept(b, s..., values)     │
//      ├────────────────────────────►│ accepted[s...] := (b, value), durable
//      │ Accepted(b, s...)           │
//      │◄────────────────────────────┤
//      │   chosen: majority in b     │
//      │ next Accept or Heartbeat carries the commit index
//      ├────────────────────────────►│ marks what it accepted in b
//      │ its answer names the first  │
//      │ gap: slots that never came  │
//      │◄────────────────────────────┤
//      │ Accept for the gap          │
//      ├────────────────────────────►│

/// What acceptors say of one slot in a `Promise`.
public struct AcceptedValue: Equatable, Sendable {
  public var slot: LogIndex
  /// The ballot in which the value was accepted; `Ballot.chosen` if the acceptor knows it is
  /// chosen.
  public var ballot: Ballot
  public var value: Batch

  public init(slot: LogIndex, ballot: Ballot, value: Batch) {
    self.slot = slot
    self.ballot = ballot
    self.value = value
  }
}

/// The first slots that an acceptor lacks of the leader's ballot.
public struct Gap: Equatable, Sendable {
  /// What the acceptor holds in all slots below it is chosen, or accepted in the leader's ballot.
  public var first: LogIndex
  /// How many slots from `first` on are missing although later ones have come; zero if none is.
  public var count: Int

  public init(first: LogIndex, count: Int) {
    self.first = first
    self.count = count
  }

  /// Says nothing, and acknowledges nothing.
  static let unknown = Gap(first: .zero, count: 0)
}

/// What the replicas of Multi-Paxos say to each other.
public enum MultiPaxosMessage: Equatable, Sendable {
  /// Would you promise this ballot? It promises nothing, and asks for no report.
  case prePrepare(ballot: Ballot)
  /// Yes: the sender hears from no leader, and has promised no ballot as high.
  case prePromise(ballot: Ballot)
  /// Phase 1a: promise to ignore ballots below this one, and report all you accepted from `from`
  /// on.
  case prepare(ballot: Ballot, from: LogIndex)
  /// Phase 1b: everything this acceptor accepted in the slots `from ..< next`, in ascending order;
  /// without `next`, everything from `from` on. `isContinued` if another page follows unasked.
  case promise(
    ballot: Ballot, from: LogIndex, accepted: [AcceptedValue], next: LogIndex?,
    isContinued: Bool = false)
  /// Phase 2a for the slots from `first`, one per value; without values it asks for the answer
  /// alone. `commitIndex` and `round` as in a heartbeat.
  case accept(
    ballot: Ballot, first: LogIndex, values: [Batch], commitIndex: LogIndex, round: UInt64)
  /// Phase 2b for `count` slots from `first`, and for all slots below the gap.
  case accepted(ballot: Ballot, first: LogIndex, count: Int, gap: Gap)
  /// The message just received had a ballot below this one.
  case preempted(by: Ballot)
  /// The distinguished proposer lives; all slots to `commitIndex` are chosen, and those below
  /// `next` have been offered. A `round` above zero asks whether the ballot still holds, for reads.
  case heartbeat(ballot: Ballot, commitIndex: LogIndex, next: LogIndex, round: UInt64)
  /// The sender has promised no ballot above this one. What is below the gap may not be durable.
  case heartbeatAcknowledged(ballot: Ballot, round: UInt64, gap: Gap)
  /// What hosts exchange about snapshots, for all protocols alike.
  case snapshot(SnapshotMessage)
}

extension AcceptedValue: WireCodable {
  public var encodedByteCount: Int { 16 + value.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    slot.encode(into: &writer)
    ballot.encode(into: &writer)
    value.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    slot = try LogIndex(from: &reader)
    ballot = try Ballot(from: &reader)
    value = try Batch(from: &reader)
  }
}

extension Gap: WireCodable {
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

extension MultiPaxosMessage: WireCodable {
  private enum Kind: UInt8 {
    case prepare = 1, promise, accept, accepted, preempted, heartbeat, heartbeatAcknowledged
    case prePrepare, prePromise, snapshot
  }

  public var encodedByteCount: Int {
    switch self {
    case .prepare: 17
    case .promise(_, _, let accepted, let next, _):
      18 + accepted.encodedByteCount + next.encodedByteCount
    case .accept(_, _, let values, _, _): 33 + values.encodedByteCount
    case .accepted: 33
    case .preempted, .prePrepare, .prePromise: 9
    case .heartbeat: 33
    case .heartbeatAcknowledged: 29
    case .snapshot(let message): 1 + message.encodedByteCount
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .snapshot(let message):
      writer.write(Kind.snapshot.rawValue)
      message.encode(into: &writer)
    case .prePrepare(let ballot):
      writer.write(Kind.prePrepare.rawValue)
      ballot.encode(into: &writer)
    case .prePromise(let ballot):
      writer.write(Kind.prePromise.rawValue)
      ballot.encode(into: &writer)
    case .prepare(let ballot, let from):
      writer.write(Kind.prepare.rawValue)
      ballot.encode(into: &writer)
      from.encode(into: &writer)
    case .promise(let ballot, let from, let accepted, let next, let isContinued):
      writer.write(Kind.promise.rawValue)
      ballot.encode(into: &writer)
      from.encode(into: &writer)
      accepted.encode(into: &writer)
      next.encode(into: &writer)
      writer.write(UInt8(isContinued ? 1 : 0))
    case .accept(let ballot, let first, let values, let commitIndex, let round):
      writer.write(Kind.accept.rawValue)
      ballot.encode(into: &writer)
      first.encode(into: &writer)
      values.encode(into: &writer)
      commitIndex.encode(into: &writer)
      writer.write(round)
    case .accepted(let ballot, let first, let count, let gap):
      writer.write(Kind.accepted.rawValue)
      ballot.encode(into: &writer)
      first.encode(into: &writer)
      writer.write(UInt32(clamping: count))
      gap.encode(into: &writer)
    case .preempted(let ballot):
      writer.write(Kind.preempted.rawValue)
      ballot.encode(into: &writer)
    case .heartbeat(let ballot, let commitIndex, let next, let round):
      writer.write(Kind.heartbeat.rawValue)
      ballot.encode(into: &writer)
      commitIndex.encode(into: &writer)
      next.encode(into: &writer)
      writer.write(round)
    case .heartbeatAcknowledged(let ballot, let round, let gap):
      writer.write(Kind.heartbeatAcknowledged.rawValue)
      ballot.encode(into: &writer)
      writer.write(round)
      gap.encode(into: &writer)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let number = try reader.read(UInt8.self)
    switch Kind(rawValue: number) {
    case .snapshot: self = .snapshot(try SnapshotMessage(from: &reader))
    case .prePrepare: self = .prePrepare(ballot: try Ballot(from: &reader))
    case .prePromise: self = .prePromise(ballot: try Ballot(from: &reader))
    case .prepare:
      self = .prepare(ballot: try Ballot(from: &reader), from: try LogIndex(from: &reader))
    case .promise:
      self = .promise(
        ballot: try Ballot(from: &reader), from: try LogIndex(from: &reader),
        accepted: try [AcceptedValue](from: &reader), next: try LogIndex?(from: &reader),
        isContinued: try reader.readFlag())
    case .accept:
      self = .accept(
        ballot: try Ballot(from: &reader), first: try LogIndex(from: &reader),
        values: try [Batch](from: &reader), commitIndex: try LogIndex(from: &reader),
        round: try reader.read(UInt64.self))
    case .accepted:
      self = .accepted(
        ballot: try Ballot(from: &reader), first: try LogIndex(from: &reader),
        count: Int(try reader.read(UInt32.self)), gap: try Gap(from: &reader))
    case .preempted: self = .preempted(by: try Ballot(from: &reader))
    case .heartbeat:
      self = .heartbeat(
        ballot: try Ballot(from: &reader), commitIndex: try LogIndex(from: &reader),
        next: try LogIndex(from: &reader), round: try reader.read(UInt64.self))
    case .heartbeatAcknowledged:
      self = .heartbeatAcknowledged(
        ballot: try Ballot(from: &reader), round: try reader.read(UInt64.self),
        gap: try Gap(from: &reader))
    case nil: throw .malformed("\(number) is no kind of message")
    }
  }
}
