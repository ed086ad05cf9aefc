import CLinux
import Foundation
import Glibc

/// An ext4 file system in a file, mounted through a loop device. All of it is removed with this
/// object.
public final class SmallDisk {
  public let mountPoint: String
  private let folder: URL
  private let image: String
  private var isMounted = false

  /// - Parameter megabytes: the capacity; unused space takes no room.
  /// - Returns: `nil`, after printing the reason, if the system does not allow such a disk.
  public static func make(megabytes: Int = 64) throws -> SmallDisk? {
    guard getuid() == 0 else { return skip("this needs root") }
    let disk = try SmallDisk()
    guard run("truncate -s \(megabytes)M \(disk.image) && mkfs.ext4 -q -F \(disk.image)") else {
      return skip("there is no working mkfs.ext4")
    }
    mkdir(disk.mountPoint, 0o755)
    guard disk.mount() else { return skip("no loop device can be mounted") }
    return disk
  }

  private static func skip(_ reason: String) -> SmallDisk? {
    print("loss of power is not tested: \(reason)")
    return nil
  }

  private init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "disk-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    image = folder.appending(path: "image").path
    mountPoint = folder.appending(path: "mount").path
  }

  deinit {
    if isMounted { unmount() }
    try? FileManager.default.removeItem(at: folder)
  }

  public func mount() -> Bool {
    isMounted = SmallDisk.run("mount -o loop \(image) \(mountPoint)")
    return isMounted
  }

  /// Unmounting also frees the loop device, which `mount` has set up.
  public func unmount() {
    if !SmallDisk.run("umount \(mountPoint)") { _ = SmallDisk.run("umount -l \(mountPoint)") }
    isMounted = false
  }

  /// Cuts the power: data that is only in memory no longer reaches the disk. Returns 0 or a
  /// negative `errno`.
  public func cutPower() -> Int32 {
    let directory = open(mountPoint, O_RDONLY | O_DIRECTORY)
    guard directory >= 0 else { return -errno }
    defer { close(directory) }
    return linux_ext4_shutdown(directory)
  }

  private static func run(_ command: String) -> Bool {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "PATH=$PATH:/usr/sbin:/sbin; \(command)"]
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    do { try process.run() } catch { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}
