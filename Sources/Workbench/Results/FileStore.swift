import Foundation

/// The file operations of a run, each with an error that names the file and the reason.
package enum FileStore {
  package enum Kind { case nothing, file, directory }

  /// Splits `a/b/c` into `a/b` and `c`. The parent of a single name is `""`, and the parent of `/`
  /// is `/`.
  ///
  /// Foundation's own functions trap on names of one character on platforms other than Apple's.
  package static func split(_ path: String) -> (parent: String, name: String) {
    func trimmed(_ text: Substring) -> Substring {
      var text = text
      while text.count > 1, text.hasSuffix("/") { text.removeLast() }
      return text
    }
    let path = trimmed(path[...])
    guard let slash = path.lastIndex(of: "/") else { return ("", String(path)) }
    let name = path[path.index(after: slash)...]
    return (String(trimmed(path[...slash])), String(name))
  }

  package static func join(_ directory: String, _ name: String) -> String {
    directory.isEmpty || directory.hasSuffix("/") ? directory + name : directory + "/" + name
  }

  /// The path without links and relative parts; the path itself if nothing is there.
  package static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  package static func kind(_ path: String) -> Kind {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      return .nothing
    }
    return isDirectory.boolValue ? .directory : .file
  }

  /// Also makes all missing parent directories.
  static func createDirectory(_ path: String) throws(RunDirectoryError) {
    switch kind(path) {
    case .directory: return
    case .file: throw .notADirectory(path: path)
    case .nothing: break
    }
    let parent = split(path).parent
    if !parent.isEmpty, parent != path { try createDirectory(parent) }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw .creating(path, errno: errno)
    }
  }

  /// Writes under a temporary name first, then renames, so that the file is complete or absent.
  /// Only one thread at a time may write a given name.
  static func write(_ bytes: [UInt8], to path: String) throws(RunDirectoryError) {
    try write(to: path) { add throws(RunDirectoryError) in try add(bytes) }
  }

  /// The same for bytes that are made piece by piece; `make` passes each piece to `add`.
  static func write(
    to path: String,
    _ make: (_ add: ([UInt8]) throws(RunDirectoryError) -> Void) throws(RunDirectoryError) -> Void
  ) throws(RunDirectoryError) {
    let (parent, name) = split(path)
    let temporary = join(parent, temporaryPrefix + name)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
    guard descriptor >= 0 else { throw .writing(path, errno: errno) }
    var failure: RunDirectoryError?
    do throws(RunDirectoryError) {
      try make { bytes throws(RunDirectoryError) in
        guard writeAll(bytes, to: descriptor) else { throw .writing(path, errno: errno) }
      }
    } catch {
      failure = error
    }
    if close(descriptor) != 0, failure == nil { failure = .writing(path, errno: errno) }
    if failure == nil, rename(temporary, path) != 0 { failure = .writing(path, errno: errno) }
    if let failure {
      unlink(temporary)
      throw failure
    }
  }

  /// False if not all bytes could be written; `errno` then has the reason.
  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var offset = 0
    while offset < bytes.count {
      let written = bytes.withUnsafeBytes {
        Foundation.write(descriptor, $0.baseAddress! + offset, bytes.count - offset)
      }
      if written >= 0 {
        offset += written
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }

  /// Makes a symbolic link, or changes its target. A file of that name that is not a link stays,
  /// and failures are ignored, because the link is only a convenience.
  static func link(_ path: String, to target: String) {
    var status = stat()
    if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFLNK { return }
    let (parent, name) = split(path)
    let temporary = join(parent, temporaryPrefix + name)
    unlink(temporary)
    guard symlink(target, temporary) == 0 else { return }
    if rename(temporary, path) != 0 { unlink(temporary) }
  }

  package static func write(_ text: String, to path: String) throws(RunDirectoryError) {
    try write(Array(text.utf8), to: path)
  }

  static let temporaryPrefix = ".writing-"

  package static func read(_ path: String) throws(RunDirectoryError) -> Data {
    do {
      return try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw .cannotRead(path: path, reason: "it is missing or unreadable")
    }
  }

  /// Sorted by name.
  package static func names(in path: String) throws(RunDirectoryError) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    } catch {
      throw .cannotRead(path: path, reason: "its files cannot be listed")
    }
  }

  static func remove(_ path: String) throws(RunDirectoryError) {
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw .cannotWrite(path: path, reason: "it cannot be removed")
    }
  }
}
