// Binary forms of the identifiers, and of the shapes that messages are built from.

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

extension UInt64: WireCodable {
  public var encodedByteCount: Int { 8 }
  public func encode(into writer: inout WireWriter) { writer.write(self) }
  public init(from reader: inout WireReader) throws(WireError) {
    self = try reader.read(UInt64.self)
  }
}

extension Array: WireCodable where Element: WireCodable {
  public var encodedByteCount: Int {
    var total = 4
    for element in self { total += element.encodedByteCount }
    return total
  }

  public func encode(into writer: inout WireWriter) {
    writer.write(UInt32(count))
    for element in self { element.encode(into: &writer) }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let count = try reader.readCount(elementSize: 1)
    self = []
    reserveCapacity(Swift.min(count, 1024))
    for _ in 0..<count { append(try Element(from: &reader)) }
  }
}

extension Optional: WireCodable where Wrapped: WireCodable {
  public var encodedByteCount: Int { 1 + (self?.encodedByteCount ?? 0) }

  public func encode(into writer: inout WireWriter) {
    writer.write(self != nil)
    if let value = self { value.encode(into: &writer) }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    self = try reader.readFlag() ? try Wrapped(from: &reader) : nil
  }
}
