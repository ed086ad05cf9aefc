import Primitives
import Replication
import WireFormat

/// The last request of each client and its response. They are part of the replicated state, so that
/// a request takes effect exactly once however often it is sent and ordered (Ongaro 2014 §6.3).
///
/// A client has one request outstanding and numbers its requests upwards, so the last one is
/// enough: a request with a lower number was given up by its client and must not take effect any
/// more.
public struct Sessions<Response: WireCodable & Equatable & Sendable>: Sendable {
  public enum Standing: Equatable {
    /// Not seen before: apply it.
    case fresh
    /// Applied already, with this response.
    case answered(Response)
    /// The client has sent a later request.
    case superseded
  }

  public struct Session: Sendable {
    public var sequence: UInt64
    public var response: Response

    public init(sequence: UInt64, response: Response) {
      self.sequence = sequence
      self.response = response
    }
  }

  public var sessions = FlatTable<ClientID, Session>()

  public init(secret: FlatHashSecret = .known) { sessions = FlatTable(secret: secret) }

  public var count: Int { sessions.count }

  public func standing(of id: RequestID) -> Standing { standing(of: id, at: place(of: id.client)) }

  /// The position of the client's session, if it has one. Passing it to the methods below saves a
  /// second look-up.
  public func place(of client: ClientID) -> Int? { sessions.position(of: client) }

  /// - Parameter place: the position of the client's session.
  public func standing(of id: RequestID, at place: Int?) -> Standing {
    guard let place else { return .fresh }
    let sequence = sessions.values[place].sequence
    if id.sequence > sequence { return .fresh }
    return id.sequence == sequence ? .answered(sessions.values[place].response) : .superseded
  }

  /// Remembers the response to a fresh request.
  /// - Parameter place: the position of the client's session.
  public mutating func record(_ id: RequestID, response: Response, at place: Int?) {
    guard let place else {
      sessions.set(id.client, to: Session(sequence: id.sequence, response: response))
      return
    }
    sessions.values[place].sequence = id.sequence
    sessions.values[place].response = response
  }

  /// Writes the table as bytes, the same for equal tables.
  public func encode(into writer: inout WireWriter) {
    writer.write(UInt32(sessions.count))
    for position in sessions.keys.indices.sorted(by: { sessions.keys[$0] < sessions.keys[$1] }) {
      let client = sessions.keys[position]
      let session = sessions.values[position]
      writer.write(client.rawValue)
      writer.write(session.sequence)
      session.response.encode(into: &writer)
    }
  }

  /// Reads the output of `encode` into a table without sessions.
  public mutating func restore(from reader: inout WireReader) throws(WireError) {
    let count = try reader.readCount(elementSize: 17)
    for _ in 0..<count {
      let client = ClientID(try reader.read(UInt64.self))
      let sequence = try reader.read(UInt64.self)
      let response = try Response(from: &reader)
      sessions.set(client, to: Session(sequence: sequence, response: response))
    }
  }
}
