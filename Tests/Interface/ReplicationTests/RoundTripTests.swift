import Replication
import Testing
import WireFormat

@Suite struct RoundTripTests {
  @Test("Every shape survives the way there and back, and every truncation is refused")
  func roundTrips() throws {
    try roundTrip(ReplicaID(513))
    try roundTrip(LogIndex(1 << 40))
    try roundTrip(RequestID(client: ClientID(3), sequence: .max))
    try roundTrip([UInt64](0..<5))
    try roundTrip([] as [UInt64])
    try roundTrip(ReplicaID?.some(ReplicaID(1)))
    try roundTrip([LogIndex?.none, LogIndex(4)])
  }
}

/// Encodes and decodes a value, and shows that no shorter run of its bytes is accepted.
func roundTrip<Value: WireCodable & Equatable>(
  _ value: Value, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let bytes = value.encoded()
  #expect(bytes.count == value.encodedByteCount, sourceLocation: sourceLocation)
  #expect(try WireReader.decode(Value.self, from: bytes) == value, sourceLocation: sourceLocation)
  for count in bytes.indices {
    #expect(throws: WireError.self, sourceLocation: sourceLocation) {
      try WireReader.decode(Value.self, from: Array(bytes[..<count]))
    }
  }
}
