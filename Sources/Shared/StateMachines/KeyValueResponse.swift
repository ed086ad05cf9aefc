import Replication
import WireFormat

/// The answers of the key-value store.
public enum KeyValueResponse: Equatable, Sendable {
  case value([UInt8]?)
  case done
  case swapped
  /// The compare-and-swap found this other value and changed nothing.
  case notSwapped(found: [UInt8]?)
  /// A count, a length or a sum, depending on the command.
  case number(Int64)
  /// The command could not be carried out on the value it found, and changed nothing.
  case refused(Refusal)
  /// The responses to the first commands of a sequence, in order.
  case sequence([KeyValueResponse])
  /// The response to a command of a sequence that was not carried out, because a `require` before
  /// it found another value.
  case skipped
  /// Keys found by a `scan`, and the position from which the next one continues; 0 at the end.
  case page(next: UInt64, keys: [[UInt8]])

  public enum Refusal: UInt8, CaseIterable, Sendable {
    /// The value to increment does not spell a 64-bit integer.
    case notAnInteger = 0
    /// The sum does not fit into 64 bits.
    case overflow = 1
    /// The value would be longer than `KeyValueStore.maximumValueByteCount`.
    case tooLong = 2
    /// The value does not spell a number.
    case notADecimal = 3
    /// The sum is larger than a `DecimalFraction` may be.
    case decimalTooLarge = 4
    /// The answer would be longer than `KeyValueStore.maximumAnswerByteCount`.
    case answerTooLong = 5
    /// The command, or the sequence, took effect when it came before. Its answer was longer than
    /// `KeyValueStore.longestKeptAnswer`, so it is not there any more.
    case notKept = 6
  }
}

extension KeyValueResponse: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .value(let value), .notSwapped(let value): return 2 + (value.map { 4 + $0.count } ?? 0)
    case .done, .swapped, .skipped: return 1
    case .number: return 9
    case .refused: return 2
    case .page(_, let keys): return KeyValueResponse.encodedByteCount(of: keys)
    case .sequence(let responses): return KeyValueResponse.encodedByteCount(of: responses)
    }
  }

  // The loops are apart from the short responses, whose size is asked for several times for each
  // request.

  @inline(never)
  private static func encodedByteCount(of keys: [[UInt8]]) -> Int {
    var total = 13
    for key in keys { total += 4 + key.count }
    return total
  }

  @inline(never)
  private static func encodedByteCount(of responses: [KeyValueResponse]) -> Int {
    var total = 5
    for response in responses { total += response.encodedByteCount }
    return total
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
    case .skipped: writer.write(UInt8(7))
    case .page(let next, let keys):
      writer.write(UInt8(8))
      writer.write(next)
      writer.write(UInt32(keys.count))
      for key in keys { writer.writeCounted(key) }
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

  /// Decodes the rest of any response but a sequence, after its kind.
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
    case 7: self = .skipped
    case 8:
      let next = try reader.read(UInt64.self)
      let count = try reader.readCount(elementSize: 4)
      var keys: [[UInt8]] = []
      keys.reserveCapacity(count)
      for _ in 0..<count { keys.append(try reader.readCounted()) }
      self = .page(next: next, keys: keys)
    default: throw .malformed("\(kind) is no key-value response")
    }
  }
}

extension KeyValueResponse {
  /// The number of bytes of the value or the keys in the response.
  public var valueByteCount: Int {
    switch self {
    case .value(let value), .notSwapped(let value): return value?.count ?? 0
    case .page(_, let keys):
      var total = 0
      for key in keys { total += key.count + 4 }
      return total
    default: return 0
    }
  }
}
