import Replication
import WireFormat

// Binary forms: one byte for the case, then the fields in the order of their declaration.

extension RaftReplica.Entry: WireCodable {
  public var encodedByteCount: Int { 8 + batch.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    writer.write(term)
    batch.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    term = try reader.read(UInt64.self)
    batch = try Batch(from: &reader)
  }
}

extension RaftReplica.Message: WireCodable {
  private enum Tag: UInt8 {
    case requestVote = 1
    case voteReply, appendEntries, appendAccepted, appendRejected, newerTerm, roundConfirmed
    case snapshot
    case promoted
  }

  public var encodedByteCount: Int {
    switch self {
    case .requestVote: 1 + 25
    case .voteReply: 1 + 10
    case .appendEntries(let request): 1 + 40 + request.entries.encodedByteCount
    case .appendAccepted: 1 + 24 + 9
    case .appendRejected: 1 + 56 + 9
    case .promoted: 1 + 24
    case .roundConfirmed: 1 + 16
    case .newerTerm: 1 + 8
    case .snapshot(let message): 1 + message.encodedByteCount
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .requestVote(let request):
      writer.write(Tag.requestVote.rawValue)
      writer.write(request.term)
      request.lastLogIndex.encode(into: &writer)
      writer.write(request.lastLogTerm)
      writer.write(request.isPreVote)
    case .voteReply(let reply):
      writer.write(Tag.voteReply.rawValue)
      writer.write(reply.term)
      writer.write(reply.isGranted)
      writer.write(reply.isPreVote)
    case .appendEntries(let request):
      writer.write(Tag.appendEntries.rawValue)
      writer.write(request.term)
      request.prevLogIndex.encode(into: &writer)
      writer.write(request.prevLogTerm)
      request.leaderCommit.encode(into: &writer)
      writer.write(request.readRound)
      request.entries.encode(into: &writer)
    case .appendAccepted(let reply):
      writer.write(Tag.appendAccepted.rawValue)
      writer.write(reply.term)
      reply.matchIndex.encode(into: &writer)
      writer.write(reply.readRound)
      reply.standing.encode(into: &writer)
    case .appendRejected(let reply):
      writer.write(Tag.appendRejected.rawValue)
      writer.write(reply.term)
      reply.prevLogIndex.encode(into: &writer)
      writer.write(reply.conflictTerm)
      reply.conflictIndex.encode(into: &writer)
      reply.lastLogIndex.encode(into: &writer)
      reply.gapEnd.encode(into: &writer)
      writer.write(reply.readRound)
      reply.standing.encode(into: &writer)
    case .roundConfirmed(let reply):
      writer.write(Tag.roundConfirmed.rawValue)
      writer.write(reply.term)
      writer.write(reply.readRound)
    case .newerTerm(let term):
      writer.write(Tag.newerTerm.rawValue)
      writer.write(term)
    case .snapshot(let message):
      writer.write(Tag.snapshot.rawValue)
      message.encode(into: &writer)
    case .promoted(let word):
      writer.write(Tag.promoted.rawValue)
      writer.write(word.term)
      word.index.encode(into: &writer)
      writer.write(word.generation)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let number = try reader.read(UInt8.self)
    guard let tag = Tag(rawValue: number) else { throw .malformed("\(number) is no Raft message") }
    if tag == .snapshot {
      self = .snapshot(try SnapshotMessage(from: &reader))
      return
    }
    let term = try reader.read(UInt64.self)
    switch tag {
    case .snapshot: throw .malformed("a snapshot has no term")
    case .requestVote:
      self = .requestVote(
        .init(
          term: term, lastLogIndex: try LogIndex(from: &reader),
          lastLogTerm: try reader.read(UInt64.self), isPreVote: try reader.readFlag()))
    case .voteReply:
      self = .voteReply(
        .init(term: term, isGranted: try reader.readFlag(), isPreVote: try reader.readFlag()))
    case .appendEntries:
      self = .appendEntries(
        .init(
          term: term, prevLogIndex: try LogIndex(from: &reader),
          prevLogTerm: try reader.read(UInt64.self), leaderCommit: try LogIndex(from: &reader),
          readRound: try reader.read(UInt64.self),
          entries: try [RaftReplica.Entry](from: &reader)))
    case .appendAccepted:
      self = .appendAccepted(
        .init(
          term: term, matchIndex: try LogIndex(from: &reader),
          readRound: try reader.read(UInt64.self),
          standing: try DiskStanding(from: &reader)))
    case .appendRejected:
      self = .appendRejected(
        .init(
          term: term, prevLogIndex: try LogIndex(from: &reader),
          conflictTerm: try reader.read(UInt64.self), conflictIndex: try LogIndex(from: &reader),
          lastLogIndex: try LogIndex(from: &reader), gapEnd: try LogIndex(from: &reader),
          readRound: try reader.read(UInt64.self),
          standing: try DiskStanding(from: &reader)))
    case .roundConfirmed:
      self = .roundConfirmed(.init(term: term, readRound: try reader.read(UInt64.self)))
    case .newerTerm: self = .newerTerm(term)
    case .promoted:
      self = .promoted(
        .init(
          term: term, index: try LogIndex(from: &reader), generation: try reader.read(UInt64.self)))
    }
  }
}
