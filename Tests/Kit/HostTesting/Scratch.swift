import Foundation
import Glibc

/// A directory that is removed with this object.
public final class Scratch {
  public let path: String

  /// - Parameter isVolatile: whether to use a file system in memory if there is one, for tests that
  ///   write much and do not depend on syncs reaching a disk.
  public init(isVolatile: Bool = false) throws {
    let place = isVolatile && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    path = "\(place)/rsmbench-\(UUID())"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
