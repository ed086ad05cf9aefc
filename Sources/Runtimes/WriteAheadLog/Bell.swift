import CLinux
import Glibc

/// Ends the pauses of a thread that works in pieces, once another thread waits for it.
final class Bell: Sendable {
  /// Readable once the bell has been rung; negative if the system gave none.
  private let descriptor = linux_event_create()

  deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

  /// The error number if the system gave no descriptor.
  var failure: Int32? { descriptor < 0 ? -descriptor : nil }

  func ring() { if descriptor >= 0 { linux_event_ring(descriptor) } }

  /// Waits before the next piece.
  /// - Returns: false if the bell has been rung, or could not be made: the thread is not to pause.
  func pause(milliseconds: Int32) -> Bool {
    guard descriptor >= 0 else { return false }
    var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&event, 1, milliseconds) == 0
  }
}
