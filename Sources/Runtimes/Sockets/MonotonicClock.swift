import CLinux

/// Time for measuring and for what cores see: never set, the same for all processes of a machine.
/// It goes on while the machine is suspended, because a lease does not last longer for that.
public enum MonotonicClock {
  /// Nanoseconds since some moment in the past.
  public static func now() -> Int64 { linux_monotonic() }
}
