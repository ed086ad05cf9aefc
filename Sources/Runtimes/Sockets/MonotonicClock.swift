import CLinux
import Replication

/// Time for measuring and for the cores. It is never set, and is the same for all processes of a
/// machine. It also runs while the machine is suspended, because a lease does not last longer for
/// that.
public enum MonotonicClock {
  public static func now() -> Instant { Instant(nanoseconds: linux_monotonic()) }
}
