import Replication

/// The updates that are part of the final state: for each client, their sequence numbers in the
/// order of the log.
public struct SurvivingRequests: Sendable, Equatable {
  /// By client, numbered as in `ClientNumbers`.
  private var sequences: [[UInt64]] = []
  /// All clients of a trial have smaller numbers than this.
  private static let limit: UInt64 = 1 << 21

  /// The number of updates.
  public var count: Int { sequences.reduce(0) { $0 + $1.count } }

  public init() {}

  public mutating func insert(_ id: RequestID) {
    guard id.client.rawValue < SurvivingRequests.limit else { return }
    let client = Int(id.client.rawValue)
    if client >= sequences.count {
      sequences += Array(repeating: [], count: client + 1 - sequences.count)
    }
    // A retry that was ordered again comes later with the same or a lower number. It has no effect
    // on the state, so it is ignored.
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
