import Glibc
import Replication
import WireFormat

/// The write of one block, and its result.
struct BlockJob: LogJob {
  /// The step that failed, with its `errno`.
  enum Failure: Equatable, Sendable {
    case write(Int32)
    case sync(Int32)
    case mark(Int32)
    /// The next segment could not be made.
    case opening(LogError)
  }

  var buffer: WireWriter
  /// The block's position in the buffer.
  let bytes: Range<Int>
  let recordCount: Int
  /// The segment that the block belongs to; `nil` until the job has opened it.
  var segment: SharedFile?
  /// How to open it, if the block is the first one in it.
  let opening: SegmentOpening?
  let offset: Int
  /// The content of the mark once the block is durable.
  let mark: [UInt8]
  let markOffset: Int
  let markDescriptor: Int32
  /// Whether the mark is to survive a loss of power, too.
  let syncsMark: Bool
  let fault: LogFault?
  var failure: Failure?

  /// Writes the block, and waits until it is durable.
  consuming func carriedOut() -> BlockJob {
    failure = outcome()
    return self
  }

  /// Opens the block's segment.
  mutating func open() throws(LogError) -> Int32 {
    if segment == nil, let opening { segment = SharedFile(try opening.file()) }
    return segment!.file.descriptor
  }

  private mutating func outcome() -> Failure? {
    guard fault != .full else { return .write(ENOSPC) }
    let descriptor: Int32
    do { descriptor = try open() } catch { return .opening(error) }
    let code = buffer.storage.withUnsafeBytes {
      File.write(UnsafeRawBufferPointer(rebasing: $0[bytes]), to: descriptor, at: offset)
    }
    guard code == 0 else { return .write(code) }
    guard fault != .syncError else { return .sync(EIO) }
    guard fdatasync(descriptor) == 0 else { return .sync(errno) }
    let markCode = mark.withUnsafeBytes { File.write($0, to: markDescriptor, at: markOffset) }
    guard markCode == 0 else { return .mark(markCode) }
    return syncsMark && fdatasync(markDescriptor) != 0 ? .mark(errno) : nil
  }
}
