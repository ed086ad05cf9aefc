import Clients
import Histories
import Primitives
import Replication
import StateMachines

// How operations end: with an answer, without one, or before they began.
extension KeyValueLoad {
  public mutating func end(
    client: Int, outcome: ClientOutcome<KeyValueResponse>, attempts: Int, at now: Interval
  ) {
    guard nextToLoad == nil else { return }
    let position = current[client]
    current[client] = -1
    var operation = history[position]
    operation.returned = now.nanoseconds
    operation.attempts = UInt16(clamping: attempts)
    switch outcome {
    case .answered(let response):
      operation.outcome = .ok
      note(response, to: client, in: &operation)
    case .failed, .unknown:
      modifying[client] = nil
      if outcome == .failed { operation.outcome = .failed }
    }
    writing[client] = nil
    history[position] = operation
  }

  private mutating func note(
    _ response: KeyValueResponse, to client: Int, in operation: inout Operation
  ) {
    switch response {
    case .value(let found), .notSwapped(let found):
      operation.observed = ValueDigest(found)
      if let found { pieces?.place(found, operation.observed, in: &history) }
      if tracksValues { lastSeen[Int(operation.key)] = found }
    case .swapped, .done, .number:
      operation.swapped = response == .swapped
      if tracksValues { lastSeen[Int(operation.key)] = writing[client] }
    case .refused: operation.outcome = .failed
    case .sequence(let responses): noteScan(responses, in: &operation)
    // No request of this load has such an answer.
    case .skipped, .page: operation.outcome = .unknown
    }
  }

  public mutating func dropped(due: Interval, at now: Interval) {
    if clientRandoms.isEmpty {
      random = RandomStream(seed: seed, purpose: .load, number: drawnCount)
      drawnCount += 1
    }
    // The kind only decides whether the operation counts as a read or a write; it has no key and no
    // effect.
    let kind = spec.trace?.entries[drawnCount - 1].kind ?? drawKind()
    history.append(
      Operation(
        client: UInt32(ClientNumbers.firstReader - 1), kind: kind, key: 0, outcome: .failed,
        intended: due.nanoseconds, invoked: now.nanoseconds, returned: now.nanoseconds,
        attempts: 0))
  }

  private mutating func drawKind() -> OperationKind {
    switch drawChoice() {
    case .get, .readModifyWrite: .get
    case .put, .insert: .put
    case .delete: .delete
    case .append: .append
    case .compareAndSwap: .compareAndSwap
    case .scan: .scan
    }
  }
}
