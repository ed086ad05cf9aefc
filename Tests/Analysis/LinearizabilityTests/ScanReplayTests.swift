import Histories
import Testing

@testable import Linearizability

/// The replay that proves an order of a history with scans must refuse every wrong order.
@Suite struct ScanReplayTests {
  private static func explains(_ history: ScannedHistory, _ order: [Int]) -> Bool {
    var replay = ScanReplay(history.operations, history.scans, [])
    return replay.explains(order)
  }

  /// A put of each of two keys, a scan that saw the first, a get that saw the second, and a put
  /// without an answer.
  private static var history: ScannedHistory {
    var history = ScannedHistory()
    history.put(1, 1, 0, 20)
    history.put(2, 2, 0, 50)
    history.scan([(1, 1), (2, 0)], 10, 40)
    history.add(
      Operation(
        client: 1, kind: .get, key: 2, observed: value(2), outcome: .ok, invoked: 45, returned: 60))
    history.put(2, 3, 5, nil)
    return history
  }

  @Test("An order that explains every answer is accepted, with and without an unanswered write")
  func right() {
    #expect(Self.explains(Self.history, [0, 2, 1, 3]))
    #expect(Self.explains(Self.history, [0, 2, 4, 1, 3]))
    #expect(Self.explains(Self.history, [0, 2, 1, 3, 4]))
  }

  @Test(
    "An order with a wrong answer, a missing or repeated operation, or against time is refused",
    arguments: [
      [0, 1, 2, 3], [2, 0, 1, 3], [0, 2, 1, 4, 3], [0, 2, 1], [0, 2, 3, 1], [0, 2, 1, 3, 3],
      [0, 0, 2, 1, 3], [],
    ])
  func wrong(order: [Int]) {
    #expect(!Self.explains(Self.history, order))
  }

  @Test("An operation may not come behind one that was called after its return")
  func time() {
    var history = ScannedHistory()
    history.put(1, 1, 0, 10)
    history.put(2, 2, 20, 30)
    #expect(Self.explains(history, [0, 1]) && !Self.explains(history, [1, 0]))
  }
}
