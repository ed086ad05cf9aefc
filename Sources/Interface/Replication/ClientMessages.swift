import WireFormat

/// A client's request to a replica. A retry is the same request, sent once more.
public struct ClientRequest<Command: WireCodable & Equatable & Sendable>: Equatable, Sendable {
  public var id: RequestID
  public var command: Command
  /// How much longer the client waits for an answer, counted from when it sent this; zero if it
  /// does not say. A duration and not a time, because the clocks of nodes differ.
  public var timeLeft: Interval
  /// Whether an earlier update of the client was answered, so that replicas have a session for it
  /// unless that has expired. An update that continues an expired session has no effect.
  public var continues: Bool

  public init(
    id: RequestID, command: Command, timeLeft: Interval = .zero, continues: Bool = false
  ) {
    self.id = id
    self.command = command
    self.timeLeft = timeLeft
    self.continues = continues
  }
}

/// A replica's answer to one request.
public struct ClientReply<Response: WireCodable & Equatable & Sendable>: Equatable, Sendable {
  public enum Result: Equatable, Sendable {
    case answer(Response)
    /// The replica did not take the request, which has had no effect so far. It names the replica
    /// that it expects to take it, if it has an idea.
    case redirect(ReplicaID?)
    /// The replica has too much to do (`RequestLimits`). It has not taken the request and will not
    /// take it from the message that it answers with this.
    case busy
    /// The update continues a session that has expired. What was ordered now has no effect; an
    /// earlier copy of the request may have had one before.
    case expired
  }

  public var id: RequestID
  public var result: Result

  public init(id: RequestID, result: Result) {
    self.id = id
    self.result = result
  }
}

/// The first part of an encoded request. The time left is encoded only if there is one, after a
/// sequence number with its highest bit set. The second highest bit says that the request continues
/// a session.
public struct RequestHead: WireCodable, Equatable, Sendable {
  public var id: RequestID
  public var timeLeft: Interval
  public var continues: Bool

  static var continuing: UInt64 { 1 << 62 }
  private static var flag: UInt64 { 1 << 63 }
  /// Longer times are nonsense, and sums with them might overflow.
  private static var longest: UInt64 { 1 << 60 }

  public init(id: RequestID, timeLeft: Interval, continues: Bool = false) {
    self.id = id
    self.timeLeft = timeLeft
    self.continues = continues
  }

  public var encodedByteCount: Int { id.encodedByteCount + (timeLeft > .zero ? 8 : 0) }

  public func encode(into writer: inout WireWriter) {
    let flags = (timeLeft > .zero ? Self.flag : 0) | (continues ? Self.continuing : 0)
    RequestID(client: id.client, sequence: id.sequence | flags).encode(into: &writer)
    if timeLeft > .zero { writer.write(UInt64(timeLeft.nanoseconds)) }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let marked = try RequestID(from: &reader)
    // Stamps are ordered by replicas alone.
    guard marked.client != SessionStamp.client else { throw .malformed("a stamp as a request") }
    id = RequestID(client: marked.client, sequence: marked.sequence & (Self.continuing - 1))
    timeLeft = .zero
    continues = marked.sequence & Self.continuing != 0
    guard marked.sequence & Self.flag != 0 else { return }
    let left = try reader.read(UInt64.self)
    guard left > 0, left <= Self.longest else { throw .malformed("\(left) ns left to answer") }
    timeLeft = Interval(nanoseconds: Int64(left))
  }
}

extension ClientRequest: WireCodable {
  public var head: RequestHead { RequestHead(id: id, timeLeft: timeLeft, continues: continues) }

  public var encodedByteCount: Int { head.encodedByteCount + command.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    head.encode(into: &writer)
    command.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let head = try RequestHead(from: &reader)
    self.init(
      id: head.id, command: try Command(from: &reader), timeLeft: head.timeLeft,
      continues: head.continues)
  }
}

extension ClientReply: WireCodable {
  public var encodedByteCount: Int {
    switch result {
    case .answer(let response): id.encodedByteCount + 1 + response.encodedByteCount
    case .redirect(let replica): id.encodedByteCount + 1 + replica.encodedByteCount
    case .busy, .expired: id.encodedByteCount + 1
    }
  }

  public func encode(into writer: inout WireWriter) {
    id.encode(into: &writer)
    switch result {
    case .answer(let response):
      writer.write(UInt8(0))
      response.encode(into: &writer)
    case .redirect(let replica):
      writer.write(UInt8(1))
      replica.encode(into: &writer)
    case .busy: writer.write(UInt8(2))
    case .expired: writer.write(UInt8(3))
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    id = try RequestID(from: &reader)
    switch try reader.read(UInt8.self) {
    case 0: result = .answer(try Response(from: &reader))
    case 1: result = .redirect(try ReplicaID?(from: &reader))
    case 2: result = .busy
    case 3: result = .expired
    case let kind: throw .malformed("\(kind) is no client reply")
    }
  }
}
