import CLinux
import Glibc

/// Waits for many descriptors at once (epoll, level triggered). Used by one thread.
public struct EventLoop: ~Copyable {
  public let descriptor: Int32
  public var ready: UnsafeMutablePointer<linux_ready>
  public static var room: Int { 256 }

  /// Fails only where the process has no descriptor left.
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

  /// Waits until something is ready, at most `nanoseconds` (negative: without end). The first `count`
  /// elements of `ready` then say what.
  public borrowing func wait(nanoseconds: Int64) -> Int {
    max(Int(linux_epoll_wait(descriptor, ready, Int32(EventLoop.room), nanoseconds)), 0)
  }

  /// The same, but looks again and again for the first `awake` nanoseconds, between which it lets others run. A
  /// processor that goes to sleep takes as long to wake up as a short request to be answered.
  public borrowing func wait(nanoseconds: Int64, awake: Int64) -> Int {
    guard awake > 0, nanoseconds > 0 else { return wait(nanoseconds: nanoseconds) }
    let start = MonotonicClock.now()
    var waited: Int64 = 0
    repeat {
      let count = wait(nanoseconds: 0)
      if count > 0 { return count }
      sched_yield()
      waited = MonotonicClock.now() - start
    } while waited < min(awake, nanoseconds)
    return wait(nanoseconds: max(nanoseconds - waited, 0))
  }
}

/// What an event loop has reported and nobody has attended to yet. Whoever deals with a part of it, and does
/// something else in between, finds the rest here.
public struct ReadyList: Sendable {
  private var next = 0
  private var count = 0

  public init() {}

  public var isEmpty: Bool { next == count }

  /// Waits for more, unless there is something left.
  public mutating func wait(on loop: borrowing EventLoop, nanoseconds: Int64, awake: Int64 = 0) {
    guard isEmpty else { return }
    count = loop.wait(nanoseconds: nanoseconds, awake: awake)
    next = 0
  }

  public mutating func pop(_ loop: borrowing EventLoop) -> linux_ready? {
    guard !isEmpty else { return nil }
    next += 1
    return loop.ready[next - 1]
  }
}
