import Replication

/// What a host's turns are carried out on: one node without its protocol.
///
/// Costs, faults and back-pressure are up to the runtime. The order in which a turn is carried out
/// is here, once, for the simulator and for real nodes (`carryOutTurn`, `releaseSends`).
public protocol TurnRuntime<Core, Application>:
  Transport, DurableLog, Timers, SnapshotStore, ~Copyable
where Message == Core.Message, Record == Core.Record, Timer == Core.Timer {
  associatedtype Core: ReplicaCore
  associatedtype Application: StateMachine

  /// Borrowed, because a copy of the whole host would be made to read one of its lanes.
  @_borrowed var host: ReplicaHost<Core, Application> { get set }
  /// Counts the records that were appended and those that are durable. The runtime tells it of
  /// syncs.
  var barrier: DurabilityBarrier<OutgoingMessage<Core.Message>> { get set }
  /// Messages of the node to itself that no record holds back any more. The runtime hands them
  /// over.
  var ownMessages: [Core.Message] { get set }

  /// Sends an answer to the client that asked.
  mutating func answer(_ reply: ClientReply<Application.Response>)
}

extension TurnRuntime where Self: ~Copyable {
  /// Carries out what the host asked for in the turn that it has just ended
  /// (`ReplicaHost.endTurn`).
  ///
  /// 1. Early sends leave. They promise nothing, so the disk does not delay them.
  /// 2. Records are appended.
  /// 3. The other sends leave if all records are durable, those of this and of earlier turns.
  ///    Otherwise
  ///    they are held until they are.
  /// 4. Replies leave without waiting, because what they announce is durable on a quorum.
  /// 5. Timers are set.
  /// 6. Snapshots are stored and read, last, because they can wait.
  @inline(__always)
  public mutating func carryOutTurn() {
    let filled = host.effects.filled
    if filled.contains(.earlySends) {
      for early in host.effects.earlySends { send(early.message, to: early.to) }
    }
    if filled.contains(.records) {
      if let start = host.effects.checkpointStart { noteCheckpoint(from: start) }
      barrier.append(host.effects.records.count)
      append(host.effects.records)
    }
    if filled.contains(.sends) { sendOrHold() }
    if !host.replies.isEmpty {
      for reply in host.replies { answer(reply) }
    }
    if !host.timers.isEmpty {
      for setting in host.timers { set(setting.timer, after: setting.delay) }
    }
    if host.snapshots.hasWork { carryOutSnapshots() }
    host.clearTurn()
  }

  /// The records of this turn from `start` on begin the log anew.
  private mutating func noteCheckpoint(from start: Int) {
    let first = barrier.appendedCount + start
    let end = barrier.appendedCount + host.effects.records.count
    guard let reference = Core.snapshot(in: host.effects.records[start]) else {
      // It holds the whole state.
      host.snapshots.removal = (before: first, needs: end)
      return
    }
    host.snapshots.begin(reference, firstRecord: first, end: end)
    if host.snapshots.forgetsAtOnce { host.snapshots.removal = (before: first, needs: end) }
  }

  /// What the host asked for around snapshots.
  private mutating func carryOutSnapshots() {
    if let kept = host.settleSnapshot(durableCount: barrier.durableCount) {
      removeSnapshots(exceptFor: kept)
    }
    if host.snapshots.isStoringNew, let storing = host.snapshots.storing {
      host.snapshots.isStoringNew = false
      beginSnapshot(storing.reference)
    }
    while takesSnapshotPart, let part = host.nextSnapshotPart(atMost: SnapshotKeeping.partByteCount)
    {
      addSnapshotPart(part.bytes, isLast: part.isLast)
    }
    for order in host.snapshots.pages {
      guard let bytes = page(of: order.reference, in: order.range) else { continue }
      let page = SnapshotPage(
        reference: order.reference, offset: order.range.lowerBound,
        totalByteCount: order.totalByteCount, bytes: bytes)
      if let message = Core.message(carrying: .page(page)) { send(message, to: order.to) }
    }
    host.snapshots.pages.removeAll(keepingCapacity: true)
    if let removal = host.snapshots.removal, barrier.durableCount >= removal.needs {
      host.snapshots.removal = nil
      removeRecords(before: removal.before)
    }
    count(host.snapshots.counts)
    host.snapshots.counts = SnapshotCounts()
  }

  /// Sends what may promise the records of this turn, or holds it back.
  @inline(__always)
  public mutating func sendOrHold() {
    let isOpen = barrier.isOpen
    for outgoing in host.effects.sends {
      if isOpen {
        send(outgoing.message, to: outgoing.to)
      } else {
        barrier.hold(outgoing)
      }
    }
  }

  /// More records are durable: lets those sends go that were held for them, oldest first.
  ///
  /// Messages to the node itself are left in `ownMessages`, behind all others: what they bring
  /// about must not overtake what was held longer.
  public mutating func releaseSends() {
    let id = host.id
    while let held = barrier.popReleased() {
      if held.to == id {
        ownMessages.append(held.message)
      } else {
        send(held.message, to: held.to)
      }
    }
  }
}
