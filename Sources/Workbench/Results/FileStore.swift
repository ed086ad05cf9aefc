import Foundation

/// The few things a run does with files, each with an error that names the file and the reason.
package enum FileStore {
  package enum Kind { case nothing, file, directory }

  /// `a/b` and `c` of `a/b/c`. A single name has the parent `""`, and `/` is its own.
  ///
  /// Foundation's own traps on names of one character where the platform is not Apple's.
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

  package static func kind(_ path: String) -> Kind {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      return .nothing
    }
    return isDirectory.boolValue ? .directory : .file
  }

  /// With all directories above it.
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

  /// First under a temporary name, then renamed: the file is there as a whole or not at all. A name
  /// may be written by one thread at a time.
  static func write(_ bytes: [UInt8], to path: String) throws(RunDirectoryError) {
    try write(to: path) { add throws(RunDirectoryError) in try add(bytes) }
  }

  /// The same for bytes that are made piece by piece, each of which is given to `add`.
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

  /// False if not all could be written; `errno` says why.
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

  /// Makes a symbolic link, or points it elsewhere. Anything else of that name stays, and a file
  /// system without links has none: a link is a convenience.
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

  /// In order of name.
  static func names(in path: String) throws(RunDirectoryError) -> [String] {
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
