import Primitives
import Replication

/// Which requests a replica has applied, in which order and in which batches. Replicas that applied
/// the same have equal digests; replicas whose logs differ in that have equal ones by chance only,
/// one in 2^32.
///
/// A request's identity stands for its content: no client numbers two requests alike, and checksums
/// guard the bytes on every wire and disk. To read all content once more for this alone took 2 % of
/// a replica's time.
public struct CommitDigest: Equatable, Sendable {
  public var state: UInt64 = 0

  public init() {}

  public var value: UInt32 { UInt32(truncatingIfNeeded: RandomStream.scramble(state)) }

  /// A batch of this many requests begins.
  public mutating func note(batchOf count: Int, at index: LogIndex) {
    note(UInt64(count))
    note(UInt64(index.rawValue))
  }

  public mutating func note(_ id: RequestID) {
    note(id.client.rawValue)
    note(id.sequence)
  }

  /// One-to-one for each word, so that a difference stays one.
  @inline(__always)
  public mutating func note(_ word: UInt64) {
    state = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
    state ^= state >> 32
  }
}
