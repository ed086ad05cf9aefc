import Replication

/// Reads that the core has not answered yet, by their tickets. Tickets are given in order from 1,
/// so that a ticket's place is found by counting, however many wait.
public struct WaitingReads<Request: Sendable>: Sendable {
  /// The requests of each ticket behind `ticketsGone`; none for a ticket that has been answered.
  public var requests: [[Request]] = []
  /// Tickets whose place in `requests` has been given up.
  public var ticketsGone: UInt64 = 0
  /// Places at the front of `requests` that are empty.
  public var emptyCount = 0
  /// Tickets that still wait.
  public private(set) var count = 0

  public init() {}

  /// - Parameter gathered: at least one request.
  public mutating func append(_ gathered: [Request]) -> ReadTicket {
    requests.append(gathered)
    count += 1
    return ReadTicket(ticketsGone + UInt64(requests.count))
  }

  /// Takes the requests of a ticket out; none if they have been taken before.
  public mutating func take(_ ticket: ReadTicket) -> [Request] {
    guard ticket.rawValue > ticketsGone, ticket.rawValue - ticketsGone <= UInt64(requests.count)
    else { return [] }
    let place = Int(ticket.rawValue - ticketsGone) - 1
    var taken: [Request] = []
    swap(&taken, &requests[place])
    guard !taken.isEmpty else { return [] }
    count -= 1
    if count == 0 {
      ticketsGone += UInt64(requests.count)
      requests.removeAll(keepingCapacity: true)
      emptyCount = 0
    } else if place == emptyCount {
      while requests[emptyCount].isEmpty { emptyCount += 1 }
      // Moving what is left is paid for by the tickets that went before.
      if emptyCount >= 32, emptyCount * 2 > requests.count {
        ticketsGone += UInt64(emptyCount)
        requests.removeFirst(emptyCount)
        emptyCount = 0
      }
    }
    return taken
  }
}
