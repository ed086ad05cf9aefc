/// How a replica protects itself from more requests than it can answer. The host applies them, so
/// they are the same for all protocols. By default it takes every request.
public struct RequestLimits: Sendable, Equatable {
  /// A bounded queue: while this many requests that a replica has taken are unanswered, it refuses
  /// further ones.
  public var queue: Int?
  /// Admission control: the bound of the queue adapts, so that requests are answered within this
  /// time of their arrival at the replica.
  public var admission: Interval?
  /// Whether a request is dropped whose client no longer waits for the answer.
  public var dropsLate = false
  /// After how long without an update a client's session expires (`SessionStamp`). Far longer than
  /// any client repeats a request, because a copy of a session's first request that arrives later
  /// would take effect again.
  public var sessionExpiry = RequestLimits.usualSessionExpiry

  public init(queue: Int? = nil, admission: Interval? = nil, dropsLate: Bool = false) {
    self.queue = queue
    self.admission = admission
    self.dropsLate = dropsLate
  }

  public static var usualSessionExpiry: Interval { .seconds(3600) }
  /// The shortest expiry, as a multiple of the longest time for which a client repeats a
  /// request.
  public static var timeoutsPerSession: Int { 10 }

  /// Whether requests may be refused.
  public var refuses: Bool { queue != nil || admission != nil }
}
