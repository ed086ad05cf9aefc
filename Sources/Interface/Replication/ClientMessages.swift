import WireFormat

/// A client's request to a replica. A retry is the same request, sent once more.
public struct ClientRequest<Command: WireCodable & Equatable & Sendable>: Equatable, Sendable {
  public var id: RequestID
  public var command: Command

  public init(id: RequestID, command: Command) {
    self.id = id
    self.command = command
  }
}

/// A replica's answer to one request.
public struct ClientReply<Response: WireCodable & Equatable & Sendable>: Equatable, Sendable {
  public enum Result: Equatable, Sendable {
    case answer(Response)
    /// The replica did not take the request, which has had no effect so far. It names the replica
    /// that it expects to take it, if it has an idea.
    case redirect(ReplicaID?)
  }

  public var id: RequestID
  public var result: Result

  public init(id: RequestID, result: Result) {
    self.id = id
    self.result = result
  }
}

extension ClientRequest: WireCodable {
  public var encodedByteCount: Int { id.encodedByteCount + command.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    id.encode(into: &writer)
    command.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    id = try RequestID(from: &reader)
    command = try Command(from: &reader)
  }
}

extension ClientReply: WireCodable {
  public var encodedByteCount: Int {
    switch result {
    case .answer(let response): id.encodedByteCount + 1 + response.encodedByteCount
    case .redirect(let replica): id.encodedByteCount + 1 + replica.encodedByteCount
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
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    id = try RequestID(from: &reader)
    switch try reader.read(UInt8.self) {
    case 0: result = .answer(try Response(from: &reader))
    case 1: result = .redirect(try ReplicaID?(from: &reader))
    case let kind: throw .malformed("\(kind) is no client reply")
    }
  }
}
