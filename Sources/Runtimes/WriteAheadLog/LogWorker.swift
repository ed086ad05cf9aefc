import CLinux
import Glibc
import Synchronization

/// A unit of work for a thread of a log.
protocol LogJob: Sendable {
  /// Does the work, and returns the job with its result.
  consuming func carriedOut() -> Self
}

/// A thread that carries out one job at a time. It ends with this value, after its current job.
struct LogWorker<Job: LogJob>: ~Copyable, Sendable {
  private struct State: Sendable {
    var job: Job?
    var done: Job?
    var isEnding = false
  }

  private final class Shared: Sendable {
    let state = Mutex(State())
    /// Rung when a job waits or the thread is to end.
    let bell: Int32
    /// Rung when a job is done.
    let signal: Int32

    init(bell: Int32, signal: Int32) {
      self.bell = bell
      self.signal = signal
    }

    deinit {
      Glibc.close(bell)
      Glibc.close(signal)
    }

    func work() {
      while true {
        linux_event_await(bell)
        if let job = state.withLock({ $0.job.take() }) {
          let done = job.carriedOut()
          state.withLock { $0.done = done }
          linux_event_ring(signal)
        }
        if state.withLock({ $0.isEnding }) { return }
      }
    }
  }

  private let shared: Shared
  private let thread: LogThread

  init(directoryPath: String) throws(LogError) {
    let bell = linux_event_create()
    let signal = linux_event_create()
    guard bell >= 0, signal >= 0 else {
      let code = -min(bell, signal)
      if bell >= 0 { Glibc.close(bell) }
      if signal >= 0 { Glibc.close(signal) }
      throw File.failure(code, directoryPath, "start a thread")
    }
    let shared = Shared(bell: bell, signal: signal)
    let thread = try LogThread(directoryPath: directoryPath) { shared.work() }
    self.shared = shared
    self.thread = thread
  }

  deinit { end() }

  /// Waits for the current job, if there is one, and ends the thread.
  func end() {
    let wasEnding = shared.state.withLock { state in
      defer { state.isEnding = true }
      return state.isEnding
    }
    guard !wasEnding else { return }
    linux_event_ring(shared.bell)
    thread.join()
  }

  /// Readable once the job is done, until `finish`.
  var signal: Int32 { shared.signal }

  /// Starts a job; the one before must be finished.
  func start(_ job: consuming Job) {
    let job = consume job
    shared.state.withLock { $0.job = job }
    linux_event_ring(shared.bell)
  }

  /// Waits for the job that was started.
  func finish() -> Job {
    linux_event_await(shared.signal)
    return shared.state.withLock { $0.done.take()! }
  }
}
