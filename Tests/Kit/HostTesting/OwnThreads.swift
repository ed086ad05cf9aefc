import Foundation
import Testing

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

/// Runs the tests of a suite on threads of their own.
///
/// Each step of any other test queues for the two or so threads that all tests share. A test that
/// waits for a process has many short steps, so in a suite that is serialized it would come to its
/// waits only when the tests that compute are done, while the processors are idle.
public struct OwnThreads: SuiteTrait, TestScoping {
  public func provideScope(
    for test: Test, testCase: Test.Case?,
    performing function: @Sendable () async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(BlockingExecutor()) { try await function() }
  }
}

extension Trait where Self == OwnThreads {
  public static var ownThreads: OwnThreads { OwnThreads() }
}
