import Primitives

/// The kind of a frame's content.
public enum FrameKind: UInt8, Sendable, CaseIterable {
  /// The first frame of a connection: the dialing process, and the process that it expects to have
  /// reached.
  case hello = 1
  /// The answer to a hello that is accepted.
  case welcome = 2
  /// The answer to a hello that is refused: a sentence with the reason.
  case refusal = 3
  /// A message from one replica to another.
  case message = 4
  /// A client's request, and a replica's answer.
  case request = 5
  case reply = 6
  /// A runner's order to a node, and a node's report.
  case order = 7
  case report = 8
  /// A node's notice to the other nodes that it may be silent for a while.
  case silence = 9
}

/// The header before the body of a frame.
public struct FrameHeader: Equatable, Sendable {
  public var kind: FrameKind
  /// The number of the node that sent it, or `Frame.noNode`.
  public var node: UInt16
  /// The sender's incarnation: how often it has started. It distinguishes frames of an earlier
  /// process from those of the present one.
  public var incarnation: UInt32
  /// The position of the body in the bytes that were examined.
  public var body: Range<Int>

  public init(kind: FrameKind, node: UInt16, incarnation: UInt32, body: Range<Int>) {
    self.kind = kind
    self.node = node
    self.incarnation = incarnation
    self.body = body
  }
}

/// The frame around each message: length, checksum, version, kind, sender and incarnation come
/// before the message itself.
///
/// Layout: length of the bytes after the checksum (4 bytes), CRC-32C of these (4), version (1),
/// kind (1), sender (2), incarnation (4), body. A frame that fails any check is refused as a whole.
public enum Frame {
  public static let version: UInt8 = 1
  public static let headerByteCount = 16
  /// The number of bytes that the length counts in addition to the body.
  static let fixedByteCount = 8
  /// Longer frames are refused before memory is allocated for them.
  public static let maximumByteCount = 64 << 20

  /// The sender's number in frames of clients and runners, which are not nodes.
  public static let noNode = UInt16.max

  /// The size of a message's frame in bytes.
  public static func byteCount<Message: WireCodable>(of message: Message) -> Int {
    headerByteCount + message.encodedByteCount
  }

  public static func encode<Message: WireCodable>(
    _ message: Message, kind: FrameKind = .message, fromNode node: UInt16, incarnation: UInt32 = 0,
    into writer: inout WireWriter
  ) {
    let start = writer.count
    writer.reserve(headerByteCount + message.encodedByteCount)
    writer.write(UInt64(0))
    writer.write(
      UInt64(version) | UInt64(kind.rawValue) << 8 | UInt64(node) << 16 | UInt64(incarnation) << 32)
    message.encode(into: &writer)
    seal(&writer, from: start)
  }

  /// Fills in length and checksum of the frame that began at `start`.
  public static func seal(_ writer: inout WireWriter, from start: Int) {
    let checksum = writer.withBytes { bytes in
      CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[(start + 8)...]))
    }
    writer.overwrite(at: start, with: UInt32(writer.count - start - 8))
    writer.overwrite(at: start + 4, with: checksum)
  }

  /// Finds the frame that begins at `start` in a stream that has been received up to `end`.
  /// - Returns: `nil` if the frame is not complete yet.
  public static func next(
    in bytes: [UInt8], from start: Int, to end: Int
  ) throws(WireError) -> FrameHeader? {
    guard end - start >= 4 else { return nil }
    let length = Int(word(UInt32.self, in: bytes, at: start))
    guard length <= maximumByteCount else {
      throw .malformed("a frame of \(length) bytes, over the limit of \(maximumByteCount)")
    }
    guard length >= fixedByteCount else { throw .truncated }
    guard end - start >= 8 + length else { return nil }
    let found = bytes.withUnsafeBytes {
      CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[start + 8..<start + 8 + length]))
    }
    guard found == word(UInt32.self, in: bytes, at: start + 4) else { throw .checksumMismatch }
    let fixed = word(UInt64.self, in: bytes, at: start + 8)
    let version = UInt8(truncatingIfNeeded: fixed)
    guard version == Frame.version else { throw .unsupportedVersion(version) }
    let rawKind = UInt8(truncatingIfNeeded: fixed >> 8)
    guard let kind = FrameKind(rawValue: rawKind) else {
      throw .malformed("\(rawKind) is no kind of frame")
    }
    return FrameHeader(
      kind: kind, node: UInt16(truncatingIfNeeded: fixed >> 16),
      incarnation: UInt32(truncatingIfNeeded: fixed >> 32),
      body: start + headerByteCount..<start + 8 + length)
  }

  /// The size of the frame that begins at `start`, as its first bytes claim it; `nil` before they
  /// have arrived.
  public static func claimedByteCount(in bytes: [UInt8], from start: Int, to end: Int) -> Int? {
    end - start >= 4 ? 8 + Int(word(UInt32.self, in: bytes, at: start)) : nil
  }

  @inline(__always)
  private static func word<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type, in bytes: [UInt8], at offset: Int
  ) -> Number {
    Number(
      littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) })
  }

  /// Decodes the body of a frame, which must be exactly one value.
  public static func decode<Body: WireCodable>(
    _ type: Body.Type, from bytes: [UInt8], in body: Range<Int>
  ) throws(WireError) -> Body {
    var reader = WireReader(bytes, in: body)
    return try reader.readLast(type)
  }

  /// Reads one frame that fills `bytes`.
  public static func decode<Message: WireCodable>(
    _ type: Message.Type, from bytes: [UInt8]
  ) throws(WireError) -> (message: Message, header: FrameHeader) {
    guard let header = try next(in: bytes, from: 0, to: bytes.count) else { throw .truncated }
    guard header.body.upperBound == bytes.count else { throw .malformed("bytes after the frame") }
    return (try decode(type, from: bytes, in: header.body), header)
  }
}
