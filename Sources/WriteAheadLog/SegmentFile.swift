import Glibc

/// Segments as files of a directory.
enum SegmentFile {
  /// `00000001.log`
  static func name(_ number: UInt64) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 8 - digits.utf8.count)) + digits + ".log"
  }

  /// The number in a segment's name, or `nil` for other files.
  static func number(of name: String) -> UInt64? {
    guard name.hasSuffix(".log"), let number = UInt64(name.dropLast(4)),
      SegmentFile.name(number) == name
    else { return nil }
    return number
  }

  /// Creates a segment that is written full of zeros and durable, so that a sync of a block has nothing
  /// but the block to write: no block of the file is ever allocated, or marked as written, by it.
  static func createFilled(
    in directoryPath: String, _ header: SegmentHeader
  ) throws(LogError) -> File {
    let directory = try File(directoryPath, O_RDONLY | O_DIRECTORY)
    let path = "\(directoryPath)/\(name(header.number))"
    var file = try File(path + ".new", O_RDWR | O_CREAT | O_TRUNC)
    // The header first, because it does not lie at a sector in memory.
    try file.write(header.bytes, at: 0)
    file.bypassCache()
    try file.writeZeros(Sector.byteCount..<header.byteCount, syncsPieces: true)
    try file.sync()
    try file.rename(to: path, in: directory)
    return file
  }

  /// Creates a segment that grows as it is written to. Nothing is synced.
  static func createGrowing(
    in directoryPath: String, _ header: SegmentHeader
  ) throws(LogError) -> File {
    let path = "\(directoryPath)/\(name(header.number))"
    let file = try File(path, O_RDWR | O_CREAT | O_EXCL)
    try file.write(header.bytes, at: 0)
    return file
  }
}

/// The next segment, which a thread of its own fills with zeros while the present one is in use.
struct SegmentPreparation: ~Copyable, Sendable {
  /// What the thread leaves behind.
  // Only the thread uses the box until it ends, and only the owner after joining it.
  private final class Box: @unchecked Sendable {
    let directoryPath: String
    let header: SegmentHeader
    var file: File?
    var error: LogError?

    init(_ directoryPath: String, _ header: SegmentHeader) {
      self.directoryPath = directoryPath
      self.header = header
    }

    func work() {
      do { file = try SegmentFile.createFilled(in: directoryPath, header) } catch {
        self.error = error
      }
    }
  }

  let header: SegmentHeader
  private let box: Box
  private var thread: pthread_t?

  /// Starts the thread.
  init(in directoryPath: String, _ header: SegmentHeader) throws(LogError) {
    self.header = header
    box = Box(directoryPath, header)
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(box)
    let code = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().work()
        return nil
      }, argument.toOpaque())
    guard code == 0 else {
      argument.release()
      throw File.failure(code, directoryPath, "start a thread")
    }
    self.thread = thread
  }

  /// A segment that an earlier life has left ready.
  init(ready file: consuming File, _ header: SegmentHeader) {
    self.header = header
    box = Box("", header)
    box.file = consume file
  }

  deinit { if let thread { pthread_join(thread, nil) } }

  /// Waits for the thread and hands the segment over, once.
  mutating func finish() throws(LogError) -> File {
    if let running = thread {
      pthread_join(running, nil)
      thread = nil
    }
    if let error = box.error { throw error }
    return box.file.take()!
  }
}
