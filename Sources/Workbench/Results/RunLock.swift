import Foundation
import Synchronization

/// Reserves a run's directory for one process, until the lock is released or the process ends. The
/// kernel holds the lock on the directory itself, so no lock file is written and the lock of a dead
/// process vanishes.
final class RunLock: Sendable {
  /// nil once released.
  private let descriptor: Mutex<Int32?>

  /// - Parameter path: of a directory that exists.
  init(_ path: String) throws(RunDirectoryError) {
    while true {
      let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else {
        throw .cannotRead(path: path, reason: "its files cannot be listed")
      }
      // On a file system without locks, such as some network file systems, other processes go
      // undetected.
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
        close(descriptor)
        throw .inUse(path: path)
      }
      // A run that failed at once may have removed the directory between `open` and `flock`.
      if RunLock.isOpen(descriptor, path) {
        self.descriptor = Mutex(descriptor)
        return
      }
      close(descriptor)
      try FileStore.createDirectory(path)
    }
  }

  deinit { release() }

  func release() {
    descriptor.withLock { descriptor in
      if let open = descriptor { close(open) }
      descriptor = nil
    }
  }

  private static func isOpen(_ descriptor: Int32, _ path: String) -> Bool {
    var opened = stat()
    var named = stat()
    return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0
      && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }
}
