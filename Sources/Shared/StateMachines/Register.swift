import Replication
import WireFormat

/// One register that is read, written, and compared and swapped: the smallest state machine whose
/// histories are interesting.
public struct Register: StateMachine {
  public enum Command: Equatable, Sendable {
    case read
    case write(UInt64)
    case compareAndSwap(expected: UInt64, value: UInt64)
  }

  public struct Response: Equatable, Sendable {
    /// The register's value after the command.
    public var value: UInt64
    /// Whether the command took effect; false for a compare-and-swap that found another value.
    public var succeeded: Bool

    public init(value: UInt64, succeeded: Bool) {
      self.value = value
      self.succeeded = succeeded
    }
  }

  public private(set) var value: UInt64 = 0

  public init() {}

  public static func isReadOnly(_ command: Command) -> Bool { command == .read }

  public mutating func apply(_ command: Command) -> Response {
    switch command {
    case .read: break
    case .write(let value): self.value = value
    case .compareAndSwap(let expected, let value):
      guard self.value == expected else { return Response(value: self.value, succeeded: false) }
      self.value = value
    }
    return Response(value: value, succeeded: true)
  }

  public func query(_ command: Command) -> Response { Response(value: value, succeeded: true) }
  public func snapshot() -> [UInt8] { value.encoded() }

  public init(restoring snapshot: [UInt8]) throws(WireError) {
    value = try WireReader.decode(UInt64.self, from: snapshot)
  }
}

extension Register.Command: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .read: 1
    case .write: 9
    case .compareAndSwap: 17
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .read: writer.write(UInt8(0))
    case .write(let value):
      writer.write(UInt8(1))
      writer.write(value)
    case .compareAndSwap(let expected, let value):
      writer.write(UInt8(2))
      writer.write(expected)
      writer.write(value)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 0: self = .read
    case 1: self = .write(try reader.read(UInt64.self))
    case 2:
      self = .compareAndSwap(
        expected: try reader.read(UInt64.self), value: try reader.read(UInt64.self))
    case let kind: throw .malformed("\(kind) is no register command")
    }
  }
}

extension Register.Response: WireCodable {
  public var encodedByteCount: Int { 9 }

  public func encode(into writer: inout WireWriter) {
    writer.write(value)
    writer.write(succeeded)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    value = try reader.read(UInt64.self)
    succeeded = try reader.readFlag()
  }
}
