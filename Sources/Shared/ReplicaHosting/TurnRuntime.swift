import Primitives
import Replication

/// The runtime on which a host's turns are carried out: one node without its protocol.
///
/// Costs, faults and back-pressure are up to the runtime. The order in which a turn is carried out
/// is defined here, once, for the simulator and for real nodes (`carryOutTurn`, `releaseSends`).
public protocol TurnRuntime<Core, Application>:
  Transport, DurableLog, Timers, SnapshotStore, ~Copyable
where Message == Core.Message, Record == Core.Record, Timer == Core.Timer {
  associatedtype Core: ReplicaCore
  associatedtype Application: StateMachine

  /// Borrowed, because reading one lane would otherwise copy the whole host.
  @_borrowed var host: ReplicaHost<Core, Application> { get set }
  /// Counts appended and durable records. The runtime reports syncs to it.
  var barrier: DurabilityBarrier<Core.Message> { get set }
  /// Messages of the node to itself that no longer wait for records. The runtime delivers them.
  var ownMessages: [Core.Message] { get set }

  /// Sends a reply to its client.
  mutating func answer(_ reply: consuming ClientReply<Application.Response>)
}

extension TurnRuntime where Self: ~Copyable {
  /// Carries out the effects of the turn that the host has just ended (`ReplicaHost.endTurn`).
  ///
  /// 1. Early sends leave. They promise nothing, so the disk does not delay them.
  /// 2. Records are appended.
  /// 3. The other sends leave if all records of this and of earlier turns are durable. Otherwise
  ///    they are held until then.
  /// 4. Replies leave without waiting, because what they announce is durable on a quorum.
  /// 5. Timers are set.
  /// 6. Snapshots are stored and read, last, because they can wait.
  @inline(__always)
  public mutating func carryOutTurn() {
    let filled = host.effects.filled
    host.effects.turnSends()
    if filled.contains(.earlySends) {
      while let receiver = host.effects.earlySends.lastReceiver {
        send(host.effects.takeEarlySend(), to: receiver)
      }
    }
    if filled.contains(.records) {
      if let start = host.effects.checkpointStart { noteCheckpoint(from: start) }
      barrier.append(host.effects.records.count)
      append(host.effects.records)
    }
    if filled.contains(.sends) { sendOrHold() }
    if !host.replies.isEmpty {
      // An array gives away only its last element without copying it.
      host.replies.turnAround()
      while !host.replies.isEmpty { answer(host.replies.removeLast()) }
    }
    if filled.contains(.timerChanges) {
      for position in host.effects.timerChanges.indices {
        let setting = host.drawTimer(at: position)
        set(setting.timer, after: setting.delay)
      }
    }
    if rarely(host.snapshots.hasWork) { carryOutSnapshots() }
    host.clearTurn()
  }

  /// Notes a checkpoint: the log begins anew with this turn's records from `start` on.
  private mutating func noteCheckpoint(from start: Int) {
    let first = barrier.appendedCount + start
    let end = barrier.appendedCount + host.effects.records.count
    guard let reference = Core.snapshot(in: host.effects.records[start]) else {
      // The record holds the whole state.
      host.snapshots.removal = (before: first, needs: end)
      return
    }
    host.snapshots.begin(reference, firstRecord: first, end: end)
    if host.snapshots.forgetsAtOnce { host.snapshots.removal = (before: first, needs: end) }
  }

  /// Carries out the host's requests about snapshots.
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

  /// Sends the messages that may depend on the records of this turn, or holds them back.
  @inline(__always)
  public mutating func sendOrHold() {
    if barrier.isOpen {
      while let receiver = host.effects.sends.lastReceiver {
        send(host.effects.takeSend(), to: receiver)
      }
    } else {
      while let receiver = host.effects.sends.lastReceiver {
        barrier.hold(host.effects.takeSend(), to: receiver)
      }
    }
  }

  /// Called when more records are durable: sends the messages that were held for them, oldest
  /// first.
  ///
  /// Messages to the node itself are left in `ownMessages`, after all others, because their effects
  /// must not overtake messages that were held longer.
  public mutating func releaseSends() {
    let id = host.id
    while let receiver = barrier.releasedReceiver {
      if receiver == id {
        ownMessages.append(barrier.takeReleased())
      } else {
        send(barrier.takeReleased(), to: receiver)
      }
    }
    barrier.dropTaken()
  }
}
