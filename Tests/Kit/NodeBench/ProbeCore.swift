import Replication

/// Not a protocol. Records incoming messages. It stores each request and then promises it to every
/// other node and to itself; its own promise commits and answers the request.
package struct ProbeCore: ReplicaCore {
  package typealias Message = UInt64
  package typealias Record = Batch

  package enum Timer: Int, TimerName, CaseIterable { case unused }

  package struct Options: ProtocolOptions {
    package static let declared: [OptionDeclaration] = []
    package init() {}
    package init(_ values: OptionValues) {}
  }

  package let id: ReplicaID
  package let others: [ReplicaID]
  package var log: [Batch] = []
  package var commitIndex = LogIndex.zero
  package var received: [UInt64] = []
  package var gone: [ReplicaID] = []
  /// The replica that refusals name; if set, requests are refused.
  package var redirect: ReplicaID?

  package init(id: ReplicaID, membership: Membership, options: Options) {
    self.id = id
    others = membership.replicas.filter { $0 != id }
  }

  package mutating func recover(_ record: Batch) { log.append(record) }

  package mutating func handle(
    _ event: Event<ProbeCore>, at now: Instant, into effects: inout Effects<ProbeCore>
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

  package var status: ReplicaStatus {
    ReplicaStatus(
      role: "probe", isInCharge: id.rawValue == 0, epoch: 1, commitIndex: commitIndex,
      lastIndex: LogIndex(log.count))
  }

  package func invariantViolation() -> String? { nil }
}
