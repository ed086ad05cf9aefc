import Foundation
import Synchronization

/// Runs many trials on several threads. What they find does not depend on how many.
public enum ParallelRun {
  /// Returns when all pieces are done, or `patience` after the stop: a piece that is still running then is left to
  /// itself, because the check of a long history asks nobody whether to go on.
  ///
  /// The threads are its own, so that no dispatch queue is kept from work by trials.
  ///
  /// - Parameters:
  ///   - count: how many pieces of work there are.
  ///   - jobs: how many run at a time, at least one.
  ///   - patience: in seconds.
  ///   - stop: once true, nothing new begins.
  ///   - work: runs piece by piece, on some thread.
  public static func run(
    count: Int, jobs: Int, patience: Double = .infinity, stop: @escaping @Sendable () -> Bool,
    work: @escaping @Sendable (Int) -> Void
  ) {
    let workers = min(max(jobs, 1), count)
    let state = State(running: workers)
    for _ in 0..<workers {
      Thread.detachNewThread {
        while !stop(), let piece = state.take(below: count) { work(piece) }
        state.leave()
      }
    }
    state.waitForAll(patience: patience, stop: stop)
  }

  private final class State: Sendable {
    private let next = Atomic<Int>(0)
    private let running: Mutex<Int>
    private let allHaveLeft = DispatchSemaphore(value: 0)

    init(running: Int) { self.running = Mutex(running) }

    func take(below count: Int) -> Int? {
      let piece = next.add(1, ordering: .relaxed).oldValue
      return piece < count ? piece : nil
    }

    func leave() {
      let isLast = running.withLock { running in
        running -= 1
        return running == 0
      }
      if isLast { allHaveLeft.signal() }
    }

    func waitForAll(patience: Double, stop: () -> Bool) {
      guard running.withLock({ $0 > 0 }) else { return }
      while !stop() {
        if allHaveLeft.wait(timeout: .now() + 0.05) == .success { return }
      }
      guard patience.isFinite else { return allHaveLeft.wait() }
      _ = allHaveLeft.wait(timeout: .now() + patience)
    }
  }
}
