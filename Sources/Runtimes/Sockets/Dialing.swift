import Replication

/// Time limits for connections that this process opens.
public enum Dialing {
  /// Pause before an address that could not be reached is dialled again.
  public static let redialPause = Interval.milliseconds(20)
  /// Time after which an attempt to connect is given up.
  public static let dialDeadline = Interval.seconds(2)
}
