import Replication
import WireFormat

/// Divides the use of sessions into periods, so that the sessions that were not used for longest
/// are found without an order of all sessions.
///
/// A period ends with a stamp of the log (`SessionStamp`), or when an eighth of the possible
/// sessions have begun in it. It is dropped, with all sessions last used in it, when the logged
/// time is as much later than its end as a stamp asks for, so that a session is never removed
/// early. All of this follows from the log alone, so that it is the same on every replica.
public struct SessionPeriods: Sendable, Equatable {
  struct Period: Sendable, Equatable {
    /// The number of sessions last used in it.
    var count = 0
    /// The time of the first stamp after the period; zero if there has been none.
    var end: UInt64 = 0
  }

  /// The most sessions that a replica keeps.
  public static var mostSessions: Int { 1 << 18 }

  /// The logged time, in nanoseconds.
  public private(set) var time: UInt64 = 0
  /// The number of the first period.
  public private(set) var oldest: UInt64 = 0
  /// From `oldest` on; the last one is the current one.
  private var periods = [Period()]
  /// Sessions that have begun in the current period.
  public var newCount = 0

  public init() {}

  public var current: UInt64 { oldest + UInt64(periods.count - 1) }

  /// Whether there has been only one period, and no stamp.
  public var isInitial: Bool { time == 0 && current == 0 }

  public mutating func noteNew() {
    newCount += 1
    periods[periods.count - 1].count += 1
  }

  /// Notes the first use in the current period of a session that was last used in an earlier one.
  public mutating func noteUse(after period: UInt64) {
    periods[Int(period - oldest)].count -= 1
    periods[periods.count - 1].count += 1
  }

  /// Begins the next period.
  public mutating func begin() {
    periods.append(Period())
    newCount = 0
  }

  /// Drops the first period, and begins another one if that was the current one.
  /// - Returns: the number of its sessions.
  public mutating func dropOldest() -> Int? {
    if periods.count == 1 { begin() }
    oldest += 1
    return periods.removeFirst().count
  }

  /// - Returns: whether sessions have expired.
  public mutating func advance(to stamp: SessionStamp) -> Bool {
    time = stamp.time
    begin()
    for index in periods.indices.dropLast() where periods[index].end == 0 {
      periods[index].end = time
    }
    var expired = 0
    while periods.count > 1, time - periods[0].end >= stamp.expiry {
      expired += dropOldest() ?? 0
    }
    return expired > 0
  }

  /// Counts a restored session.
  /// - Returns: false if the period is none of those in the table.
  mutating func noteRestored(_ period: UInt64) -> Bool {
    guard period >= oldest, period <= current else { return false }
    periods[Int(period - oldest)].count += 1
    return true
  }

  func encode(into writer: inout WireWriter) {
    writer.write(time)
    writer.write(oldest)
    writer.write(UInt32(newCount))
    writer.write(UInt32(periods.count - 1))
    for period in periods.dropLast() { writer.write(period.end) }
  }

  init(from reader: inout WireReader) throws(WireError) {
    time = try reader.read(UInt64.self)
    oldest = try reader.read(UInt64.self)
    newCount = Int(try reader.read(UInt32.self))
    let count = try reader.readCount(elementSize: 8)
    guard time <= SessionStamp.latest, oldest <= SessionStamp.latest else {
      throw .malformed("sessions at time \(time) in period \(oldest)")
    }
    periods = []
    for _ in 0..<count {
      let end = try reader.read(UInt64.self)
      guard end <= time else { throw .malformed("a period that ends at \(end)") }
      periods.append(Period(end: end))
    }
    periods.append(Period())
  }
}

/// Decides when a host orders a stamp, and computes its time.
///
/// The logged time counts the time that passes at the nodes that order updates. A host adds to the
/// last stamp the time that has passed on its own clock since it applied that stamp, or since it
/// started. Clocks of different nodes are thus never compared, and a change of leader cannot turn
/// the logged time back. While the whole cluster is down it stands still.
public struct SessionStamping: Sendable {
  public let expiry: Interval
  /// When the host applied the last stamp, or started.
  private var anchor = Instant.zero
  private var dueAt = Instant(nanoseconds: .max)

  /// Stamps in the time after which a session expires. Between them sessions may live longer.
  private static var stampsPerExpiry: Int { 12 }

  public init(expiry: Interval) { self.expiry = expiry }

  /// Notes that the host has started or applied a stamp.
  public mutating func begin(at now: Instant) {
    anchor = now
    delay(at: now)
  }

  private mutating func delay(at now: Instant) { dueAt = now + expiry / Self.stampsPerExpiry }

  @inline(__always)
  public func isDue(at now: Instant) -> Bool { now >= dueAt }

  /// The stamp to order now.
  /// - Parameter time: that of the last stamp applied.
  public mutating func next(after time: UInt64, at now: Instant) -> SessionStamp {
    delay(at: now)
    return SessionStamp(
      time: time + UInt64(max((now - anchor).nanoseconds, 0)),
      expiry: UInt64(expiry.nanoseconds))
  }
}
