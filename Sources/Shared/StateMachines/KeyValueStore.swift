import Primitives
import Replication
import WireFormat

/// The default application: a map from keys to values, both any bytes.
public struct KeyValueStore: StateMachine {
  public typealias Command = KeyValueCommand
  public typealias Response = KeyValueResponse

  /// The longest value that appending can make, in bytes, because a value must fit into one
  /// message.
  public static var maximumValueByteCount: Int { 32 << 20 }

  /// The most bytes of values in the answer to a sequence, unless the first value alone is longer.
  /// A `get` or `compareAndSwap` that would exceed the limit ends the sequence: it and the commands
  /// after it take no effect and get no response, and the client may send them again.
  public static var maximumAnswerByteCount: Int { 32 << 20 }

  /// Longer answers are not kept for a command that comes again, because the last answer to each
  /// client is kept for ever.
  public static var longestKeptAnswer: Int { 16 << 10 }

  public static func kept(_ response: Response) -> Response {
    switch response {
    case .done, .swapped, .number, .refused, .skipped: response
    default:
      response.encodedByteCount > longestKeptAnswer ? .refused(.notKept) : response
    }
  }

  public var values = FlatTable<Key, [UInt8]>()
  /// The walk of a snapshot over the values, if one is under way.
  var readout = TableReadout(count: 0)
  var isReadOut = false
  /// Bytes of the allocations of keys and values, without the table itself.
  var contentByteCount = 0

  public init() {}

  public var count: Int { values.count }
  public subscript(key: Key) -> [UInt8]? { values[key] }

  public var itemCount: Int { count }

  public mutating func useHashSecret(_ secret: FlatHashSecret) { values.rekey(secret) }

  public static func isReadOnly(_ command: Command) -> Bool { command.isReadOnly }

  public mutating func apply(_ command: Command) -> Response {
    switch command {
    case .get(let key): return .value(values[key])
    case .put(let key, let value):
      set(key, to: value)
      return .done
    case .delete(let key):
      let before = values.count
      remove(key)
      return .number(Int64(before - values.count))
    case .append(let key, let value): return append(value, to: key)
    case .compareAndSwap(let key, let expected, let value):
      let found = values[key]
      guard found == expected else { return .notSwapped(found: found) }
      set(key, to: value)
      return .swapped
    case .exists(let key): return exists(key)
    case .length(let key): return length(of: key)
    case .increment(let key, let amount): return increment(key, by: amount)
    case .putIfAbsent(let key, let value):
      guard values.position(of: key) == nil else { return .number(0) }
      set(key, to: value)
      return .number(1)
    case .putIfPresent(let key, let value):
      guard let position = values.position(of: key) else { return .number(0) }
      change(position, to: value)
      return .number(1)
    case .sequence(let sequence): return apply(sequence)
    case .addDecimal(let key, let amount): return add(amount, to: key)
    case .clear:
      removeAll()
      return .done
    case .transaction(let sequence): return carryOut(sequence)
    case .range, .count, .scan, .require, .consecutive: return query(command)
    }
  }

  public func query(_ command: Command) -> Response {
    switch command {
    case .get(let key): return .value(values[key])
    case .exists(let key): return exists(key)
    case .length(let key): return length(of: key)
    case .range(let key, let first, let last): return range(of: key, first, last)
    case .count: return .number(Int64(values.count))
    case .scan(let start, let count, let pattern): return scan(from: start, count, pattern)
    case .require(let key, let value, _): return .number(values[key] == value ? 1 : 0)
    case .consecutive(let names, let first, let count):
      return consecutive(KeyNames(before: names), from: first, count)
    case .sequence, .transaction:
      // Reading does not change the copy, so the table is not copied.
      var copy = self
      return copy.apply(command)
    default: return .value(nil)
    }
  }

  public func snapshot() -> [UInt8] {
    let sorted = zip(values.keys, values.values).map { ($0.bytes, $1) }.sorted {
      $0.0.lexicographicallyPrecedes($1.0)
    }
    var writer = WireWriter()
    writer.write(UInt32(sorted.count))
    for (key, value) in sorted {
      writer.writeCounted(key)
      writer.writeCounted(value)
    }
    return writer.bytes()
  }

