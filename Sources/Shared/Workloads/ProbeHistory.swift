import Clients
import Histories
import Replication
import StateMachines

/// The operations of probes and their results. Probes get and put values of eight bytes on a few
/// separate keys; each get is followed by a put on the same key.
public struct ProbeHistory: Sendable {
  /// The number of the probes' first key, beyond all keys of a load.
  public static let firstKey: UInt32 = 4_000_000_000
  static let keyCount = 8

  public private(set) var history: OperationLog
  private let names: KeyNames
  /// The operation each client has outstanding, as a position in `history`; -1 for none.
  private var current: [Int] = []
  private var valueCount: UInt64 = 0

  init(keyPrefix: String) {
    history = OperationLog()
    names = KeyNames(prefix: keyPrefix + "probe-")
  }

  mutating func begin(
    client: Int, sequence: UInt64, isRead: Bool, due: Interval, at now: Interval
  ) -> KeyValueCommand {
    while current.count <= client { current.append(-1) }
    current[client] = history.count
    let key = history.count / 2 % Self.keyCount
    var operation = Operation(
      client: UInt32(ClientNumbers.firstProbe + client), kind: isRead ? .get : .put,
      key: Self.firstKey + UInt32(key), intended: due.nanoseconds, invoked: now.nanoseconds,
      returned: .max, sequence: sequence)
    guard !isRead else {
      history.append(operation)
      return .get(names[key])
    }
    valueCount += 1
    operation.argument = ValueDigest(littleEndian: valueCount)
    history.append(operation)
    return .put(names[key], value: withUnsafeBytes(of: valueCount.littleEndian) { Array($0) })
  }

  mutating func end(
    client: Int, outcome: ClientOutcome<KeyValueResponse>, attempts: Int, at now: Interval
  ) {
    let position = current[client]
    current[client] = -1
    var operation = history[position]
    operation.returned = now.nanoseconds
    operation.attempts = UInt16(clamping: attempts)
    switch outcome {
    case .answered(.value(let value)):
      operation.observed = ValueDigest(value)
      operation.outcome = .ok
    case .answered(.done): operation.outcome = .ok
    case .answered(.refused), .failed: operation.outcome = .failed
    // No other answer to a probe is possible.
    case .answered, .unknown: break
    }
    history[position] = operation
  }

  mutating func close(at end: Interval) {
    for client in current.indices where current[client] >= 0 {
      history[current[client]].returned = end.nanoseconds
      current[client] = -1
    }
  }

  mutating func takeOperations() -> [Operation] { history.takeOperations() }
}
