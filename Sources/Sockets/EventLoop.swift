import CLinux

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
}
