import Clients
import Histories
import Replication

/// The operations of a recorded load, which clients carry out instead of drawn ones.
public struct OperationTrace: Sendable, Equatable {
  public struct Entry: Sendable, Equatable {
    public var key: UInt32
    public var kind: OperationKind
    /// Bytes of the value that is written; nil for the workload's value size.
    public var size: Int?

    public init(key: UInt32, kind: OperationKind, size: Int? = nil) {
      self.key = key
      self.kind = kind
      self.size = size
    }
  }

  /// The file's name, relative to the experiment's folder or absolute.
  public var file: String
  /// The checksum of the file's bytes: eight hexadecimal digits.
  public let checksum: String
  /// In the order in which they come due.
  public let entries: [Entry]
  /// When they come due, by the trial's clock, strictly ascending and after 0.
  public let times: [Instant]
  /// The number of different keys, which are numbered from 0.
  public let keys: Int
  /// How many operations there are of each kind.
  public let mix: OperationMix
  /// The size of the largest value that an entry names; 0 if none is named.
  public let largestValue: Int

  /// - Parameter times: by the trial's clock, ascending. Those of operations that are due at the
  ///   same time are moved 1 ns apart, which keeps their order.
  public init(file: String, checksum: String, entries: [Entry], times: [Instant], keys: Int) {
    self.file = file
    self.checksum = checksum
    self.entries = entries
    self.keys = keys
    var last = Instant.zero
    self.times = times.map { time in
      last = max(time, last + .nanoseconds(1))
      return last
    }
    var counts = Array(repeating: 0.0, count: OperationKind.allCases.count)
    for entry in entries { counts[Int(entry.kind.rawValue)] += 1 }
    func count(_ kind: OperationKind) -> Double { counts[Int(kind.rawValue)] }
    mix = OperationMix(
      get: count(.get), put: count(.put), delete: count(.delete), append: count(.append),
      compareAndSwap: count(.compareAndSwap))
    largestValue = entries.lazy.compactMap(\.size).max() ?? 0
  }

  /// The mean size of written values.
  /// - Parameter usual: the mean of values whose size no entry names.
  public func meanSize(_ usual: Double) -> Double {
    var (sum, count) = (0.0, 0.0)
    for entry in entries where entry.kind != .get && entry.kind != .delete {
      sum += entry.size.map(Double.init) ?? usual
      count += 1
    }
    return count > 0 ? sum / count : usual
  }
}
