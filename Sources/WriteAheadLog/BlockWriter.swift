import CLinux
import Glibc
import Replication
import Synchronization

/// One block on its way to the disk.
struct BlockJob: Sendable {
  /// What has gone wrong, with its `errno`.
  enum Failure: Equatable, Sendable {
    case write(Int32)
    case sync(Int32)
    case mark(Int32)
  }

  var buffer: WireWriter
  /// Where in the buffer the block lies.
  let bytes: Range<Int>
  let recordCount: Int
  let descriptor: Int32
  let offset: Int
  /// What the mark holds when the block is durable; `nil` if nothing is to be synced.
  var mark: [UInt8]?
  let markDescriptor: Int32
  let fault: LogFault?
  var failure: Failure?

  /// Writes the block, and waits until it is durable.
  consuming func carriedOut() -> BlockJob {
    failure = outcome()
    return self
  }

  private func outcome() -> Failure? {
    guard fault != .full else { return .write(ENOSPC) }
    let code = buffer.storage.withUnsafeBytes {
      File.write(UnsafeRawBufferPointer(rebasing: $0[bytes]), to: descriptor, at: offset)
    }
    guard code == 0 else { return .write(code) }
    guard let mark else { return nil }
    guard fault != .syncError else { return .sync(EIO) }
    guard fdatasync(descriptor) == 0 else { return .sync(errno) }
    let markCode = mark.withUnsafeBytes { File.write($0, to: markDescriptor, at: 0) }
    return markCode == 0 ? nil : .mark(markCode)
  }
}

/// A thread that carries out one job at a time. It ends with the value, after the job that it has.
struct BlockWriter: ~Copyable, Sendable {
  private struct State: Sendable {
    var job: BlockJob?
    var done: BlockJob?
    var isEnding = false
  }

  private final class Shared: Sendable {
    let state = Mutex(State())
    /// Rung when there is something to do.
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

  /// Waits for the job, if there is one, and ends the thread.
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

  /// Only one job at a time.
  func start(_ job: consuming BlockJob) {
    let job = consume job
    shared.state.withLock { $0.job = job }
    linux_event_ring(shared.bell)
  }

  /// Waits for the job that was started.
  func finish() -> BlockJob {
    linux_event_await(shared.signal)
    return shared.state.withLock { $0.done.take()! }
  }
}
