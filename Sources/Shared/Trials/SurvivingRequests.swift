import Replication

/// The updates that made it: per client, the sequence numbers in the order of the log.
public struct SurvivingRequests: Sendable, Equatable {
  /// By client; clients are numbered as `ClientNumbers` says.
  private var sequences: [[UInt64]] = []
  /// No client of a trial has this number or a larger one.
  private static let limit: UInt64 = 1 << 21

  /// How many updates there are.
  public var count: Int { sequences.reduce(0) { $0 + $1.count } }

  public init() {}

  public mutating func insert(_ id: RequestID) {
    guard id.client.rawValue < SurvivingRequests.limit else { return }
    let client = Int(id.client.rawValue)
    if client >= sequences.count {
      sequences += Array(repeating: [], count: client + 1 - sequences.count)
    }
    // A retry that was ordered again comes later with the same or a lower number: it changes
    // nothing.
    if let last = sequences[client].last, last >= id.sequence { return }
    sequences[client].append(id.sequence)
  }

  public func contains(_ id: RequestID) -> Bool {
    guard id.client.rawValue < sequences.count else { return false }
    let client = Int(id.client.rawValue)
    let list = sequences[client]
    var low = 0
    var high = list.count
    while low < high {
      let middle = (low + high) / 2
      if list[middle] < id.sequence { low = middle + 1 } else { high = middle }
    }
    return low < list.count && list[low] == id.sequence
  }
}
