import Glibc
import Primitives
import Replication

/// Faults that can be injected into a log.
public enum LogFault: Equatable, Sendable {
  /// The next sync reports an error of the device. Has no effect in a log without syncs.
  case syncError
  /// Writes fail because the disk is full.
  case full
  /// One bit of a committed record flips in its file. The log does not notice; the next recovery
  /// does. Without syncs the last block is spared, because nothing proves that it was complete.
  case bitFlip(seed: UInt64)
}

extension WriteAheadLog {
  /// Injects a fault; `nil` cancels an error that has not occurred yet.
  /// - Returns: whether the fault has occurred or will occur: flipping a bit needs a committed
  ///   record and a file that can be read.
  @discardableResult
  public mutating func inject(_ fault: LogFault?) -> Bool {
    guard case .bitFlip(let seed) = fault else {
      self.fault = fault
      return true
    }
    var random = RandomStream(seed: seed)
    // Pending writes would overwrite the flipped bit, so they are finished first.
    guard (try? drain()) != nil else { return false }
    return (try? flipBit(&random)) ?? false
  }

  private func flipBit(_ random: inout RandomStream) throws(LogError) -> Bool {
    let last = syncs ? mark.block : block - min(block, 1)
    let segmentCount = Int(segment.header.number)
    let start = random.below(segmentCount)
    for step in 0..<segmentCount {
      let number = UInt64((start + step) % segmentCount + 1)
      let file = try File("\(directoryPath)/\(SegmentFile.name(number))", O_RDWR)
      let blocks = LogSurgery.blocks(in: try file.contents()).filter { $0.header.number <= last }
      guard !blocks.isEmpty else { continue }
      let (offset, header) = blocks[random.below(blocks.count)]
      let place = offset + BlockHeader.byteCount + random.below(header.payloadByteCount)
      var byte: UInt8 = 0
      guard pread(file.descriptor, &byte, 1, off_t(place)) == 1 else {
        throw file.failure(errno, "read")
      }
      try file.write([byte ^ 1 << UInt8(random.below(8))], at: place)
      return true
    }
    return false
  }
}
