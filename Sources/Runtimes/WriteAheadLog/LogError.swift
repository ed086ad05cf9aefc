/// Why a log cannot be opened or used any more. One line: the file, the finding, the consequence.
public struct LogError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Kind: Equatable, Sendable {
    /// The files lack durable records, or may lack some. The replica must not start on them.
    case damaged
    /// The files belong to another node, cluster or protocol, or to another version of this
    /// program.
    case foreign
    /// Another process, or another log of this one, has the directory open.
    case inUse
    /// A system call failed with this `errno`. An open log refuses every later call.
    case system(Int32)
    /// The log has been closed.
    case closed
  }

  public let kind: Kind
  /// The path of the file or directory.
  public let path: String
  public let reason: String

  public init(_ kind: Kind, path: String, reason: String) {
    self.kind = kind
    self.path = path
    self.reason = reason
  }

  public var description: String { "\(path): \(reason)" }

  /// A refusal to start on files that lack, or may lack, what was durable.
  static func damaged(_ path: String, _ finding: String) -> LogError {
    LogError(
      .damaged, path: path,
      reason:
        "\(finding); this replica cannot vouch for what it promised, so it does not start")
  }
}

/// A fault in the bytes of one file, and the offset at which reading stopped.
struct Damage: Error, Equatable {
  var kind = LogError.Kind.damaged
  var offset: Int
  var reason: String

  func error(in path: String) -> LogError {
    kind == .damaged ? .damaged(path, reason) : LogError(kind, path: path, reason: reason)
  }
}
