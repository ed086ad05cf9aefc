import Synchronization

/// Runs many trials on several threads. What they find does not depend on how many.
public enum ParallelRun {
  /// - Parameters:
  ///   - count: how many pieces of work there are.
  ///   - jobs: how many run at a time, at least one.
  ///   - stop: once true, nothing new begins.
  ///   - work: runs piece by piece, on some thread.
  public static func run(
    count: Int, jobs: Int, stop: @escaping @Sendable () -> Bool,
    work: @escaping @Sendable (Int) -> Void
  ) async {
    let next = NextPiece()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<min(max(jobs, 1), count) {
        group.addTask {
          while !stop(), let piece = next.take(below: count) { work(piece) }
        }
      }
    }
  }

  private final class NextPiece: Sendable {
    private let value = Atomic<Int>(0)

    func take(below count: Int) -> Int? {
      let piece = value.add(1, ordering: .relaxed).oldValue
      return piece < count ? piece : nil
    }
  }
}
