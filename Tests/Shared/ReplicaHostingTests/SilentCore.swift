import Replication

/// Not a protocol: records the calls of its host and has no effects. Tests put the effects of a
/// turn into the host themselves.
struct SilentCore: ReplicaCore {
  typealias Message = UInt64
  typealias Record = UInt64

  enum Timer: Int, TimerName, CaseIterable { case election, heartbeat }

  struct Options: ProtocolOptions {
    static let declared: [OptionDeclaration] = []
    init() {}
    init(_ values: OptionValues) {}
  }

  enum Handed: Equatable {
    case batch(count: Int)
    case reads(updatesFollow: Bool)
  }

  /// The host's requests in their order.
  var handed: [Handed] = []
  var requested: [Batch] = []
  var tickets: [ReadTicket] = []

  init(id: ReplicaID, membership: Membership, options: Options) {}

  mutating func recover(_ record: UInt64) {}

  mutating func handle(
    _ event: Event<SilentCore>, at now: Instant, into effects: inout Effects<SilentCore>
  ) {
    switch event {
    case .requested(let batch):
      handed.append(.batch(count: batch.count))
      requested.append(batch)
    case .disconnected: break
    case .readRequested(let ticket, let updatesFollow):
      handed.append(.reads(updatesFollow: updatesFollow))
      tickets.append(ticket)
    case .started, .received, .timerFired: break
    }
  }

  /// The status that a test wants the core to report.
  var status = ReplicaStatus(
    role: "silent", isInCharge: false, epoch: 0, commitIndex: .zero, lastIndex: .zero)

  func invariantViolation() -> String? { nil }
}
