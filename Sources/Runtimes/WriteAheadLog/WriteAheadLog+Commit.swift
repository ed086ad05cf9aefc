import Glibc
import Primitives
import Replication
import WireFormat

// How records in the buffer become blocks on the disk.

extension WriteAheadLog {
  /// Makes all records appended so far durable with one write and one sync; does nothing if there
  /// are none. Waits for an earlier block that is still being written. Without syncs the records
  /// only survive the end of the process from now on.
  /// - Throws: the error of the write or sync; the log throws it at every later call.
  public mutating func commit() throws(LogError) {
    if isCommitting { try finishCommit() }
    if let failure { throw failure }
    guard pendingRecordCount > 0 else { return }
    do {
      if syncs { try conclude(try makeJob().carriedOut()) } else { try stage() }
    } catch {
      failure = error
      throw error
    }
  }

  /// A buffer that has grown larger than this for one block is not used again.
  private static var keptBufferByteCount: Int { 4 << 20 }

  /// Whether the records appended so far need the next segment, whose opening may take long.
  public var opensSegment: Bool {
    pendingRecordCount > 0
      && segment.position + segment.header.paddedByteCount(pendingByteCount) > segment.capacity
  }

  /// Whether a block is being written.
  public var isCommitting: Bool { inFlightRecordCount > 0 }

  /// Size of the block of the records appended so far; 0 if there are none.
  public var pendingByteCount: Int { pendingRecordCount == 0 ? 0 : buffer.count - lead }

  /// Starts to make all records appended so far durable, and does not wait. Allowed only with
  /// syncs, and while no block is being written. Later records belong to the next block.
  /// - Throws: the first error; the log throws it at every later call.
  public mutating func beginCommit() throws(LogError) {
    precondition(syncs && !isCommitting)
    if let failure { throw failure }
    guard pendingRecordCount > 0 else { return }
    do {
      if writer == nil {
        let started = try LogWorker<BlockJob>(directoryPath: directoryPath)
        commitSignal = started.signal
        writer = consume started
      }
      let job = try makeJob()
      inFlightRecordCount = job.recordCount
      writer!.start(job)
    } catch {
      failure = error
      throw error
    }
  }

  /// Waits until the block that is being written is durable.
  /// - Throws: the error of the write or sync; the log throws it at every later call.
  public mutating func finishCommit() throws(LogError) {
    precondition(isCommitting)
    inFlightRecordCount = 0
    do { try conclude(writer!.finish()) } catch {
      failure = error
      throw error
    }
  }

  /// Turns the buffer's records into a block for the end of the log.
  /// - Parameter header: of the block's segment.
  /// - Returns: the block's position in the buffer.
  private mutating func finishBlock(
    in header: SegmentHeader, at position: Int
  ) -> Range<Int> {
    let payloadByteCount = buffer.count - lead - BlockHeader.byteCount
    let byteCount = header.paddedByteCount(buffer.count - lead)
    sealBlock(
      payloadByteCount: payloadByteCount, blockByteCount: byteCount, in: header, at: position)
    return lead..<lead + byteCount
  }

  /// Copies the buffer's block to the staged file, where it survives the end of the process.
  private mutating func stage() throws(LogError) {
    alignBlock()
    let byteCount = segment.header.paddedByteCount(buffer.count - lead)
    if segment.position + byteCount > segment.capacity { try startGrowingSegment(for: byteCount) }
    let place = finishBlock(in: segment.header, at: segment.position)
    guard fault != .full else { throw segment.file.failure(ENOSPC, "write") }
    if staging == nil {
      staging = try Staging(in: directoryPath, digest: digest, runByteCount: stagedByteCount)
    }
    let result = buffer.storage.withUnsafeBytes { bytes in
      Result { () throws(LogError) in
        try staging!.append(
          UnsafeRawBufferPointer(rebasing: bytes[place]), buffer.notedBatches, to: segment)
      }
    }
    try result.get()
    noteSettled()
    segment.position += place.count
    bytesWritten += place.count
    block += 1
    record += UInt64(pendingRecordCount)
    pendingRecordCount = 0
    if buffer.storage.count > WriteAheadLog.keptBufferByteCount { buffer = WireWriter() }
  }

  /// Waits until all blocks are in their segments.
  mutating func drain() throws(LogError) {
    guard staging != nil else { return }
    try staging!.drain()
    noteSettled()
  }

  private mutating func noteSettled() {
    for run in staging!.takeSettled() {
      for (start, noted) in run.batches { batches.append(noted, in: run.keeper, at: start) }
    }
  }

