import Primitives
import Replication

/// Decides which requests a replica takes, by its `RequestLimits`.
///
/// The queue is made of the requests that the replica has taken and not answered yet, wherever they
/// wait: for its core, for disks, or for other replicas. If its bound adapts (admission control),
/// it grows by one for each full queue of answers in time, and shrinks to 7/10 when an answer took
/// longer than intended, at most once in that time: additive increase and multiplicative decrease,
/// as in Jacobson 1988, "Congestion Avoidance and Control", with the delay as the sign of
/// congestion.
public struct RequestAdmission: Sendable {
  public let limits: RequestLimits
  typealias Arrivals = FlatTable<ClientID, (sequence: UInt64, time: Instant)>
  /// When the requests arrived that the replica has taken and not answered; each client's last one.
  private(set) var updates = Arrivals()
  private(set) var reads = Arrivals()
  /// The bound that adapts.
  public private(set) var bound = RequestAdmission.firstBound
  private var lastDecrease = Instant(nanoseconds: .min / 2)

  public static let firstBound = 1024.0
  public static let largestBound = 65_536.0

  public init(_ limits: RequestLimits = RequestLimits()) { self.limits = limits }

  public mutating func useHashSecret(_ secret: FlatHashSecret) {
    updates.rekey(secret)
    reads.rekey(secret)
  }

  /// The number of updates that were taken and neither applied nor refused.
  public var updateCount: Int { updates.count }

  /// Whether there is room for a request behind `count` unanswered ones.
  public func hasRoom(behind count: Int) -> Bool {
    if let queue = limits.queue, count >= queue { return false }
    return limits.admission == nil || Double(count) < bound
  }

  /// Whether the client of a request has stopped waiting for the answer.
  public func isLate(timeLeft: Interval, waited: Interval) -> Bool {
    limits.dropsLate && timeLeft > .zero && waited >= timeLeft
  }

  // Nothing is noted unless requests may be refused, because no other limit asks for it.

  public mutating func take(_ id: RequestID, isRead: Bool, arrived: Instant) {
    guard rarely(limits.refuses) else { return }
    if isRead {
      reads.set(id.client, to: (id.sequence, arrived))
    } else {
      updates.set(id.client, to: (id.sequence, arrived))
    }
  }

  /// Forgets a request that was refused.
  public mutating func forget(_ id: RequestID, isRead: Bool) { _ = remove(id, isRead: isRead) }

  /// Forgets all updates, which may be lost because the epoch has changed.
  public mutating func forgetUpdates() { updates.removeAll() }

  /// Forgets a request that takes effect now, and adapts the bound to the time that it took.
  public mutating func finish(_ id: RequestID, isRead: Bool, at now: Instant) {
    guard let arrived = remove(id, isRead: isRead), let intended = limits.admission else { return }
    if now - arrived <= intended {
      bound = min(bound + 1 / bound, Self.largestBound)
    } else if now - lastDecrease >= intended {
      bound = max(bound * 0.7, 1)
      lastDecrease = now
    }
  }

  /// - Returns: when the request arrived, if it was taken and not answered yet.
  private mutating func remove(_ id: RequestID, isRead: Bool) -> Instant? {
    guard rarely(limits.refuses), let taken = isRead ? reads[id.client] : updates[id.client],
      taken.sequence == id.sequence
    else { return nil }
    if isRead { reads.remove(id.client) } else { updates.remove(id.client) }
    return taken.time
  }
}
