import WireFormat

/// The time that travels in the log for sessions, because a replica that applies an entry must not
/// ask its own clock: at most one batch in some minutes begins with it. It takes the place of a
/// request, whose client is `SessionStamp.client`, sequence the time, and command the expiry.
public struct SessionStamp: Sendable, Equatable {
  /// Nanoseconds of service since the log began.
  public var time: UInt64
  /// After how many nanoseconds without use a session expires. In the log because nodes may be set
  /// differently, and all must remove the same sessions.
  public var expiry: UInt64

  public init(time: UInt64, expiry: UInt64) {
    self.time = min(time, Self.latest)
    self.expiry = expiry
  }

  /// No client has this identity.
  public static var client: ClientID { ClientID(.max) }
  /// 73 years.
  static public var latest: UInt64 { 1 << 61 }
  static let expiryByteCount = 8
}
