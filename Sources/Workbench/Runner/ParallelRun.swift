import Foundation
import Synchronization

/// Runs many trials on several threads. The results do not depend on the number of threads.
package enum ParallelRun {
  /// Returns when all pieces are done, or `patience` after the stop. A piece that still runs then
  /// is left running, because the check of a long history cannot be interrupted.
  ///
  /// The threads are its own, so that trials do not block the threads of a dispatch queue.
  ///
  /// - Parameters:
  ///   - count: the number of pieces of work.
  ///   - jobs: the number of pieces that run at a time, at least one.
  ///   - patience: in seconds.
  ///   - stop: once it returns true, no further piece begins.
  ///   - work: does one piece, on any of the threads.
  package static func run(
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
