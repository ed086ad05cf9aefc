import Glibc

/// The files of segments in a directory.
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

  /// Creates a segment whose blocks on the disk are all allocated; only its header is written. It
  /// is durable, and could be used.
  private static func createAllocated(
    in directoryPath: String, _ header: SegmentHeader
  ) throws(LogError) -> File {
    let directory = try File(directoryPath, O_RDONLY | O_DIRECTORY)
    let path = "\(directoryPath)/\(name(header.number))"
    var file = try File(path + ".new", O_RDWR | O_CREAT | O_TRUNC)
    try file.allocate(header.byteCount)
    // The header is written before the cache is bypassed, because it is not at a sector boundary in
    // memory.
    try file.write(header.bytes, at: 0)
    try file.sync()
    try file.rename(to: path, in: directory)
    file.bypassCache()
    return file
  }

  /// Creates a segment and fills it with zeros, so that a sync of a block writes only the block:
  /// without this, the file system would also have to mark the blocks on the disk as written.
  /// - Parameter pause: is called between two pieces. If it returns false, the rest stays only
  ///   allocated, which makes the syncs of later blocks slower.
  static func createFilled(
    in directoryPath: String, _ header: SegmentHeader, pause: () -> Bool = { true }
  ) throws(LogError) -> File {
    let file = try createAllocated(in: directoryPath, header)
    for start in stride(from: SegmentHeader.firstBlock, to: header.byteCount, by: pieceByteCount) {
      guard pause() else { return file }
      try file.writeZeros(start..<min(start + pieceByteCount, header.byteCount))
    }
    try file.syncData()
    return file
  }

  /// Small enough that a block that is synced meanwhile hardly waits for a piece.
  private static var pieceByteCount: Int { 256 << 10 }

  /// Creates a segment that grows with its content. The creation is not synced.
  static func createGrowing(
    in directoryPath: String, _ header: SegmentHeader
  ) throws(LogError) -> File {
    let path = "\(directoryPath)/\(name(header.number))"
    let file = try File(path, O_RDWR | O_CREAT | O_EXCL)
    try file.write(header.bytes, at: 0)
    return file
  }
}

/// The change to the next segment. The thread that writes blocks carries it out, because syncs of
/// files and directories take as long as the disk likes, and a node that waited for them would seem
/// to be dead to its peers.
// Unchecked: it is handed over to one thread at a time.
final class SegmentOpening: @unchecked Sendable {
  let directoryPath: String
  let header: SegmentHeader
  private var prepared: SegmentPreparation?

  /// - Parameter prepared: a segment that is being prepared, even if it is too small, because its
  ///   thread must have ended before it is replaced.
  init(
    in directoryPath: String, _ header: SegmentHeader, prepared: consuming SegmentPreparation?
  ) {
    self.directoryPath = directoryPath
    self.header = header
    self.prepared = prepared
  }

  func file() throws(LogError) -> File {
    var taken = prepared.take()
    let isOfSize = taken?.header == header
    var file: File?
    do { file = try taken?.finish() } catch {
      // There was no space to prepare it, but there may be space by now.
      guard error.kind == .system(ENOSPC) else { throw error }
    }
    if isOfSize, let file { return file }
    // The block fills the segment, so zeros would only double the bytes written while all else
    // waits.
    return try SegmentFile.createFilled(in: directoryPath, header) { false }
  }
}

/// The next segment, which a thread of its own fills with zeros while the present one is in use. If
/// the log needs the segment before it is filled, it takes it partly filled, because filling would
/// only delay the log's own writes.
struct SegmentPreparation: ~Copyable, Sendable {
  /// The thread's result.
  // Only the thread uses the box until it ends, and only the owner after joining it.
  private final class Box: @unchecked Sendable {
    let directoryPath: String
    let header: SegmentHeader
    /// Rung when the segment is needed; `nil` if there is no thread.
    let bell: Bell?
    var file: File?
    var error: LogError?

    init(_ directoryPath: String, _ header: SegmentHeader, bell: Bell?) {
      self.directoryPath = directoryPath
      self.header = header
      self.bell = bell
    }

    func work() {
      do {
        file = try SegmentFile.createFilled(in: directoryPath, header) {
          // One piece of 256 KiB per 8 ms, which is 32 MiB/s: a log that writes less finds its
          // segments filled.
          bell?.pause(milliseconds: 8) ?? false
        }
      } catch {
        self.error = error
      }
    }
  }

  let header: SegmentHeader
  private let box: Box
  private var thread: LogThread?

  /// Starts the thread.
  init(in directoryPath: String, _ header: SegmentHeader) throws(LogError) {
    self.header = header
    let bell = Bell()
    box = Box(directoryPath, header, bell: bell)
    if let code = bell.failure { throw File.failure(code, directoryPath, "start a thread") }
    let box = box
    thread = try LogThread(directoryPath: directoryPath) { box.work() }
  }

  /// A segment that an earlier incarnation has prepared.
  init(ready file: consuming File, _ header: SegmentHeader) {
    self.header = header
    box = Box("", header, bell: nil)
    box.file = consume file
  }

  deinit {
    if let thread {
      box.bell?.ring()
      thread.join()
    }
  }

  /// Stops the thread and hands the segment over, once.
  mutating func finish() throws(LogError) -> File {
    if let running = thread {
      box.bell?.ring()
      running.join()
      thread = nil
    }
    if let error = box.error { throw error }
    return box.file.take()!
  }
}
