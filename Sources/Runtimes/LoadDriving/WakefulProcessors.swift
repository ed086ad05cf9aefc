import CLinux
import Sockets

/// Keeps the machine's processors awake for as long as it lives, as tools that measure latency do: whether a
/// processor without work sleeps, and how long it takes to wake, is no property of a protocol. On a virtual
/// machine that can take longer than all the rest of an operation. Costs power, and slows nobody down.
public struct WakefulProcessors: ~Copyable {
  private let descriptor: Int32

  /// - Parameter isWanted: false: they may sleep.
  public init(isWanted: Bool) {
    descriptor = isWanted ? linux_keep_processors_awake() : -1
  }

  deinit {
    if descriptor >= 0 { Descriptor.close(descriptor) }
  }

  /// False also where this user may not ask for it, or the kernel has no such thing.
  public var areAwake: Bool { descriptor >= 0 }
}
