import CLinux
import Glibc
import Replication

/// Waits for many descriptors at once (epoll, level triggered). Used by one thread.
public struct EventLoop: ~Copyable {
  public let descriptor: Int32
  public var ready: UnsafeMutablePointer<linux_ready>
  public static var room: Int { 256 }

  /// - Throws: only if the process has no descriptor left.
  public init() throws(SocketError) {
    descriptor = try SocketError.check(linux_epoll_create(), "cannot watch descriptors")
    ready = .allocate(capacity: EventLoop.room)
  }

  deinit {
    ready.deallocate()
    Descriptor.close(descriptor)
  }

  /// Watches a descriptor under a token of the caller's choice.
  public borrowing func add(_ watched: Int32, token: UInt64, writes: Bool = false) {
    _ = linux_epoll_add(descriptor, watched, token, 1, writes ? 1 : 0)
  }

  public borrowing func change(_ watched: Int32, token: UInt64, reads: Bool, writes: Bool) {
    _ = linux_epoll_change(descriptor, watched, token, reads ? 1 : 0, writes ? 1 : 0)
  }

  public borrowing func remove(_ watched: Int32) { _ = linux_epoll_remove(descriptor, watched) }

  /// Waits until something is ready, at most for the given time (negative: without limit). Returns
  /// the number of elements of `ready` that then describe it.
  public borrowing func wait(atMost limit: Interval) -> Int {
    max(Int(linux_epoll_wait(descriptor, ready, Int32(EventLoop.room), limit.nanoseconds)), 0)
  }

  /// Like `wait`, but polls instead of sleeping and yields the processor in between, because a
  /// processor that sleeps takes as long to wake up as a short request takes to be answered.
  public borrowing func spin(atMost limit: Interval) -> Int {
    let end = MonotonicClock.now() + limit
    repeat {
      let count = wait(atMost: .zero)
      if count > 0 { return count }
      sched_yield()
    } while MonotonicClock.now() < end
    return 0
  }
}

/// Readiness that an event loop has reported and that was not handled yet. A user that handles a
/// part of it, and then does something else, finds the rest here.
public struct PendingReadiness: Sendable {
  private var next = 0
  private var count = 0
  private(set) var spinPolicy = SpinPolicy()

  public init() {}

  public var isEmpty: Bool { next == count }

  /// Waits for more readiness, unless some is left.
  /// - Parameter awake: the part of that time in which to poll instead of sleeping, as long as that
  ///   pays.
  public mutating func wait(
    on loop: borrowing EventLoop, atMost limit: Interval, awake: Interval = .zero
  ) {
    guard isEmpty else { return }
    next = 0
    var left = limit
    if awake > .zero, limit > .zero, spinPolicy.begins() {
      let start = MonotonicClock.now()
      count = loop.spin(atMost: min(awake, limit))
      spinPolicy.end(inVain: count == 0)
      guard count == 0 else { return }
      left = max(limit - (MonotonicClock.now() - start), .zero)
    }
    count = loop.wait(atMost: left)
  }

  public mutating func pop(_ loop: borrowing EventLoop) -> linux_ready? {
    guard !isEmpty else { return nil }
    next += 1
    return loop.ready[next - 1]
  }
}

/// Decides whether to poll once more before sleeping. If nothing arrives during a poll, for example
/// because a disk takes longer, polling only takes processor time from the processes it waits for.
struct SpinPolicy: Sendable {
  /// After `limit` polls in vain in a row, `pause` waits pass without a poll before the next one.
  static let limit = 4
  static let pause = 16
  private(set) var inVain = 0
  private var skipped = 0

  mutating func begins() -> Bool {
    guard inVain >= SpinPolicy.limit else { return true }
    skipped += 1
    guard skipped > SpinPolicy.pause else { return false }
    skipped = 0
    return true
  }

  mutating func end(inVain isInVain: Bool) { inVain = isInVain ? inVain + 1 : 0 }
}
