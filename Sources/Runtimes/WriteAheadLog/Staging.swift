import Glibc
import Replication
import WireFormat

/// Writes blocks to their segments by way of the staged file (`StagedFile`).
struct Staging: ~Copyable, Sendable {
  /// Blocks that are adjacent in one segment.
  struct Run: Sendable {
    let segment: SharedFile
    let keeper: SegmentKeeper
    /// The offset of the run in the segment.
    let start: Int
    var byteCount = 0
    /// The batches in the run's blocks, with the offset of each block.
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
  /// The half that is being filled.
  private var filling = 0
  private var run: Run?
  private var isWriting = false
  /// Runs that were written to their segments and not taken yet.
  private var settled: [Run] = []

  init(in directoryPath: String, digest: UInt64, runByteCount: Int) throws(LogError) {
    let file = try StagedFile(in: directoryPath, runByteCount: runByteCount)
    worker = try LogWorker(directoryPath: directoryPath)
    self.file = file
    self.digest = digest
  }

  /// Adds the next block of a segment. The block survives the end of the process from now on.
  /// - Throws: if an earlier block could not be written.
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

  /// Gives the gathered run to the thread, once the thread has finished its current one.
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

  /// Waits until all blocks are in their segments.
  mutating func drain() throws(LogError) {
    try handOver()
    try finish()
  }

  /// Runs that were written to their segments since the last call, oldest first.
  mutating func takeSettled() -> [Run] {
    guard !settled.isEmpty else { return [] }
    defer { settled.removeAll(keepingCapacity: true) }
    return settled
  }
}

/// An open file that is closed with its last reference.
final class SharedFile: Sendable {
  let file: File

  init(_ file: consuming File) { self.file = file }
}
