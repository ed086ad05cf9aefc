import WireFormat

/// Whose word an answer is: that of a replica that keeps its promises, or of one that has lost its
/// disk. Raft and Multi-Paxos count answers, so each of theirs says it.
public struct DiskStanding: Equatable, Sendable {
  /// Grows with each disk that takes the place of a lost one.
  public var generation: UInt64
  /// It has not learnt everything yet, so it counts for no majority.
  public var isLearner: Bool

  public init(generation: UInt64 = 0, isLearner: Bool = false) {
    self.generation = generation
    self.isLearner = isLearner
  }
}

/// Whether a replica's next disk, or its next start, can have this number after `known`.
///
/// Hosts count disks from 1, or take the time in milliseconds, which stays below 1 << 44 until the
/// year 2527. A message that claims a larger number would use the numbers up, because each disk
/// needs a larger number than all before it.
///
/// A core cannot bound the first claim more closely, because it knows no date, and the first
/// replaced disk of a cluster honestly jumps from 0 to the present time. A node does know the date.
/// It refuses a peer whose log claims to come from the future (`LogCard.mayExist`), and a message
/// that claims this of any disk (`largestGeneration`).
public func isPossibleGeneration(_ claimed: UInt64, after known: UInt64) -> Bool {
  claimed <= max(known, 1 << 44) || claimed - known <= longestEpochJump
}

extension DiskStanding: WireCodable {
  public var encodedByteCount: Int { 9 }

  public func encode(into writer: inout WireWriter) {
    writer.write(generation)
    writer.write(isLearner)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    self.init(generation: try reader.read(UInt64.self), isLearner: try reader.readFlag())
  }
}
