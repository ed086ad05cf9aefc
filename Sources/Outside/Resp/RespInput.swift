/// Bytes that were received and not parsed yet. The buffer is reused.
public struct RespInput: Sendable {
  /// Bytes `start..<end` are waiting.
  public var bytes: [UInt8] = []
  public var start = 0
  public var end = 0

  /// A larger buffer is freed when it becomes empty.
  static var keptByteCount: Int { 64 << 10 }

  public init() {}

  public var count: Int { end - start }

  public mutating func append(_ source: [UInt8], in range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= source.count)
    guard !range.isEmpty else { return }
    makeRoom(for: range.count)
    bytes.withUnsafeMutableBytes { target in
      source.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: target[end..<end + range.count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[range]))
      }
    }
    end += range.count
  }

  public mutating func consume(_ count: Int) {
    // After an error of the parser, the buffer's owner may already have removed all bytes.
    start = min(start + count, end)
    if start == end { removeAll() }
  }

  public mutating func removeAll() {
    start = 0
    end = 0
    if bytes.count > RespInput.keptByteCount { bytes = [] }
  }

  private mutating func makeRoom(for count: Int) {
    guard bytes.count - end < count else { return }
    // Moving no more bytes than were consumed since the last move keeps the total cost linear.
    if start >= end - start, start > 0 {
      bytes.withUnsafeMutableBytes { all in
        guard let base = all.baseAddress else { return }
        base.copyMemory(from: base + start, byteCount: end - start)
      }
      end -= start
      start = 0
    }
    guard bytes.count - end < count else { return }
    let size = max(end + count, bytes.count * 2, 256)
    bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
  }
}
