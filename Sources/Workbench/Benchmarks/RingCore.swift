import Replication
import WireFormat

/// Not a protocol: five nodes pass tokens around, to measure the simulator alone.
struct RingCore: ReplicaCore {
  struct Message: Equatable, Sendable, WireCodable {
    var token: UInt64
    var encodedByteCount: Int { 8 }
    func encode(into writer: inout WireWriter) { writer.write(token) }
    init(token: UInt64) { self.token = token }
    init(from reader: inout WireReader) throws(WireError) { token = try reader.read(UInt64.self) }
  }

  typealias Record = UInt64

  enum Timer: Int, TimerName, CaseIterable { case unused }

  struct Options: ProtocolOptions {
    static let declared: [OptionDeclaration] = []
    init(_ values: OptionValues) {}
  }

  static let tokens = 64

  private let id: ReplicaID
  private let next: ReplicaID
  private var passed: UInt64 = 0

  init(id: ReplicaID, membership: Membership, options: Options) {
    self.id = id
    next = ReplicaID((id.index + 1) % membership.replicas.count)
  }

  mutating func recover(_ record: UInt64) {}

  mutating func handle(
    _ event: Event<RingCore>, at now: Instant, into effects: inout Effects<RingCore>
  ) {
    switch event {
    case .started:
      guard id.index == 0 else { return }
      for token in 0..<Self.tokens { effects.send(Message(token: UInt64(token)), to: next) }
    case .received(let message, _):
      passed += 1
      effects.send(message, to: next)
    case .timerFired, .requested, .readRequested, .disconnected: break
    }
  }

  var status: ReplicaStatus {
    ReplicaStatus(
      role: "ring", isInCharge: false, epoch: passed, commitIndex: .zero, lastIndex: .zero)
  }

  func invariantViolation() -> String? { nil }
}
