import Replication

/// The updates that made it: per client, the sequence numbers in the order of the log.
public struct SurvivingRequests: Sendable, Equatable {
  private var sequences: [[UInt64]]

  /// How many updates there are.
  public var count: Int { sequences.reduce(0) { $0 + $1.count } }

  public init(clients: Int) { sequences = Array(repeating: [], count: clients) }

  public mutating func insert(_ id: RequestID) {
    let client = Int(id.client.rawValue)
    guard client < sequences.count else { return }
    // A retry that was ordered again comes later with the same or a lower number: it changes nothing.
    if let last = sequences[client].last, last >= id.sequence { return }
    sequences[client].append(id.sequence)
  }

  public func contains(_ id: RequestID) -> Bool {
    let client = Int(id.client.rawValue)
    guard client < sequences.count else { return false }
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
