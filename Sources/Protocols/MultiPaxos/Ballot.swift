import Replication
import WireFormat

extension MultiPaxosReplica {
  /// The number of one attempt to lead: a round, and the node that made the attempt. Ballots of
  /// different nodes differ, and a node never uses one twice (Lamport 2001 §2.2: "different
  /// proposers choose their numbers from disjoint sets").
  public struct Ballot: Hashable, Comparable, Sendable {
    /// Round in the upper 48 bits, node in the lower 16: numeric order is ballot order.
    public let rawValue: UInt64

    public init(round: UInt64, node: ReplicaID) {
      rawValue = round << 16 | UInt64(node.rawValue)
    }

    init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The ballot before all attempts: no ballot promised, no value accepted.
    public static let none = Ballot(rawValue: 0)

    /// The ballot after all attempts. It marks a value that is known to be chosen: every later
    /// ballot can only propose the same value, so a report of it outweighs every other.
    public static let chosen = Ballot(rawValue: .max)

    static let maximumRound: UInt64 = 1 << 47

    public var round: UInt64 { rawValue >> 16 }
    public var node: ReplicaID { ReplicaID(Int(rawValue & 0xFFFF)) }

    public static func < (a: Ballot, b: Ballot) -> Bool { a.rawValue < b.rawValue }
  }
}

extension MultiPaxosReplica.Ballot: CustomStringConvertible {
  public var description: String { "\(round).\(node)" }
}

extension MultiPaxosReplica.Ballot: WireCodable {
  public var encodedByteCount: Int { 8 }
  public func encode(into writer: inout WireWriter) { writer.write(rawValue) }
  public init(from reader: inout WireReader) throws(WireError) {
    rawValue = try reader.read(UInt64.self)
  }
}
