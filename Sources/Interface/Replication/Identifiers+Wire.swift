import Primitives
import WireFormat

// Binary forms of the identifiers, and conversions for the modules below, which use plain numbers.

extension ReplicaID: WireCodable {
  public var encodedByteCount: Int { 2 }
  public func encode(into writer: inout WireWriter) { writer.write(rawValue) }
  public init(from reader: inout WireReader) throws(WireError) {
    rawValue = try reader.read(UInt16.self)
  }
}

extension LogIndex: WireCodable {
  public var encodedByteCount: Int { 8 }
  public func encode(into writer: inout WireWriter) { writer.write(Int64(rawValue)) }
  public init(from reader: inout WireReader) throws(WireError) {
    let number = try reader.read(Int64.self)
    guard number >= 0, number < Int64.max / 2 else {
      throw .malformed("\(number) is no log index")
    }
    rawValue = Int(number)
  }
}

extension RequestID: WireCodable {
  public var encodedByteCount: Int { 16 }
  public func encode(into writer: inout WireWriter) {
    writer.write(client.rawValue)
    writer.write(sequence)
  }
  public init(from reader: inout WireReader) throws(WireError) {
    client = ClientID(try reader.read(UInt64.self))
    sequence = try reader.read(UInt64.self)
  }
}

extension ClientID: FlatKey {
  public func flatHash(_ secret: FlatHashSecret) -> UInt64 { secret.mix(rawValue) }
}

extension FrameHeader {
  /// The node that sent the frame.
  public var sender: ReplicaID { ReplicaID(Int(node)) }
}

extension Frame {
  public static func encode<Message: WireCodable>(
    _ message: Message, kind: FrameKind = .message, from sender: ReplicaID, incarnation: UInt32 = 0,
    into writer: inout WireWriter
  ) {
    encode(message, kind: kind, fromNode: sender.rawValue, incarnation: incarnation, into: &writer)
  }
}
