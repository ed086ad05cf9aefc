import Primitives
import Replication

/// A digest of the requests that a replica has applied, with their order and their batches.
/// Replicas that applied the same requests have equal digests; if their logs differ in these, the
/// digests are equal only by chance, with probability 2^-32.
///
/// A request's identity stands for its content, because no client gives two requests the same
/// number and checksums guard the bytes on every wire and disk. Reading all content once more only
/// for the digest took 2 % of a replica's time.
public struct CommitDigest: Equatable, Sendable {
  public var state: UInt64 = 0

  public init() {}

  public var value: UInt32 { UInt32(truncatingIfNeeded: RandomStream.scramble(state)) }

  /// Notes that a batch of this many requests begins.
  public mutating func note(batchOf count: Int, at index: LogIndex) {
    note(UInt64(count))
    note(UInt64(index.rawValue))
  }

  public mutating func note(_ id: RequestID) {
    note(id.client.rawValue)
    note(id.sequence)
  }

  /// Each step is a bijection, so two different states never become equal.
  @inline(__always)
  public mutating func note(_ word: UInt64) {
    state = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
    state ^= state >> 32
  }
}
