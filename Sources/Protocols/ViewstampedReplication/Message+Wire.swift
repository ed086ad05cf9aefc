import Replication
import WireFormat

// Binary forms: one byte for the case, then the fields in the order of their declaration.

extension Viewstamp: WireCodable {
  public var encodedByteCount: Int { 16 }

  public func encode(into writer: inout WireWriter) {
    writer.write(view)
    op.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    view = try reader.read(UInt64.self)
    op = try LogIndex(from: &reader)
  }
}

extension ViewstampedReplica.Incarnation: WireCodable {
  public var encodedByteCount: Int { 16 }

  public func encode(into writer: inout WireWriter) {
    writer.write(generation)
    writer.write(start)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    generation = try reader.read(UInt64.self)
    start = try reader.read(UInt64.self)
  }
}

extension ViewstampedReplica.StartView: WireCodable {
  public var encodedByteCount: Int { 24 + history.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    writer.write(view)
    op.encode(into: &writer)
    commit.encode(into: &writer)
    history.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    view = try reader.read(UInt64.self)
    op = try LogIndex(from: &reader)
    commit = try LogIndex(from: &reader)
    history = try [Viewstamp](from: &reader)
  }
}

extension ViewstampedReplica.Message: WireCodable {
  private enum Tag: UInt8 {
    case prepare = 1
    case prepareOK, commit, commitOK, startViewChange, doViewChange, startView, getState, newState
    case recovery, recoveryResponse, newerView, snapshot
  }

  private var tag: Tag {
    switch self {
    case .prepare: .prepare
    case .prepareOK: .prepareOK
    case .commit: .commit
    case .commitOK: .commitOK
    case .startViewChange: .startViewChange
    case .doViewChange: .doViewChange
    case .startView: .startView
    case .getState: .getState
    case .newState: .newState
    case .recovery: .recovery
    case .recoveryResponse: .recoveryResponse
    case .newerView: .newerView
    case .snapshot: .snapshot
    }
  }

  public var encodedByteCount: Int {
    switch self {
    case .prepare(let message): 1 + 32 + message.batches.encodedByteCount
    case .prepareOK, .commitOK: 1 + 16
    case .commit: 1 + 33
    case .startViewChange, .newerView: 1 + 8
    case .doViewChange(let message):
      1 + 32 + message.history.encodedByteCount + message.incarnations.encodedByteCount
    case .startView(let message): 1 + message.encodedByteCount
    case .getState: 1 + 32
    case .newState(let message): 1 + 33 + message.batches.encodedByteCount
    case .recovery(let nonce): 1 + nonce.encodedByteCount
    case .recoveryResponse(let message):
      1 + 24 + message.incarnations.encodedByteCount + 1 + (message.log?.encodedByteCount ?? 0)
    case .snapshot(let message): 1 + message.encodedByteCount
    }
  }

