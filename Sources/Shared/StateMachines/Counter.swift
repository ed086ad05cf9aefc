import Replication
import WireFormat

/// A counter. Adding is not idempotent, so a request that is applied twice becomes visible.
public struct Counter: StateMachine {
  public enum Command: Equatable, Sendable {
    case add(UInt64)
    case read
  }

  /// The value after the command.
  public typealias Response = UInt64

  public private(set) var value: UInt64 = 0

  public init() {}

  public static func isReadOnly(_ command: Command) -> Bool { command == .read }

  public mutating func apply(_ command: Command) -> UInt64 {
    if case .add(let amount) = command { value &+= amount }
    return value
  }

  public func query(_ command: Command) -> UInt64 { value }
  public func snapshot() -> [UInt8] { value.encoded() }

  public init(restoring snapshot: [UInt8]) throws(WireError) {
    value = try WireReader.decode(UInt64.self, from: snapshot)
  }
}

extension Counter.Command: WireCodable {
  public var encodedByteCount: Int { self == .read ? 1 : 9 }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .read: writer.write(UInt8(0))
    case .add(let amount):
      writer.write(UInt8(1))
      writer.write(amount)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 0: self = .read
    case 1: self = .add(try reader.read(UInt64.self))
    case let kind: throw .malformed("\(kind) is no counter command")
    }
  }
}
