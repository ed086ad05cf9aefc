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
  }

  var buffer: WireWriter
  /// The block's position in the buffer.
  let bytes: Range<Int>
  let recordCount: Int
  let descriptor: Int32
  let offset: Int
  /// The content of the mark once the block is durable.
  let mark: [UInt8]
  let markDescriptor: Int32
  let fault: LogFault?
  var failure: Failure?

  /// Writes the block, and waits until it is durable.
  consuming func carriedOut() -> BlockJob {
    failure = outcome()
    return self
  }

  private func outcome() -> Failure? {
    guard fault != .full else { return .write(ENOSPC) }
    let code = buffer.storage.withUnsafeBytes {
      File.write(UnsafeRawBufferPointer(rebasing: $0[bytes]), to: descriptor, at: offset)
    }
    guard code == 0 else { return .write(code) }
    guard fault != .syncError else { return .sync(EIO) }
    guard fdatasync(descriptor) == 0 else { return .sync(errno) }
    let markCode = mark.withUnsafeBytes { File.write($0, to: markDescriptor, at: 0) }
    return markCode == 0 ? nil : .mark(markCode)
  }
}
