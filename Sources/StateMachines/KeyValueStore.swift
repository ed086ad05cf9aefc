import Replication

/// The default application: a map from keys to values, both any bytes.
public struct KeyValueStore: StateMachine {
  public typealias Command = KeyValueCommand
  public typealias Response = KeyValueResponse

  public var values = FlatTable<Key, [UInt8]>()

  public init() {}

  public var count: Int { values.count }
  public subscript(key: Key) -> [UInt8]? { values[key] }

  public static func isReadOnly(_ command: Command) -> Bool {
    if case .get = command { true } else { false }
  }

  public mutating func apply(_ command: Command) -> Response {
    switch command {
    case .get(let key): return .value(values[key])
    case .put(let key, let value):
      values.set(key, to: value)
      return .done
    case .delete(let key):
      values.remove(key)
      return .done
    case .append(let key, let value):
      if let position = values.position(of: key) {
        values.values[position].append(contentsOf: value)
      } else {
        values.set(key, to: value)
      }
      return .done
    case .compareAndSwap(let key, let expected, let value):
      let found = values[key]
      guard found == expected else { return .notSwapped(found: found) }
      values.set(key, to: value)
      return .swapped
    }
  }

  public func query(_ command: Command) -> Response {
    guard case .get(let key) = command else { return .value(nil) }
    return .value(values[key])
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
      values.set(key, to: try reader.readCounted())
    }
    guard reader.isAtEnd else { throw .malformed("bytes after the last value") }
  }
}