  public init(restoring snapshot: [UInt8]) throws(WireError) {
    var reader = WireReader(snapshot)
    let count = try reader.readCount(elementSize: 8)
    for _ in 0..<count {
      let key = Key(try reader.readCounted())
      set(key, to: try reader.readCounted())
    }
    guard reader.isAtEnd else { throw .malformed("bytes after the last value") }
  }
}

// A put, the most frequent update, is checked and carried out directly on its bytes, alone or in a
// sequence, so that no array is allocated for it.
extension KeyValueStore {
  public static func isReadOnly(reading reader: inout WireReader) throws(WireError) -> Bool {
    var places: [Int]?
    if let sequence = try beginSequence(&reader, noting: &places) {
      try reader.skip(reader.remaining)
      return sequence.isReadOnly
    }
    guard try beginPut(&reader) != nil else {
      return isReadOnly(try reader.readLast(Command.self))
    }
    try reader.skip(reader.remaining)
    return false
  }

  /// A put whose value has the length of the earlier one overwrites it in place.
  public mutating func apply(reading reader: inout WireReader) throws(WireError) -> Response {
    guard let key = try KeyValueStore.beginPut(&reader) else {
      return try applyOther(reading: &reader)
    }
    put(key, reader.storage, in: reader.offset..<reader.end)
    reader.offset = reader.end
    return .done
  }

  /// Applies any command but a put.
  private mutating func applyOther(
    reading reader: inout WireReader
  ) throws(WireError) -> Response {
    var places: [Int]? = []
    if try KeyValueStore.beginSequence(&reader, noting: &places) != nil {
      return try applySequence(places!, reading: &reader)
    }
    return apply(try reader.readLast(Command.self))
  }

  private mutating func put(_ key: Key, _ bytes: [UInt8], in range: Range<Int>) {
    guard let position = values.position(of: key), values.values[position].count == range.count
    else {
      set(key, to: Array(bytes[range]))
      return
    }
    willChange(position)
    values.values[position].withUnsafeMutableBytes { target in
      bytes.withUnsafeBytes {
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range]))
      }
    }
  }

  /// Applies the commands of a checked sequence, given their offsets.
  private mutating func applySequence(
    _ places: [Int], reading reader: inout WireReader
  ) throws(WireError) -> Response {
    var responses: [Response] = []
    responses.reserveCapacity(places.count)
    var room = Self.maximumAnswerByteCount
    var skipped = 0
    let bytes = reader.storage
    for index in places.indices {
      if index.isMultiple(of: Self.lookAheadCount), places.count - index > 1 {
        expect(
          places[index..<min(index + Self.lookAheadCount, places.count)], in: bytes)
      }
      if skipped > 0 {
        skipped -= 1
        _ = try Command.skip(in: &reader)
        responses.append(.skipped)
        continue
      }
      let kind = try reader.read(UInt8.self)
      guard kind == Command.putKind else {
        let command = try Command(single: kind, from: &reader)
        guard let response = step(command, room: &room, mayExceed: responses.isEmpty) else {
          try reader.skip(reader.remaining)
          break
        }
        skipped = Self.skippedCount(after: command, response)
        responses.append(response)
        continue
      }
      let key = try Key(from: &reader)
      let length = Int(try reader.read(UInt32.self))
      let start = reader.offset
      try reader.skip(length)
      put(key, bytes, in: start..<reader.offset)
      responses.append(.done)
    }
    return .sequence(responses)
  }

  /// Reads a sequence up to its first command, and checks all its commands; `nil` for another
  /// command.
  private static func beginSequence(
    _ reader: inout WireReader, noting places: inout [Int]?
  ) throws(WireError) -> (count: Int, isReadOnly: Bool)? {
    let start = reader.offset
    guard try reader.read(UInt8.self) == Command.sequenceKind else {
      reader.offset = start
      return nil
    }
    let sequence = try KeyValueSequence.check(in: &reader, noting: &places)
    guard reader.isAtEnd else { throw .malformed("\(reader.remaining) bytes too many") }
    reader.offset = start + 9
    return sequence
  }

  /// Reads a put up to its value, which is then the rest of the reader; `nil` for another command.
  public static func beginPut(_ reader: inout WireReader) throws(WireError) -> Key? {
    let start = reader.offset
    guard try reader.read(UInt8.self) == Command.putKind else {
      reader.offset = start
      return nil
    }
    let key = try Key(from: &reader)
    guard Int(try reader.read(UInt32.self)) == reader.remaining else {
      throw .malformed("a value of another length than announced")
    }
    return key
  }
}