  public func encode(into writer: inout WireWriter) {
    writer.write(tag.rawValue)
    switch self {
    case .prepare(let message):
      writer.write(message.view)
      message.op.encode(into: &writer)
      message.commit.encode(into: &writer)
      writer.write(message.readRound)
      message.batches.encode(into: &writer)
    case .prepareOK(let message):
      writer.write(message.view)
      message.op.encode(into: &writer)
    case .commit(let message):
      writer.write(message.view)
      message.commit.encode(into: &writer)
      message.op.encode(into: &writer)
      writer.write(message.readRound)
      writer.write(message.asks)
    case .commitOK(let message):
      writer.write(message.view)
      writer.write(message.readRound)
    case .startViewChange(let view), .newerView(let view): writer.write(view)
    case .doViewChange(let message):
      writer.write(message.view)
      writer.write(message.lastNormalView)
      message.op.encode(into: &writer)
      message.commit.encode(into: &writer)
      message.history.encode(into: &writer)
      message.incarnations.encode(into: &writer)
    case .startView(let message): message.encode(into: &writer)
    case .getState(let message):
      writer.write(message.view)
      message.op.encode(into: &writer)
      message.through.encode(into: &writer)
      writer.write(message.answered)
    case .newState(let message):
      writer.write(message.view)
      message.op.encode(into: &writer)
      writer.write(message.opView)
      writer.write(message.answer)
      writer.write(message.isContinued)
      message.batches.encode(into: &writer)
    case .recovery(let nonce): nonce.encode(into: &writer)
    case .recoveryResponse(let message):
      writer.write(message.view)
      message.nonce.encode(into: &writer)
      message.incarnations.encode(into: &writer)
      writer.write(message.log != nil)
      message.log?.encode(into: &writer)
    case .snapshot(let message): message.encode(into: &writer)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let number = try reader.read(UInt8.self)
    guard let tag = Tag(rawValue: number) else {
      throw .malformed("\(number) is no message of viewstamped replication")
    }
    switch tag {
    case .prepare:
      self = .prepare(
        .init(
          view: try reader.read(UInt64.self), op: try LogIndex(from: &reader),
          commit: try LogIndex(from: &reader), readRound: try reader.read(UInt64.self),
          batches: try [Batch](from: &reader)))
    case .prepareOK:
      self = .prepareOK(
        .init(view: try reader.read(UInt64.self), op: try LogIndex(from: &reader)))
    case .commit:
      self = .commit(
        .init(
          view: try reader.read(UInt64.self), commit: try LogIndex(from: &reader),
          op: try LogIndex(from: &reader), readRound: try reader.read(UInt64.self),
          asks: try reader.readFlag()))
    case .commitOK:
      self = .commitOK(
        .init(view: try reader.read(UInt64.self), readRound: try reader.read(UInt64.self)))
    case .startViewChange: self = .startViewChange(try reader.read(UInt64.self))
    case .doViewChange:
      self = .doViewChange(
        .init(
          view: try reader.read(UInt64.self), lastNormalView: try reader.read(UInt64.self),
          op: try LogIndex(from: &reader), commit: try LogIndex(from: &reader),
          history: try [Viewstamp](from: &reader),
          incarnations: try [ViewstampedReplica.Incarnation](from: &reader)))
    case .startView: self = .startView(try ViewstampedReplica.StartView(from: &reader))
    case .getState:
      self = .getState(
        .init(
          view: try reader.read(UInt64.self), op: try LogIndex(from: &reader),
          through: try LogIndex(from: &reader), answered: try reader.read(UInt64.self)))
    case .newState:
      self = .newState(
        .init(
          view: try reader.read(UInt64.self), op: try LogIndex(from: &reader),
          opView: try reader.read(UInt64.self), answer: try reader.read(UInt64.self),
          isContinued: try reader.readFlag(), batches: try [Batch](from: &reader)))
    case .recovery: self = .recovery(nonce: try ViewstampedReplica.Incarnation(from: &reader))
    case .recoveryResponse:
      let view = try reader.read(UInt64.self)
      let nonce = try ViewstampedReplica.Incarnation(from: &reader)
      let incarnations = try [ViewstampedReplica.Incarnation](from: &reader)
      let log = try reader.readFlag() ? ViewstampedReplica.StartView(from: &reader) : nil
      self = .recoveryResponse(
        .init(view: view, nonce: nonce, incarnations: incarnations, log: log))
    case .newerView: self = .newerView(try reader.read(UInt64.self))
    case .snapshot: self = .snapshot(try SnapshotMessage(from: &reader))
    }
  }
}

extension ViewstampedReplica.Record: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .view: 1 + 16
    case .append(_, _, let batches): 1 + 16 + batches.encodedByteCount
    case .snapshot(let reference): 1 + reference.encodedByteCount
    case .started: 1 + 8
    case .recovered: 1
    case .incarnations(let incarnations): 1 + incarnations.encodedByteCount
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .view(let view, let lastNormal):
      writer.write(UInt8(1))
      writer.write(view)
      writer.write(lastNormal)
    case .append(let op, let view, let batches):
      writer.write(UInt8(2))
      op.encode(into: &writer)
      writer.write(view)
      batches.encode(into: &writer)
    case .snapshot(let reference):
      writer.write(UInt8(3))
      reference.encode(into: &writer)
    case .started(let count):
      writer.write(UInt8(4))
      writer.write(count)
    case .recovered: writer.write(UInt8(5))
    case .incarnations(let incarnations):
      writer.write(UInt8(6))
      incarnations.encode(into: &writer)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 1:
      self = .view(try reader.read(UInt64.self), lastNormal: try reader.read(UInt64.self))
    case 2:
      self = .append(
        at: try LogIndex(from: &reader), view: try reader.read(UInt64.self),
        try [Batch](from: &reader))
    case 3: self = .snapshot(try SnapshotReference(from: &reader))
    case 4: self = .started(try reader.read(UInt64.self))
    case 5: self = .recovered
    case 6: self = .incarnations(try [ViewstampedReplica.Incarnation](from: &reader))
    case let other: throw .malformed("\(other) is no record of viewstamped replication")
    }
  }
}
