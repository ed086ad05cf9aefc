import CLinux
import Glibc

/// Gives the disk space of removed files back in pieces, with pauses between them.
///
/// A file system that is mounted with `discard` tells the disk about the space that each commit of
/// its journal has freed, and the log's syncs wait behind that: 1 GiB at once held them up for 40
/// to 180 ms.
final class SpaceRelease: Sendable {
  /// The most bytes that are freed at once.
  static let pieceByteCount = 16 << 20
  private static let pauseMilliseconds: Int32 = 20

  /// Readable once the rest is to be freed without pauses; negative if there can be no pauses.
  private let bell = linux_event_create()

  deinit { if bell >= 0 { Glibc.close(bell) } }

  /// Frees the rest without pauses, because another thread waits for the end.
  func hurry() { if bell >= 0 { linux_event_ring(bell) } }

  /// Waits before the next piece.
  /// - Returns: false if the rest is to be freed without pauses.
  func pause() -> Bool {
    guard bell >= 0 else { return false }
    var bell = pollfd(fd: self.bell, events: Int16(POLLIN), revents: 0)
    return poll(&bell, 1, SpaceRelease.pauseMilliseconds) == 0
  }

  /// Shortens a file that has no name any more, piece by piece. Each piece has left the journal
  /// before the next one follows. After an error or a hurry the space that is left becomes free
  /// when the file is closed.
  /// - Parameter pause: is called after each piece; if it returns false, the rest stays.
  static func shrink(
    _ file: borrowing File, by pieceByteCount: Int = pieceByteCount, pause: () -> Bool
  ) {
    guard var byteCount = try? file.byteCount() else { return }
    while byteCount > 0 {
      byteCount = max(0, byteCount - pieceByteCount)
      guard (try? file.truncate(to: byteCount)) != nil, (try? file.sync()) != nil, pause() else {
        return
      }
    }
  }
}
