import Replication

/// Sends one snapshot to one replica. Several pages are under way at once, each sent once; lost
/// pages are sent again when the core asks again and the receiver has been silent for the time that
/// `pace` demands.
public struct SnapshotSending: Sendable {
  public let to: ReplicaID
  public let reference: SnapshotReference
  public let totalByteCount: Int
  public let pageByteCount: Int
  /// The receiver has all bytes before this offset.
  public var acknowledged = 0
  /// All bytes before this offset have been sent.
  public var next = 0
  /// The page that was sent again to a silent receiver, to learn from the answer which bytes it
  /// has.
  public var probe: Int?
  public var pace: ResendPace
  /// When the receiver last answered or the core last asked for the snapshot.
  public var lastUse: Instant

  /// The most pages under way. A heartbeat waits at most for these.
  static var window: Int { 4 }
  /// A sending ends if neither the core has asked for it nor the receiver has answered in this
  /// time, because the receiver then continues from the log.
  static var rest: Interval { .seconds(1) }

  init(
    to: ReplicaID, _ reference: SnapshotReference, totalByteCount: Int, pageByteCount: Int,
    at now: Instant
  ) {
    self.to = to
    self.reference = reference
    self.totalByteCount = totalByteCount
    self.pageByteCount = pageByteCount
    pace = ResendPace(least: .milliseconds(50))
    lastUse = now
  }

  func isInUse(at now: Instant) -> Bool { now - lastUse <= Self.rest }

  /// The next page to send, if one may leave.
  mutating func nextPage(at now: Instant) -> Range<Int>? {
    guard next < totalByteCount, next - acknowledged < Self.window * pageByteCount else {
      return nil
    }
    let page = next..<min(next + pageByteCount, totalByteCount)
    pace.sent(UInt64(page.upperBound), first: next == acknowledged, at: now)
    next = page.upperBound
    return page
  }

  /// Called when the core sees that the receiver still lacks entries. If the receiver has been
  /// silent for long, sends the first page that it has not acknowledged again, or the last page if
  /// it has all.
  mutating func askedAgain(at now: Instant) {
    lastUse = now
    guard pace.isDue(at: now) else { return }
    pace.sentAgain(at: now)
    next = min(acknowledged, max(totalByteCount - 1, 0) / pageByteCount * pageByteCount)
    acknowledged = next
    probe = next
  }

  /// Handles an answer to the page at `offset`: the receiver has the first `through` bytes. It may
  /// have lost them since, which the answer to a probe shows.
  mutating func received(offset: Int, through: Int, at now: Instant) {
    guard through <= totalByteCount else { return }
    lastUse = now
    if through > acknowledged {
      acknowledged = through
      next = max(next, through)
      pace.answered(through: UInt64(through), at: now)
    } else if offset == probe, through < acknowledged {
      acknowledged = through
      next = through
    }
    if offset == probe { probe = nil }
  }
}

/// The pages of one snapshot received from one replica.
public struct SnapshotReceiving: Sendable {
  public let sender: ReplicaID
  public let reference: SnapshotReference
  public let totalByteCount: Int
  public private(set) var bytes: [UInt8] = []
  /// Pages that arrived before an earlier page.
  private var ahead: [SnapshotPage] = []

  static var aheadLimit: Int { 8 }

  init(_ page: SnapshotPage, from sender: ReplicaID) {
    self.sender = sender
    reference = page.reference
    totalByteCount = page.totalByteCount
  }

  func belongs(_ page: SnapshotPage, from sender: ReplicaID) -> Bool {
    self.sender == sender && reference == page.reference && totalByteCount == page.totalByteCount
  }

  var isComplete: Bool { bytes.count == totalByteCount }

  mutating func take(_ page: SnapshotPage) {
    guard page.offset <= bytes.count else {
      if ahead.count < Self.aheadLimit, !ahead.contains(where: { $0.offset == page.offset }) {
        ahead.append(page)
      }
      return
    }
    append(page)
    while let place = ahead.firstIndex(where: { $0.offset <= bytes.count }) {
      append(ahead.remove(at: place))
    }
  }

  private mutating func append(_ page: SnapshotPage) {
    let known = bytes.count - page.offset
    if known < page.bytes.count { bytes.append(contentsOf: page.bytes[known...]) }
  }
}
