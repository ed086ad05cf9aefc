import ClusterMessages
import LoadDriving
import Primitives
import Replication
import Stubs
import Testing
import Trials

@testable import ClusterControl

@Suite struct StampedOperationTests {
  private let id = RequestID(client: ClientID(3), sequence: 7)

  private func taken(_ begin: Instant, _ middle: Instant, _ end: Instant) -> RequestStamp {
    RequestStamp(id, .taken, begin: begin, middle: middle, end: end)
  }

  private func answered(
    _ begin: Instant, _ end: Instant, afterSync: Bool = false
  ) -> RequestStamp {
    RequestStamp(
      id, afterSync ? .answeredAfterSync : .answered, begin: begin, middle: end, end: end)
  }

  /// The parts above 0 by their names; empty if a stamp is missing.
  private func parts(
    due: Instant = 0, attempts: [Instant], answered: Instant, _ stamps: [(Int, RequestStamp)]
  ) -> [String: Int64] {
    let operation = TracedOperations.Operation(
      isRead: false, due: due, answered: answered, attempts: attempts)
    guard
      let breakdown = StampedOperation.breakdown(
        of: operation, origin: 1000, stamps: stamps.map { (node: $0.0, stamp: $0.1) })
    else { return [:] }
    #expect(breakdown.latencyNs == (answered - due).nanoseconds)
    #expect(breakdown.dueNs == due.nanoseconds)
    #expect(breakdown.membersNs.reduce(0, +) == breakdown.partsNs[LatencyPart.nodeWire.index])
    return Dictionary(
      uniqueKeysWithValues: zip(LatencyPart.allCases, breakdown.partsNs)
        .filter { $0.1 != 0 }.map { ($0.rawValue, $1) })
  }

  @Test("Each part is the time from one stamp to the next")
  func order() {
    let found = parts(
      attempts: [1003], answered: 100,
      [(0, taken(1013, 1018, 1038)), (0, answered(1068, 1070))])
    #expect(
      found == [
        "sending": 3, "client-wire": 10 + 30, "processor": 5 + 2, "disk": 20, "node-wire": 30,
      ])
  }

  @Test("A node that waited for its own sync before it answered has waited for its disk")
  func ownSync() {
    let stamps = [(0, taken(1010, 1015, 1015)), (0, answered(1060, 1061, afterSync: true))]
    #expect(
      parts(attempts: [1000], answered: 70, stamps)
        == ["client-wire": 10 + 9, "processor": 5 + 1, "disk": 45])
    // The sync of another node, such as a chain's tail, is not told apart from its messages.
    let tail = [(0, taken(1010, 1015, 1015)), (2, answered(1060, 1061, afterSync: true))]
    #expect(parts(attempts: [1000], answered: 70, tail)["node-wire"] == 45)
  }

  @Test("The attempt that was answered is the last one that was read before")
  func retries() {
    let stamps = [
      (0, taken(1010, 1011, 1011)), (1, taken(1050, 1052, 1052)), (1, answered(1060, 1061)),
      (1, taken(1090, 1091, 1091)), (2, answered(1200, 1201)),
    ]
    #expect(
      parts(attempts: [1002, 1042, 1080], answered: 95, stamps)
        == ["sending": 2, "retry": 40, "client-wire": 8 + 34, "processor": 3, "node-wire": 8])
  }

  @Test("An operation with a missing stamp has no parts")
  func missing() {
    #expect(parts(attempts: [1000], answered: 50, [(0, taken(1010, 1011, 1012))]).isEmpty)
    #expect(parts(attempts: [1000], answered: 50, [(0, answered(1010, 1011))]).isEmpty)
    #expect(
      parts(
        attempts: [1000], answered: 5, [(0, taken(1001, 1002, 1003)), (0, answered(1010, 1011))]
      )
      .isEmpty)
  }

  @Test("Whatever the stamps are, the parts add up to the latency and none is negative")
  func anyStamps() {
    var random = RandomStream(seed: 5)
    func time(from: Int = 900, below: Int = 300) -> Instant {
      Instant(nanoseconds: Int64(from + random.below(below)))
    }
    for _ in 0..<2000 {
      let stamps = (0..<4).map { _ in
        random.chance(0.5)
          ? (random.below(3), taken(time(), time(), time()))
          : (random.below(3), answered(time(), time(), afterSync: random.chance(0.5)))
      }
      let found = parts(
        due: time(from: 0, below: 20), attempts: [time(), time()].sorted(),
        answered: time(from: 20, below: 200), stamps)
      #expect(found.values.allSatisfy { $0 > 0 })
    }
  }
}
