import CLinux
import Glibc

/// An open file or directory, closed when the value ends.
struct File: ~Copyable, Sendable {
  let descriptor: Int32
  /// For error messages.
  var path: String
  /// Whether the file holds a lock that ends with it. Closing alone does not end the lock while a
  /// process that is being started still has a copy of the descriptor.
  var isLocked = false

  /// - Parameter flags: those of open(2). Every descriptor is closed on exec.
  init(_ path: String, _ flags: Int32) throws(LogError) {
    descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o644)
    self.path = path
    guard descriptor >= 0 else { throw File.failure(errno, path, "open") }
  }

  deinit {
    guard descriptor >= 0 else { return }
    if isLocked { flock(descriptor, LOCK_UN) }
    Glibc.close(descriptor)
  }

  static func failure(_ code: Int32, _ path: String, _ attempt: String) -> LogError {
    LogError(
      .system(code), path: path, reason: "cannot \(attempt): \(String(cString: strerror(code)))")
  }

  func failure(_ code: Int32, _ attempt: String) -> LogError {
    File.failure(code, path, attempt)
  }

  /// Makes later writes bypass the page cache, if the file system supports that. They must begin
  /// and end at sector boundaries, in memory and in the file. A cache page that is never read again
  /// costs more than the write: it must be found, filled and, on a virtual machine, often requested
  /// from the host.
  func bypassCache() { _ = linux_bypass_cache(descriptor, 1) }

  /// Writes all bytes. Returns 0 or an `errno`, so that it can be called where throwing is
  /// impossible.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int32 {
    File.write(bytes, to: descriptor, at: offset)
  }

  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int
  ) -> Int32 {
    var done = 0
    while done < bytes.count {
      let count = pwrite(
        descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      if count < 0 {
        if errno == EINTR { continue }
        // The disk has larger sectors, so this file's writes go through the cache from now on.
        let code = errno
        if code == EINVAL, linux_bypass_cache(descriptor, 0) == 1 { continue }
        return code
      }
      done += count
    }
    return 0
  }

  func write(_ bytes: [UInt8], at offset: Int) throws(LogError) {
    let code = bytes.withUnsafeBytes { write($0, at: offset) }
    guard code == 0 else { throw failure(code, "write") }
  }

  func writeZeros(_ range: Range<Int>) throws(LogError) {
    let zeros = [UInt8](repeating: 0, count: range.count + Sector.byteCount)
    let code = zeros.withUnsafeBytes {
      let lead = Sector.lead($0)
      return write(
        UnsafeRawBufferPointer(rebasing: $0[lead..<lead + range.count]), at: range.lowerBound)
    }
    guard code == 0 else { throw failure(code, "write") }
  }

  /// Sets the file's size and allocates all of it on the disk.
  func allocate(_ byteCount: Int) throws(LogError) {
    let code = posix_fallocate(descriptor, 0, off_t(byteCount))
    guard code == 0 else { throw failure(code, "write") }
  }

  func byteCount() throws(LogError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(errno, "look at") }
    return Int(status.st_size)
  }

  /// The contents of the whole file.
  func contents() throws(LogError) -> [UInt8] { try read(try byteCount(), at: 0) }

  /// Reads `size` bytes from `offset`, or fewer if the file ends before.
  func read(_ size: Int, at offset: Int) throws(LogError) -> [UInt8] {
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      while filled < size {
        let count = pread(
          descriptor, buffer.baseAddress! + filled, size - filled, off_t(offset + filled))
        if count < 0 && errno == EINTR { continue }
        if count < 0 { code = errno }
        if count <= 0 { return }
        filled += count
      }
    }
    guard code == 0 else { throw failure(code, "read") }
    return bytes
  }

  func truncate(to byteCount: Int) throws(LogError) {
    guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw failure(errno, "truncate") }
  }

  /// Writes a part of the file from memory to the disk, so that a later sync has less to do. If
  /// the file system cannot do that, nothing is lost.
  func writeBack(_ range: Range<Int>) {
    _ = linux_write_back(descriptor, Int64(range.lowerBound), Int64(range.count))
  }

  /// Makes content and length durable.
  func syncData() throws(LogError) {
    guard fdatasync(descriptor) == 0 else { throw failure(errno, "sync") }
  }

  /// Makes content and all metadata durable; for a directory, its entries.
  func sync() throws(LogError) {
    guard fsync(descriptor) == 0 else { throw failure(errno, "sync") }
  }

  /// Renames the file durably, replacing any file that has the new name.
  mutating func rename(to newPath: String, in directory: borrowing File) throws(LogError) {
    guard Glibc.rename(path, newPath) == 0 else { throw failure(errno, "rename") }
    path = newPath
    try directory.sync()
  }
}

/// Operations on directories, by path.
enum Directory {
  /// Makes the names in the directory durable.
  static func sync(_ path: String) throws(LogError) {
    try File(path, O_RDONLY | O_DIRECTORY).sync()
  }

  /// Creates the directory and its missing ancestors, durably.
  static func create(_ path: String) throws(LogError) {
    var status = stat()
    if stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw File.failure(ENOTDIR, path, "open")
      }
      return
    }
    let parent = parent(of: path)
    if parent != path { try create(parent) }
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
      throw File.failure(errno, path, "create")
    }
    try sync(parent)
  }

  /// Makes the entry of a directory in its parent durable.
  static func syncEntry(of path: String) throws(LogError) {
    try sync(parent(of: path))
  }

  static func parent(of path: String) -> String {
    var end = path.utf8.endIndex
    let slash = UInt8(ascii: "/")
    func last(before index: String.Index) -> UInt8? {
      index > path.utf8.startIndex ? path.utf8[path.utf8.index(before: index)] : nil
    }
    while let byte = last(before: end), byte == slash { end = path.utf8.index(before: end) }
    while let byte = last(before: end), byte != slash { end = path.utf8.index(before: end) }
    while let byte = last(before: end), byte == slash { end = path.utf8.index(before: end) }
    if end == path.utf8.startIndex { return path.hasPrefix("/") ? "/" : "." }
    return String(path[..<end])
  }

  /// The names in a directory, sorted, without `.` and `..`.
  static func names(in path: String) throws(LogError) -> [String] {
    guard let stream = opendir(path) else { throw File.failure(errno, path, "list") }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw File.failure(errno, path, "list") }
    return names.sorted()
  }

  /// Removes a file; a missing file is not an error.
  static func remove(_ path: String) throws(LogError) {
    guard unlink(path) == 0 || errno == ENOENT else { throw File.failure(errno, path, "remove") }
  }
}
