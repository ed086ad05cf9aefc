import Replication

/// Large messages as signs of life. While the bytes of one move between two nodes, both are alive,
/// although smaller messages wait behind it. Timers that wait for other nodes
/// (`TimerName.waitsForOthers`) are put off meanwhile, by the same rule in both runtimes.
public enum LargeMessage {
  /// A message of this many bytes takes so long that messages behind it may be missed.
  public static var byteCount: Int { 64 << 10 }

  /// For how long a node counts as alive after bytes of a large message have moved. It has to write
  /// the message to its disk and to apply it, so that it is silent for longer after a longer one:
  /// 100 ms, and 600 ms after 16 MiB.
  public static func pause(of byteCount: Int) -> Interval {
    .milliseconds(100) + .nanoseconds(Int64(byteCount) * 30)
  }

  /// How much later a timer that was put off is looked at again.
  public static var delay: Interval { pause(of: 0) / 2 }
}
