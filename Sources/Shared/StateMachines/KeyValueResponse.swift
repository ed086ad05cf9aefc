import Replication
import WireFormat

/// What the key-value store answers.
public enum KeyValueResponse: Equatable, Sendable {
  case value([UInt8]?)
  case done
  case swapped
  /// The compare-and-swap found another value, this one, and changed nothing.
  case notSwapped(found: [UInt8]?)
  /// A count, a length or a sum, as the command says.
  case number(Int64)
  /// The command could not be carried out on the value it found, and changed nothing.
  case refused(Refusal)
  /// To the first commands of a sequence, in order.
  case sequence([KeyValueResponse])

  public enum Refusal: UInt8, CaseIterable, Sendable {
    /// The value to increment does not spell a 64-bit integer.
    case notAnInteger = 0
    /// The sum does not fit into 64 bits.
    case overflow = 1
    /// The value would be longer than `KeyValueStore.maximumValueByteCount`.
    case tooLong = 2
  }
}

extension KeyValueResponse: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .value(let value), .notSwapped(let value): return 2 + (value.map { 4 + $0.count } ?? 0)
    case .done, .swapped: return 1
    case .number: return 9
    case .refused: return 2
    case .sequence(let responses):
      var total = 5
      for response in responses { total += response.encodedByteCount }
      return total
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .value(let value):
      writer.write(UInt8(0))
      writer.writeCounted(value)
    case .done: writer.write(UInt8(1))
    case .swapped: writer.write(UInt8(2))
    case .notSwapped(let found):
      writer.write(UInt8(3))
      writer.writeCounted(found)
    case .number(let number):
      writer.write(UInt8(4))
      writer.write(number)
    case .refused(let refusal):
      writer.write(UInt8(5))
      writer.write(refusal.rawValue)
    case .sequence(let responses):
      writer.write(Self.sequenceKind)
      writer.write(UInt32(responses.count))
      for response in responses { response.encode(into: &writer) }
    }
  }

  public static var sequenceKind: UInt8 { 6 }

  public init(from reader: inout WireReader) throws(WireError) {
    let kind = try reader.read(UInt8.self)
    guard kind == Self.sequenceKind else {
      try self.init(single: kind, from: &reader)
      return
    }
    let count = try reader.readCount(elementSize: 1)
    guard count <= KeyValueSequence.maximumCount else {
      throw .malformed("a sequence of \(count) responses")
    }
    var responses: [KeyValueResponse] = []
    responses.reserveCapacity(count)
    for _ in 0..<count {
      let kind = try reader.read(UInt8.self)
      guard kind != Self.sequenceKind else { throw .malformed("a sequence within a sequence") }
      responses.append(try KeyValueResponse(single: kind, from: &reader))
    }
    self = .sequence(responses)
  }

  /// Decodes what follows the kind of any response but a sequence.
  public init(single kind: UInt8, from reader: inout WireReader) throws(WireError) {
    switch kind {
    case 0: self = .value(try reader.readCountedOrNil())
    case 1: self = .done
    case 2: self = .swapped
    case 3: self = .notSwapped(found: try reader.readCountedOrNil())
    case 4: self = .number(try reader.read(Int64.self))
    case 5:
      let reason = try reader.read(UInt8.self)
      guard let refusal = Refusal(rawValue: reason) else {
        throw .malformed("\(reason) is no reason to refuse")
      }
      self = .refused(refusal)
    default: throw .malformed("\(kind) is no key-value response")
    }
  }
}
