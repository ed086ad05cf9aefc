import Replication

/// Reads that the core has not answered yet, by their tickets. Tickets are numbered from 1 in
/// order, so a ticket's position is computed in constant time, however many wait.
public struct WaitingReads<Request: Sendable>: Sendable {
  /// The requests of each ticket after `ticketsGone`; an empty array for an answered ticket.
  public var requests: [[Request]] = []
  /// The number of tickets whose positions in `requests` have been dropped.
  public var ticketsGone: UInt64 = 0
  /// The number of empty positions at the front of `requests`.
  public var emptyCount = 0
  /// The number of tickets that still wait, and of the requests under them.
  public private(set) var count = 0
  public private(set) var requestCount = 0

  /// Empty arrays with storage, for further tickets.
  private var spare: [[Request]] = []
  /// A burst's storage is not kept.
  private static var spareLimits: (arrays: Int, capacity: Int) { (arrays: 64, capacity: 256) }

  public init() {}

  /// - Parameter gathered: at least one request. It is left empty, with the storage of a ticket
  ///   that was answered, so that a replica that is busy with reads allocates nothing.
  public mutating func append(_ gathered: inout [Request]) -> ReadTicket {
    count += 1
    requestCount += gathered.count
    var taken = spare.popLast() ?? []
    swap(&taken, &gathered)
    requests.append(consume taken)
    return ReadTicket(ticketsGone + UInt64(requests.count))
  }

  /// Takes back an array that `take` returned and its user has emptied.
  public mutating func reuse(_ emptied: consuming [Request]) {
    guard spare.count < Self.spareLimits.arrays, emptied.capacity <= Self.spareLimits.capacity
    else { return }
    spare.append(emptied)
  }

  /// Removes and returns the requests of a ticket; an empty array if they were taken before.
  public mutating func take(_ ticket: ReadTicket) -> [Request] {
    guard ticket.rawValue > ticketsGone, ticket.rawValue - ticketsGone <= UInt64(requests.count)
    else { return [] }
    let place = Int(ticket.rawValue - ticketsGone) - 1
    var taken: [Request] = []
    swap(&taken, &requests[place])
    guard !taken.isEmpty else { return [] }
    count -= 1
    requestCount -= taken.count
    if count == 0 {
      ticketsGone += UInt64(requests.count)
      requests.removeAll(keepingCapacity: true)
      emptyCount = 0
    } else if place == emptyCount {
      while requests[emptyCount].isEmpty { emptyCount += 1 }
      // Moving the remaining tickets costs amortised constant time per answered ticket.
      if emptyCount >= 32, emptyCount * 2 > requests.count {
        ticketsGone += UInt64(emptyCount)
        requests.removeFirst(emptyCount)
        emptyCount = 0
      }
    }
    return taken
  }
}
