import Primitives
import Replication
import WireFormat

/// The last request of each client and its response. They are part of the replicated state, so that
/// a request takes effect exactly once however often it is sent and ordered (Ongaro 2014 §6.3).
///
/// A client has one request outstanding and numbers its requests upwards, so the last one is
/// enough: a request with a lower number was given up by its client and must not take effect any
/// more.
///
/// A session that was not used for some time by the logged time (`SessionStamp`) is removed, and so
/// are the sessions that were not used for longest when there are more than `limit`. A request that
/// continues a removed session is refused (`Standing.expired`), because it may have taken effect
/// before. Without a stamp and below an eighth of the limit, the bytes of a table are those of its
/// sessions alone.
public struct Sessions<Response: WireCodable & Equatable & Sendable>: Sendable {
  public enum Standing: Equatable {
    /// Not seen before: apply it.
    case fresh
    /// Applied already, with this response.
    case answered(Response)
    /// The client has sent a later request.
    case superseded
    /// The request continues a session that has been removed.
    case expired
  }

  public struct Session: Sendable {
    public var sequence: UInt64
    public var response: Response
    /// The period in which it was last used.
    public var period: UInt64

    public init(sequence: UInt64, response: Response, period: UInt64 = 0) {
      self.sequence = sequence
      self.response = response
      self.period = period
    }

    /// Replaces the session by its state after a further request. One access, because each access
    /// to an element of an array checks the array.
    @inline(__always)
    public mutating func replace(
      by later: consuming Session
    ) -> (responseByteCount: Int, period: UInt64) {
      let earlier = (response.encodedByteCount, period)
      self = later
      return earlier
    }
  }

  public var sessions: FlatTable<ClientID, Session>
  public var periods = SessionPeriods()
  /// Bytes of the responses, as messages carry them.
  public private(set) var responseByteCount = 0
  /// The most sessions; the same on every replica.
  public let limit: Int

  public init(secret: FlatHashSecret = .known, limit: Int = SessionPeriods.mostSessions) {
    sessions = FlatTable(secret: secret)
    self.limit = limit
  }

  public var count: Int { sessions.count }

  /// How many bytes of memory the sessions take.
  public var allocatedByteCount: Int { responseByteCount + sessions.allocatedByteCount }

  public func standing(of id: RequestID) -> Standing { standing(of: id, at: place(of: id.client)) }

  /// The position of the client's session, if it has one. Passing it to the methods below saves a
  /// second look-up.
  public func place(of client: ClientID) -> Int? { sessions.position(of: client) }

  /// - Parameters:
  ///   - place: the position of the client's session.
  ///   - continues: whether the client had a session when it sent the request.
  public func standing(of id: RequestID, at place: Int?, continues: Bool = false) -> Standing {
    guard let place else { return continues ? .expired : .fresh }
    let sequence = sessions.values[place].sequence
    if usually(id.sequence > sequence) { return .fresh }
    return id.sequence == sequence ? .answered(sessions.values[place].response) : .superseded
  }

  /// Remembers the response to a fresh request.
  /// - Parameter place: the position of the client's session.
  @inline(__always)
  public mutating func record(_ id: RequestID, response: consuming Response, at place: Int?) {
    responseByteCount += response.encodedByteCount
    let session = Session(sequence: id.sequence, response: response, period: periods.current)
    guard let place else { return begin(session, of: id.client) }
    let earlier = sessions.values[place].replace(by: session)
    responseByteCount -= earlier.responseByteCount
    if rarely(earlier.period != periods.current) { periods.noteUse(after: earlier.period) }
  }

  private mutating func begin(_ session: Session, of client: ClientID) {
    sessions.set(client, to: session)
    periods.noteNew()
    if periods.newCount >= max(limit / 8, 1) { periods.begin() }
    if sessions.count > limit { removeLeastUsed() }
  }

  /// Applies a stamp of the log, and removes the sessions that have expired by then.
  public mutating func advance(to stamp: SessionStamp) {
    guard stamp.time > periods.time else { return }
    if periods.advance(to: stamp) { removeSessions() }
  }

  private mutating func removeLeastUsed() {
    var rest = sessions.count
    while rest > limit, let count = periods.dropOldest() { rest -= count }
    removeSessions()
  }

  /// Removes the sessions of dropped periods. A new table replaces the old one, because a table
  /// never gives memory back.
  private mutating func removeSessions() {
    var kept = FlatTable<ClientID, Session>(secret: sessions.secret)
    responseByteCount = 0
    for position in sessions.keys.indices
    where sessions.values[position].period >= periods.oldest {
      kept.set(sessions.keys[position], to: sessions.values[position])
      responseByteCount += sessions.values[position].response.encodedByteCount
    }
    sessions = kept
  }

  /// Marks a number of sessions after which the periods follow.
  private static var mark: UInt32 { 1 << 31 }

  /// Writes the table as bytes, the same for equal tables.
  public func encode(into writer: inout WireWriter) {
    let hasPeriods = !periods.isInitial
    writer.write(UInt32(sessions.count) | (hasPeriods ? Self.mark : 0))
    if hasPeriods { periods.encode(into: &writer) }
    for position in sessions.keys.indices.sorted(by: { sessions.keys[$0] < sessions.keys[$1] }) {
      let client = sessions.keys[position]
      let session = sessions.values[position]
      writer.write(client.rawValue)
      writer.write(session.sequence)
      if hasPeriods { writer.write(session.period) }
      session.response.encode(into: &writer)
    }
  }

  /// Reads the output of `encode` into a table without sessions.
  public mutating func restore(from reader: inout WireReader) throws(WireError) {
    let marked = try reader.read(UInt32.self)
    let count = Int(marked & ~Self.mark)
    guard count <= reader.remaining / 17 else { throw .truncated }
    if marked != UInt32(count) { periods = try SessionPeriods(from: &reader) }
    let hasPeriods = marked != UInt32(count)
    for _ in 0..<count {
      let client = ClientID(try reader.read(UInt64.self))
      let sequence = try reader.read(UInt64.self)
      let period = hasPeriods ? try reader.read(UInt64.self) : 0
      guard periods.noteRestored(period) else {
        throw .malformed("a session of period \(period)")
      }
      let response = try Response(from: &reader)
      responseByteCount += response.encodedByteCount
      sessions.set(client, to: Session(sequence: sequence, response: response, period: period))
    }
    if !hasPeriods { periods.newCount = count }
  }
}
