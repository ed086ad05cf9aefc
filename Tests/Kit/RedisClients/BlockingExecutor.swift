import Foundation

/// Runs blocking work on a separate thread as part of the test, because the tests have few threads.
public final class BlockingExecutor: TaskExecutor {
  public init() {}

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    Thread.detachNewThread { [self] in
      job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }
}

public func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
  try await withTaskExecutorPreference(BlockingExecutor()) { try body() }
}
