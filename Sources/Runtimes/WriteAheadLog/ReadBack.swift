import Glibc
import Synchronization

/// How the keepers of a log treat a batch that they cannot read back.
///
/// A replica that needs the batch for itself cannot go on, because it must apply it. A replica that
/// wants to send it to another one can: that message is not sent, and the other replica gets a
/// snapshot in place of the entries.
final class ReadBack: Sendable {
  private struct State {
    var isTolerant = false
    var error: LogError?
  }

  private let state = Mutex(State())

  /// From now on errors are noted, and batches that cannot be read are zeros.
  func begin() { state.withLock { $0.isTolerant = true } }

  /// - Returns: the first error since `begin`.
  func end() -> LogError? {
    state.withLock { state in
      defer { state = State() }
      return state.error
    }
  }

  /// Notes an error, if errors are tolerated now.
  func takes(_ error: LogError) -> Bool {
    state.withLock { state in
      guard state.isTolerant else { return false }
      if state.error == nil { state.error = error }
      return true
    }
  }
}

extension WriteAheadLog {
  /// Allows that batches cannot be read back until `endTolerantReading`. They are zeros then, so
  /// the caller must drop what it makes of them.
  public func beginTolerantReading() { reads.begin() }

  /// - Returns: the first error since `beginTolerantReading`.
  public func endTolerantReading() -> LogError? { reads.end() }
}

extension LogError {
  /// Whether the same call may succeed later, because it lacked descriptors or memory.
  public var mayPass: Bool {
    if case .system(let code) = kind {
      [EMFILE, ENFILE, ENOMEM, EAGAIN, EINTR].contains(code)
    } else {
      false
    }
  }
}
