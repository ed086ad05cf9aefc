import Primitives
import Replication
import StateMachines
import Stubs
import NodeBench
import WireFormat

/// Not a protocol. Its messages are batches whose sequence is the generation of a disk, and its
/// timer waits for others.
struct BatchCore: ReplicaCore {
  typealias Message = Batch
  typealias Record = Batch

  enum Timer: Int, TimerName, CaseIterable {
    case silence
    var waitsForOthers: Bool { true }
  }

  struct Options: ProtocolOptions {
    static let declared: [OptionDeclaration] = []
    init() {}
    init(_ values: OptionValues) {}
  }

  let id: ReplicaID
  var received = 0
  var requestCount = 0
  var isInCharge = false
  var epoch: UInt64 = 1
  /// The nodes that may be silent, and for how long.
  var silences: [(of: ReplicaID, pause: Interval)] = []
  var fired = 0

  init(id: ReplicaID, membership: Membership, options: Options) { self.id = id }

  mutating func recover(_ record: Batch) {}

  mutating func handle(
    _ event: Event<BatchCore>, at now: Instant, into effects: inout Effects<BatchCore>
  ) {
    switch event {
    case .received: received += 1
    case .timerFired: fired += 1
    case .requested(let batch): requestCount += batch.requestIDs.count
    case .started, .disconnected, .readRequested: break
    }
  }

  mutating func expectSilence(of id: ReplicaID, for pause: Interval, at now: Instant) {
    silences.append((id, pause))
  }

  var status: ReplicaStatus {
    ReplicaStatus(
      role: "probe", isInCharge: isInCharge, epoch: epoch, commitIndex: .zero, lastIndex: .zero)
  }

  func invariantViolation() -> String? { nil }

  static func largestGeneration(in message: Batch) -> UInt64 {
    message.requestIDs.map(\.sequence).max() ?? 0
  }
}

typealias BatchSeat = Seat<BatchCore, Counter>

/// A batch of one request of that many bytes.
func batch(_ byteCount: Int, generation: UInt64 = 1) -> Batch {
  Batch(
    [
      (
        id: RequestID(client: ClientID(1), sequence: generation),
        command: KeyValueCommand.put(Key("a"), value: [UInt8](repeating: 7, count: byteCount))
      )
    ], mayLeaveMemory: true)
}