  /// Takes the records out of the buffer, as a block for the end of the log.
  mutating func makeJob() throws(LogError) -> BlockJob {
    alignBlock()
    let opening = opensSegment ? nextSegment(for: pendingByteCount) : nil
    let offset = opening == nil ? segment.position : SegmentHeader.firstBlock
    let place = finishBlock(in: opening?.header ?? segment.header, at: offset)
    let job = BlockJob(
      buffer: buffer, bytes: place, recordCount: pendingRecordCount,
      segment: opening == nil ? segment.shared : nil, opening: opening, offset: offset,
      mark: mark.sector(for: block + 1), markOffset: mark.offset,
      markDescriptor: mark.descriptor, syncsMark: mark.isDue(after: markPause), fault: fault)
    buffer = spareBuffer
    spareBuffer = WireWriter()
    pendingRecordCount = 0
    return job
  }

  /// Records the result of writing a block.
  mutating func conclude(_ job: BlockJob) throws(LogError) {
    let file = job.segment ?? segment.shared
    switch job.failure {
    case nil: break
    case .write(let code): throw file.file.failure(code, "write")
    case .sync(let code): throw file.file.failure(code, "sync")
    case .mark(let code): throw File.failure(code, mark.path, "write")
    case .opening(let error): throw error
    }
    if let opening = job.opening { try adopt(file, opening.header) }
    batches.append(job.buffer.notedBatches, in: segment.keeper, at: job.offset)
    segment.position += job.bytes.count
    bytesWritten += job.bytes.count
    block += 1
    record += UInt64(job.recordCount)
    syncCount += 1
    mark.adopt(job.mark, isSynced: job.syncsMark)
    // A large block's buffer is freed.
    spareBuffer =
      job.buffer.storage.count <= WriteAheadLog.keptBufferByteCount ? job.buffer : WireWriter()
  }

  /// Reserves space for the padding after the block. If growing has changed the
  /// buffer's alignment to sectors, the block is moved. Noted offsets count from the block's start
  /// from here on.
  private mutating func alignBlock() {
    buffer.reserve(Sector.byteCount + PhysicalBlock.byteCount)
    moveBlock()
    for index in buffer.notedBatches.indices { buffer.notedBatches[index].offset -= lead }
  }

  /// Fills in the padding and the header of the buffer's block.
  private mutating func sealBlock(
    payloadByteCount: Int, blockByteCount: Int, in segment: SegmentHeader, at offset: Int
  ) {
    var header = BlockHeader(
      number: block + 1, firstRecord: record + 1, payloadByteCount: payloadByteCount,
      blockByteCount: blockByteCount, recordCount: UInt32(pendingRecordCount),
      zeroSectorCount: 0, checksum: 0)
    paddingByteCount += header.paddingByteCount
    let seal = segment.seal
    let lead = lead
    let end = buffer.count - lead
    buffer.storage.withUnsafeMutableBytes { bytes in
      let block = UnsafeMutableRawBufferPointer(rebasing: bytes[lead..<lead + blockByteCount])
      if end < blockByteCount {
        memset(block.baseAddress! + end, 0, blockByteCount - end)
      }
      header.checksum = CRC32C.checksum(
        UnsafeRawBufferPointer(rebasing: block[BlockHeader.byteCount...]))
      header.zeroSectorCount = UInt32(
        Sector.zeroCount(UnsafeRawBufferPointer(rebasing: block[Sector.byteCount...])))
      header.store(to: block, seal: seal, offset: offset)
    }
  }

  /// The segment after the present one, for a block that has this size without its padding.
  private mutating func nextSegment(for byteCount: Int) -> SegmentOpening {
    let needed = SegmentHeader.firstBlock + segment.header.paddedByteCount(byteCount)
    return SegmentOpening(
      in: directoryPath, segment.header.following(byteCount: max(needed, segmentByteCount)),
      prepared: next.take())
  }

  /// Uses a segment that was opened, and begins to prepare the one after it.
  private mutating func adopt(_ file: SharedFile, _ header: SegmentHeader) throws(LogError) {
    starts.append(SegmentStart(number: header.number, block: block, record: record))
    segment = OpenSegment(file, header, reads: reads)
    next = try SegmentPreparation(in: directoryPath, header.following(byteCount: segmentByteCount))
  }

  /// Starts the next segment of a log without syncs, whose creation is not synced either.
  private mutating func startGrowingSegment(for blockByteCount: Int) throws(LogError) {
    let needed = SegmentHeader.firstBlock + blockByteCount
    starts.append(
      SegmentStart(number: segment.header.number + 1, block: block, record: record))
    let header = segment.header.following(byteCount: 0)
    let file = try SegmentFile.createGrowing(in: directoryPath, header)
    file.bypassCache()
    segment = OpenSegment(
      SharedFile(file), header, capacity: max(segmentByteCount, needed), reads: reads)
  }
}
