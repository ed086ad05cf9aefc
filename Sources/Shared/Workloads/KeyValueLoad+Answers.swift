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
    var ending = OperationEnding(.ok, attempts: attempts, returned: now.nanoseconds)
    switch outcome {
    case .answered(let response): note(response, to: client, endingAt: position, in: &ending)
    case .failed, .unknown:
      modifying[client] = nil
      ending.outcome = outcome == .failed ? .failed : .unknown
    }
    if tracksValues { writing[client] = nil }
    history.end(position, ending)
  }

  private mutating func note(
    _ response: KeyValueResponse, to client: Int, endingAt position: Int,
    in ending: inout OperationEnding
  ) {
    switch response {
    case .value(let found): note(found: found, endingAt: position, in: &ending)
    case .notSwapped(let found): note(found: found, endingAt: position, in: &ending)
    case .swapped, .done, .number:
      if case .swapped = response { ending.swapped = true }
      if tracksValues { lastSeen[Int(history[position].key)] = writing[client] }
    case .refused: ending.outcome = .failed
    case .sequence(let responses): noteScan(responses, of: history[position], in: &ending)
    // No request of this load has such an answer.
    case .skipped, .page: ending.outcome = .unknown
    }
  }

  @inline(__always)
  private mutating func note(
    found: [UInt8]?, endingAt position: Int, in ending: inout OperationEnding
  ) {
    let observed = digest(of: found)
    ending.observed = observed
    if pieces != nil, let found { pieces!.place(found, observed, in: &history) }
    if tracksValues { lastSeen[Int(history[position].key)] = found }
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
