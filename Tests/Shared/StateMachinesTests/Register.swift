import Replication
import WireFormat

/// One register with read, write and compare-and-swap: the smallest state machine whose histories
/// are interesting.
struct Register: StateMachine {
  enum Command: Equatable, Sendable {
    case read
    case write(UInt64)
    case compareAndSwap(expected: UInt64, value: UInt64)
  }

  struct Response: Equatable, Sendable {
    /// The register's value after the command.
    var value: UInt64
    /// Whether the command took effect; false for a compare-and-swap that found another value.
    var succeeded: Bool

    init(value: UInt64, succeeded: Bool) {
      self.value = value
      self.succeeded = succeeded
    }
  }

  private(set) var value: UInt64 = 0

  init() {}

  static func isReadOnly(_ command: Command) -> Bool { command == .read }

  mutating func apply(_ command: Command) -> Response {
    switch command {
    case .read: break
    case .write(let value): self.value = value
    case .compareAndSwap(let expected, let value):
      guard self.value == expected else { return Response(value: self.value, succeeded: false) }
      self.value = value
    }
    return Response(value: value, succeeded: true)
  }

  func query(_ command: Command) -> Response { Response(value: value, succeeded: true) }
  func snapshot() -> [UInt8] { value.encoded() }

  init(restoring snapshot: [UInt8]) throws(WireError) {
    value = try WireReader.decode(UInt64.self, from: snapshot)
  }
}

extension Register.Command: WireCodable {
  var encodedByteCount: Int {
    switch self {
    case .read: 1
    case .write: 9
    case .compareAndSwap: 17
    }
  }

  func encode(into writer: inout WireWriter) {
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

  init(from reader: inout WireReader) throws(WireError) {
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
  var encodedByteCount: Int { 9 }

  func encode(into writer: inout WireWriter) {
    writer.write(value)
    writer.write(succeeded)
  }

  init(from reader: inout WireReader) throws(WireError) {
    value = try reader.read(UInt64.self)
    succeeded = try reader.readFlag()
  }
}
