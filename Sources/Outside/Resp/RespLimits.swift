/// The limits of one connection. Memory is allocated only for bytes that have arrived, not for
/// announced sizes.
public struct RespLimits: Equatable, Sendable {
  /// Arguments of one command, including its name; also elements of one array in a reply.
  public var maximumArgumentCount = 1 << 20
  /// Bytes of one argument.
  public var maximumBulkByteCount = 16 << 20
  /// Bytes of one command, including its framing. Must fit into 32 bits.
  public var maximumCommandByteCount = 32 << 20
  /// Bytes of a command that is typed as a line.
  public var maximumInlineByteCount = 64 << 10
  /// Commands of a pipeline that become one command of the store.
  public var chunkCommandCount = 1024
  /// Bytes of these commands. The command that reaches this limit is the last one of the chunk.
  public var chunkByteCount = 256 << 10
  /// Keys of one command. Together with those of a chunk they stay below the limit of a sequence.
  public var maximumKeyCount = 1 << 17
  /// Bytes of the commands of one transaction. Together with their framing they still fit into one
  /// request.
  public var maximumTransactionByteCount = 30 << 20
  /// Bytes of the values that one connection watches. They are sent with its transaction, to be
  /// compared.
  public var maximumWatchedByteCount = 1 << 20
  /// Bytes of a pattern of keys.
  public var maximumPatternByteCount = 1024
  /// Bytes that may wait while a command is outstanding before the session takes no more input.
  public var maximumWaitingByteCount = 1 << 20
  /// Bytes that may wait while the client reads no replies. Some clients write all their commands
  /// before they read.
  public var maximumUnreadByteCount = 80 << 20

  public init() {}
}

/// Bytes that violate the protocol. The connection must end, because the start of the next command
/// is unknown.
public enum RespProtocolError: Error, Equatable, Sendable {
  case invalidMultibulkLength
  case invalidBulkLength
  case bulkTooBig(limit: Int)
  case expectedDollar(found: UInt8)
  case unterminatedBulk
  case commandTooBig(limit: Int)
  case inlineTooBig
  case unbalancedQuotes
  /// A reply that begins with this byte, or a malformed line of one.
  case invalidReply(UInt8)
  case nestedTooDeep

  /// The error text of Redis, if Redis has one for this case.
  public var text: String {
    switch self {
    case .invalidMultibulkLength: "Protocol error: invalid multibulk length"
    case .invalidBulkLength: "Protocol error: invalid bulk length"
    case .bulkTooBig(let limit):
      "Protocol error: invalid bulk length, over the limit of \(limit) bytes"
    case .expectedDollar(let found):
      "Protocol error: expected '$', got '\(Character(UnicodeScalar(found)))'"
    case .unterminatedBulk: "Protocol error: no line end behind a bulk"
    case .commandTooBig(let limit): "Protocol error: a command of more than \(limit) bytes"
    case .inlineTooBig: "Protocol error: too big inline request"
    case .unbalancedQuotes: "Protocol error: unbalanced quotes in request"
    case .invalidReply(let found): "Protocol error: invalid reply, byte \(found)"
    case .nestedTooDeep: "Protocol error: arrays nested too deep"
    }
  }
}
