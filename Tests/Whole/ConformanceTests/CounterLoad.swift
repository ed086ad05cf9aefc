import Clients
import Primitives
import ReplicaHosting
import Replication
import StateMachines

/// Clients that add one to a counter, and sometimes read it. Adding is not idempotent: the value
/// reveals a request that is applied twice or not at all, and no two additions may return the same
/// value.
struct CounterLoad: ClientLoad {
  typealias Application = Counter

  private(set) var acknowledged: [RequestID: UInt64] = [:]
  private(set) var sentCount = 0
  private(set) var retryCount = 0
  private(set) var unknownCount = 0
  /// The number of reads that returned less than an addition acknowledged before the read began.
  private(set) var staleReadCount = 0
  private(set) var readCount = 0

  private var outstanding: [(id: RequestID, isRead: Bool, knownBefore: UInt64)?]
  private var highestKnown: UInt64 = 0
  private var random: RandomStream

  init(clients: Int, seed: UInt64) {
    outstanding = Array(repeating: nil, count: clients)
    random = RandomStream(seed: seed, label: 0xC0)
  }

  mutating func begin(
    client: Int, sequence: UInt64, due: Interval, at now: Interval
  ) -> Counter.Command {
    let isRead = random.chance(0.3)
    let id = RequestID(client: ClientID(UInt64(client)), sequence: sequence)
    outstanding[client] = (id, isRead, highestKnown)
    if !isRead { sentCount += 1 }
    return isRead ? .read : .add(1)
  }

  mutating func end(
    client: Int, outcome: ClientOutcome<UInt64>, attempts: Int, at now: Interval
  ) {
    guard let operation = outstanding[client] else { return }
    outstanding[client] = nil
    if attempts > 1 { retryCount += 1 }
    guard case .answered(let value) = outcome else {
      if !operation.isRead { unknownCount += 1 }
      return
    }
    if operation.isRead { readCount += 1 } else { acknowledged[operation.id] = value }
    if value < operation.knownBefore { staleReadCount += 1 }
    highestKnown = max(highestKnown, value)
  }

  mutating func dropped(due: Interval, at now: Interval) {}

  mutating func close(at end: Interval) {
    unknownCount += outstanding.count { $0.map { !$0.isRead } ?? false }
    outstanding = Array(repeating: nil, count: outstanding.count)
  }
}
