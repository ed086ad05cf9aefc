import Replication
import StateMachines
import WireFormat

/// The language of another system: how it is asked, and what its answers mean. A value of its own for
/// every connection. Answers come in the order of the questions.
public protocol TargetDialect: Sendable {
  /// What errors call such a server.
  static var systemName: String { get }

  /// Writes a command that is one of the questions.
  mutating func write(_ command: KeyValueCommand, into output: inout WireWriter)

  /// Writes a question that changes nothing and shows whether the server will do.
  mutating func writeProbe(into output: inout WireWriter)

  /// Takes the next whole answer out of what lies in `bytes[start..<end]`.
  /// - Parameters:
  ///   - question: what it answers.
  ///   - start: moves over what has been understood.
  /// - Returns: `nil` if more bytes are needed.
  mutating func next(
    to question: TargetQuestion, in bytes: [UInt8], from start: inout Int, to end: Int
  ) throws(TargetFault) -> TargetAnswer?

  /// The server hangs up behind the answer that was taken last.
  var hangsUp: Bool { get }
}

/// What can be asked of other systems.
public enum TargetQuestion: UInt8, Sendable {
  case get, put, delete, append, probe

  /// - Precondition: the command is one that experiments with targets may have.
  public init(_ command: KeyValueCommand) {
    switch command {
    case .get: self = .get
    case .put: self = .put
    case .delete: self = .delete
    case .append: self = .append
    default: preconditionFailure("a validated experiment asks a target for \(command)")
    }
  }

  public var isRead: Bool { self == .get || self == .probe }
}

/// What an answer says of its operation.
public enum TargetAnswer: Equatable, Sendable {
  case done(KeyValueResponse)
  /// An error, with the server's words: the operation has certainly had no effect, and will have none.
  case refused(String)
  /// An error behind which the operation may have taken effect, or may still.
  case unclear(String)

  /// An error of which nothing is known but that it answers a question: a read had no effect in any case.
  static func error(_ text: String, isDefinite: Bool, to question: TargetQuestion) -> TargetAnswer {
    isDefinite || question.isRead ? .refused(text) : .unclear(text)
  }
}

/// Bytes that are no answer. The connection cannot go on: where the next answer begins is not known.
public struct TargetFault: Error, Equatable, Sendable, CustomStringConvertible {
  public var description: String
  /// The beginning of what was found.
  public var found: String

  /// - Parameter range: where the bytes lie that could not be understood.
  public init(_ description: String, in bytes: [UInt8], at range: Range<Int>) {
    self.description = description
    found = TargetFault.printable(bytes, in: range)
  }

  /// The beginning of the bytes as a text without control characters.
  static func printable(_ bytes: [UInt8], in range: Range<Int>, atMost limit: Int = 120) -> String {
    let start = min(max(range.lowerBound, 0), bytes.count)
    let end = min(range.upperBound, bytes.count, start + limit)
    let shown = bytes[start..<max(start, end)].map { $0 < 0x20 || $0 >= 0x7F ? 0x20 : $0 }
    return String(decoding: shown, as: UTF8.self)
  }
}

/// Why a target cannot be driven, in one line.
public struct TargetError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
