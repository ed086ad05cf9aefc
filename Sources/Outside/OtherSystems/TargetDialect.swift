import Replication
import StateMachines
import WireFormat

/// The protocol of another system: how requests are written and answers are read. Every connection
/// has its own value. Answers come in the order of the requests.
protocol TargetDialect: Sendable {
  /// The name of such a server in error messages.
  static var systemName: String { get }

  /// Writes a command for which there is a question.
  mutating func write(_ command: KeyValueCommand, into output: inout WireWriter)

  /// Writes a request that changes nothing and shows whether the server can be used.
  mutating func writeProbe(into output: inout WireWriter)

  /// Takes the next complete answer out of `bytes[start..<end]`.
  /// - Parameters:
  ///   - question: the question that it answers.
  ///   - start: moves past the parsed bytes.
  /// - Returns: `nil` if more bytes are needed.
  mutating func next(
    to question: TargetQuestion, in bytes: [UInt8], from start: inout Int, to end: Int
  ) throws(TargetFault) -> TargetAnswer?

  /// Whether the server closes the connection after the last answer that was taken.
  var hangsUp: Bool { get }
}

/// The kinds of requests to other systems.
enum TargetQuestion: UInt8, Sendable {
  case get, put, delete, append, probe

  /// - Precondition: the command is one that experiments with targets may have.
  init(_ command: KeyValueCommand) {
    switch command {
    case .get: self = .get
    case .put: self = .put
    case .delete: self = .delete
    case .append: self = .append
    default: preconditionFailure("a validated experiment asks a target for \(command)")
    }
  }

  var isRead: Bool { self == .get || self == .probe }
}

/// The meaning of an answer for its operation.
enum TargetAnswer: Equatable, Sendable {
  case done(KeyValueResponse)
  /// An error in the server's words: the operation has had no effect, and will have none.
  case refused(String)
  /// An error after which the operation may have taken effect, or may still do so.
  case unclear(String)

  /// Classifies an error answer. A read that failed counts as refused and not as unclear, because
  /// a read never takes effect.
  static func error(_ text: String, isDefinite: Bool, to question: TargetQuestion) -> TargetAnswer {
    isDefinite || question.isRead ? .refused(text) : .unclear(text)
  }
}

/// Bytes that are not an answer. The connection must end, because the start of the next answer is
/// unknown.
struct TargetFault: Error, Equatable, Sendable, CustomStringConvertible {
  var description: String
  /// The beginning of the bytes.
  var found: String

  /// - Parameter range: the position of the bytes that could not be parsed.
  init(_ description: String, in bytes: [UInt8], at range: Range<Int>) {
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

/// The reason why a target cannot be driven, in one line.
package struct TargetError: Error, Equatable, Sendable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
