/// Gives the disk space of removed files back in pieces, with pauses between them.
///
/// A file system that is mounted with `discard` tells the disk about the space that each commit of
/// its journal has freed, and the log's syncs wait behind that: 1 GiB at once held them up for 40
/// to 180 ms.
struct SpaceRelease: Sendable {
  /// The most bytes that are freed at once.
  static let pieceByteCount = 16 << 20
  private static let pauseMilliseconds: Int32 = 20

  private let bell = Bell()

  /// Frees the rest without pauses, because another thread waits for the end.
  func hurry() { bell.ring() }

  /// Waits before the next piece.
  /// - Returns: false if the rest is to be freed without pauses.
  func pause() -> Bool { bell.pause(milliseconds: SpaceRelease.pauseMilliseconds) }

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
