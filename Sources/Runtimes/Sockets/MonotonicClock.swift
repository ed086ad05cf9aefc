import CLinux

/// Time for measuring: never set, the same for all processes of a machine.
public enum MonotonicClock {
  /// Nanoseconds since some moment in the past.
  public static func now() -> Int64 { linux_monotonic() }
}
