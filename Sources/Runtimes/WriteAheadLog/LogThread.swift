import Glibc

/// A thread that works for a log. Its owner must make its body return, and join it once.
struct LogThread: Sendable {
  private final class Work: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private let thread: pthread_t

  /// - Parameter directoryPath: the log's directory, for the error.
  init(directoryPath: String, _ body: @escaping @Sendable () -> Void) throws(LogError) {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Work(body))
    let code = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, argument.toOpaque())
    guard code == 0 else {
      argument.release()
      throw File.failure(code, directoryPath, "start a thread")
    }
    self.thread = thread
  }

  /// Waits until the work is done.
  func join() { pthread_join(thread, nil) }
}
