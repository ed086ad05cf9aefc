/// Time limits for connections that this process opens, in nanoseconds.
public enum Dialing {
  /// Pause before an address that could not be reached is dialled again.
  public static let redialPause: Int64 = 20_000_000
  /// Time after which an attempt to connect is given up.
  public static let dialDeadline: Int64 = 2_000_000_000
}
