import Replication
import WireFormat

/// Not a protocol. Records incoming messages. It stores each request and then promises it to every
/// other node and to itself; its own promise commits and answers the request.
public struct PromiseCore: ReplicaCore {
  public typealias Message = UInt64
  public typealias Record = Batch

  public enum Timer: Int, TimerName, CaseIterable { case unused }

  public struct Options: ProtocolOptions {
    public static let declared: [OptionDeclaration] = []
    public init() {}
    public init(_ values: OptionValues) {}
  }

  public let id: ReplicaID
  public let others: [ReplicaID]
  public var log: [Batch] = []
  public var commitIndex = LogIndex.zero
  public var received: [UInt64] = []
  public var gone: [ReplicaID] = []
  /// The replica that refusals name; if set, requests are refused.
  public var redirect: ReplicaID?

  public init(id: ReplicaID, membership: Membership, options: Options) {
    self.id = id
    others = membership.replicas.filter { $0 != id }
  }

  public mutating func recover(_ record: Batch) { log.append(record) }

  public mutating func handle(
    _ event: Event<PromiseCore>, at now: Instant, into effects: inout Effects<PromiseCore>
  ) {
    switch event {
    case .started, .timerFired: break
    case .received(let number, let sender):
      guard sender == id else { return received.append(number) }
      while commitIndex.rawValue < number {
        commitIndex = commitIndex.next
        effects.commit(log[commitIndex.rawValue - 1], at: commitIndex, answering: true)
      }
    case .requested(let batch):
      if let redirect { return effects.refuse(batch, redirect: redirect) }
      log.append(batch)
      effects.persist(batch)
      for other in others { effects.send(UInt64(log.count), to: other) }
      effects.send(UInt64(log.count), to: id)
    case .disconnected(let other): gone.append(other)
    case .readRequested(let ticket, _): effects.read(ticket)
    }
  }

  public var status: ReplicaStatus {
    ReplicaStatus(
      role: "probe", isInCharge: id.rawValue == 0, epoch: 1, commitIndex: commitIndex,
      lastIndex: LogIndex(log.count))
  }

  public func invariantViolation() -> String? { nil }
}
