import CLinux
import Sockets

/// Keeps the machine's processors from sleeping while this value exists, as tools that measure
/// latency do. Whether an idle processor sleeps, and how long it takes to wake, is not a property
/// of a protocol; on a virtual machine waking can take longer than the rest of an operation. Costs
/// power, but slows no process down.
public struct WakefulProcessors: ~Copyable {
  private let descriptor: Int32

  /// - Parameter isWanted: false leaves the processors as they are.
  public init(isWanted: Bool) {
    descriptor = isWanted ? linux_keep_processors_awake() : -1
  }

  deinit {
    if descriptor >= 0 { Descriptor.close(descriptor) }
  }

  /// False also if this user may not ask for it, or the kernel does not offer it.
  public var areAwake: Bool { descriptor >= 0 }
}
