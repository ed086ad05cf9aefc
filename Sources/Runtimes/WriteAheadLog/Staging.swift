import Glibc
import Replication
import WireFormat

/// Brings blocks to their segments by way of the staged file (`StagedFile`).
struct Staging: ~Copyable, Sendable {
  /// Blocks that follow each other in one segment.
  struct Run: Sendable {
    let segment: SharedFile
    let keeper: SegmentKeeper
    /// Where in the segment it begins.
    let start: Int
    var byteCount = 0
    /// The batches in its blocks, and where these begin.
    var batches: [(start: Int, noted: [NotedBatch])] = []
  }

  private struct Job: LogJob {
    let run: Run
    let half: StagedHalf
    /// Keeps the half in memory.
    let file: StagedFile
    var code: Int32 = 0

    consuming func carriedOut() -> Job {
      code = File.write(
        half.bytes(run.byteCount), to: run.segment.file.descriptor, at: run.start)
      if code == 0 { half.clear() }
      return self
    }
  }

  private let file: StagedFile
  private let worker: LogWorker<Job>
  private let digest: UInt64
  /// The half that fills.
  private var filling = 0
  private var run: Run?
  private var isWriting = false
  /// Runs that have reached their segments and were not taken yet.
  private var settled: [Run] = []

  init(in directoryPath: String, digest: UInt64, runByteCount: Int) throws(LogError) {
    let file = try StagedFile(in: directoryPath, runByteCount: runByteCount)
    worker = try LogWorker(directoryPath: directoryPath)
    self.file = file
    self.digest = digest
  }

  /// Takes the next block of a segment. It survives the end of the process from now on.
  /// - Throws: an earlier block could not be written.
  mutating func append(
    _ block: UnsafeRawBufferPointer, _ noted: [NotedBatch], to segment: borrowing OpenSegment
  ) throws(LogError) {
    let position = segment.position
    if let run, run.segment !== segment.shared || run.byteCount + block.count > file.runByteCount {
      try handOver()
    }
    guard block.count <= file.runByteCount else {
      try drain()
      let code = segment.file.write(block, at: position)
      guard code == 0 else { throw segment.file.failure(code, "write") }
      settled.append(
        Run(
          segment: segment.shared, keeper: segment.keeper, start: position,
          batches: [(position, noted)]))
      return
    }
    if run == nil {
      run = Run(segment: segment.shared, keeper: segment.keeper, start: position)
      file.half(filling).begin(digest: digest, segment: segment.header.number, offset: position)
    }
    file.half(filling).extend(run!.byteCount, with: block)
    run!.byteCount += block.count
    if !noted.isEmpty { run!.batches.append((position, noted)) }
  }

  /// The thread writes what has been gathered, once it is done with what it has.
  private mutating func handOver() throws(LogError) {
    try finish()
    guard let full = run.take() else { return }
    worker.start(Job(run: full, half: file.half(filling), file: file))
    isWriting = true
    filling = 1 - filling
  }

  private mutating func finish() throws(LogError) {
    guard isWriting else { return }
    isWriting = false
    let job = worker.finish()
    guard job.code == 0 else { throw job.run.segment.file.failure(job.code, "write") }
    settled.append(job.run)
  }

  /// Waits until everything has reached its segment.
  mutating func drain() throws(LogError) {
    try handOver()
    try finish()
  }

  /// Runs that have reached their segments since the last call, oldest first.
  mutating func takeSettled() -> [Run] {
    guard !settled.isEmpty else { return [] }
    defer { settled.removeAll(keepingCapacity: true) }
    return settled
  }
}

/// An open file that is closed when nobody uses it any more.
final class SharedFile: Sendable {
  let file: File

  init(_ file: consuming File) { self.file = file }
}
