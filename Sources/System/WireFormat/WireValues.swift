// Binary forms of the basic types of which messages consist.

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
