import CLinux
import Replication
import WireFormat

/// The result of a read or write on a socket.
public enum StreamProgress: Equatable, Sendable {
  /// Bytes were moved, or the call would have blocked.
  case open
  /// The other side has closed the connection, or it broke.
  case closed
}

/// Bytes that were received from a stream and not decoded yet. The buffer is reused.
public struct InputBuffer: Sendable {
  /// Bytes `start..<end` are waiting.
  public var bytes: [UInt8] = []
  public var start = 0
  public var end = 0
  /// Room for the next read. It grows only for connections that send much, so that ten thousand
  /// silent connections take little memory.
  public var nextRoom = 16 << 10

  public init() {}

  public var count: Int { end - start }

  /// The most room for one read: more than sockets hold on average, so that one read usually
  /// empties the socket.
  public static var readByteCount: Int { 256 << 10 }
  /// A buffer that has grown larger than this for one frame is freed when it is empty.
  public static var keptByteCount: Int { 4 << 20 }

  /// Receives bytes with one read. No copy of `bytes` may exist meanwhile, because the array would
  /// then be copied.
  /// - Parameter room: the most bytes to read, if the caller knows better than the buffer.
  public mutating func fill(from descriptor: Int32, room: Int? = nil) -> StreamProgress {
    let room = room ?? nextRoom
    if start == end {
      start = 0
      end = 0
      if bytes.count > InputBuffer.keptByteCount { bytes = [] }
    }
    if bytes.count - end < room { makeRoom(for: room) }
    let offset = end
    let received = bytes.withUnsafeMutableBytes {
      linux_receive(descriptor, $0.baseAddress! + offset, min(room, $0.count - offset))
    }
    if received > 0 { end += received }
    if received == nextRoom { nextRoom = min(nextRoom * 4, InputBuffer.readByteCount) }
    return received > 0 || -received == SystemError.wouldBlock ? .open : .closed
  }

  /// Moves the bytes of an unfinished frame to the front, or into a larger buffer.
  private mutating func makeRoom(for room: Int) {
    let waiting = start..<end
    let needed = waiting.count + room
    if bytes.count >= needed {
      bytes.withUnsafeMutableBytes { all in
        all.baseAddress!.copyMemory(
          from: all.baseAddress! + waiting.lowerBound, byteCount: waiting.count)
      }
    } else {
      // The room behind the waiting bytes is not set to zero, because for large frames that would
      // cost as much as receiving them.
      let size = max(needed, min(bytes.count * 2, 16 << 20))
      bytes = [UInt8](unsafeUninitializedCapacity: size) { target, count in
        bytes.withUnsafeBytes {
          UnsafeMutableRawBufferPointer(target).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: $0[waiting]))
        }
        count = size
      }
    }
    start = 0
    end = waiting.count
  }

  /// Removes the first `count` waiting bytes.
  public mutating func consume(_ count: Int) { start += count }
}

/// Bytes that wait to be sent on a stream. The buffer is reused.
public struct OutputBuffer: Sendable {
  /// Everything written since the buffer was last empty, of which the first `sent` bytes were sent.
  public var writer = WireWriter()
  public var sent = 0

  public init() {}

  public var isEmpty: Bool { sent == writer.count }
  public var count: Int { writer.count - sent }

  /// Sends as many bytes as the socket takes.
  public mutating func flush(to descriptor: Int32) -> StreamProgress {
    while sent < writer.count {
      let offset = sent
      let taken = writer.withBytes {
        linux_send(descriptor, $0.baseAddress! + offset, $0.count - offset)
      }
      if taken < 0 {
        guard -taken == SystemError.wouldBlock else { return .closed }
        break
      }
      sent += taken
    }
    if sent == writer.count {
      removeAll()
    } else if sent >= 1 << 20, sent * 2 >= writer.count {
      writer.removeFirst(sent)
      sent = 0
    }
    return .open
  }

  /// A buffer that has grown larger than this is freed when it is empty.
  public static var keptByteCount: Int { 4 << 20 }

  public mutating func removeAll() {
    if writer.storage.count > OutputBuffer.keptByteCount {
      writer = WireWriter()
    } else {
      writer.removeAll()
    }
    sent = 0
  }
}
