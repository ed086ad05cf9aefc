import ClusterMessages
import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Sockets
import Trials
import WireFormat
import WriteAheadLog

/// The second half of a turn: carries out what the host asked for (`carryOutTurn`).
///
/// Messages and replies are only written to buffers here. The buffers are sent before the node
/// waits for its disk (`sync`), and at the end of the turn.
extension ClusterNode: TurnRuntime {
  /// Ends the turn, and the turns that follow from it because the node sends messages to itself.
  public mutating func finishTurn() throws {
    repeat {
      if !ownMessages.isEmpty {
        var messages: [Core.Message] = []
        swap(&messages, &ownMessages)
        for message in messages {
          host.receive(message, from: host.id, at: clock.reading(at: now))
        }
      }
      host.endTurn(at: clock.reading(at: now))
      carryOutTurn()
      if stamps.taken.isEmpty {
        try sync()
      } else {
        let handled = MonotonicClock.now()
        try sync()
        stamps.noteSynced(handledAt: handled, at: MonotonicClock.now())
      }
    } while !ownMessages.isEmpty
    relievePressure()
    announceSilence()
    flushAll()
    if !runnerSlots.isEmpty { tellRunners() }
  }

  /// Makes all appended records durable and releases the sends that wait for them, unless a fault
  /// holds up an earlier sync or the log's thread is busy with an earlier one. If much is to be
  /// synced or other work waits, the log's thread does it, and `finishSync` follows.
  public mutating func sync() throws {
    guard heldSync == nil, !log.isCommitting, !barrier.isOpen else { return }
    guard settings.syncs else {
      try log.commit()
      endSync()
      return
    }
    flushAll()
    if log.pendingByteCount > NodeLimits.inlineSync || log.opensSegment
      || loop.wait(atMost: .zero) > 0
    {
      committingByteCount = log.pendingByteCount
      try log.beginCommit()
      if !watchesCommits, let signal = log.commitSignal {
        watchesCommits = true
        loop.add(signal, token: Token.log)
      }
      return
    }
    try log.commit()
    now = MonotonicClock.now()
    endSync()
  }

  /// Called when the log's thread is done. Records appended meanwhile are synced at the end of the
  /// turn.
  public mutating func finishSync() throws {
    commitHasEnded = false
    committingByteCount = 0
    try log.finishCommit()
    endSync()
  }

  /// Reports the committed records as durable. A disk fault delays only this report.
  public mutating func endSync() {
    host.snapshots.logByteCount += log.paddingByteCount - countedPadding
    countedPadding = log.paddingByteCount
    if faultsAreActive, faults.syncStalls || faults.syncDelay > .zero {
      heldSync = (log.recordCount, faults.syncStalls ? .never : now + faults.syncDelay)
      return
    }
    barrier.synced(log.recordCount)
    releaseSends()
  }

  public mutating func append(_ records: [Core.Record]) {
    for record in records { log.append(record) }
  }

  public mutating func set(_ timer: Core.Timer, after delay: Interval?) {
    timerDue[timer.index] =
      delay.map { clock.timerTime(at: now) + max($0, .zero) } ?? .never
  }

  public mutating func answer(_ reply: Host.Reply) {
    guard let slot = slot(of: reply.id.client), !inbound[slot].isClosing,
      hasMemory(for: reply.encodedByteCount, at: slot)
    else { return }
    counters.messagesSent += 1
    if case .busy = reply.result { counters.refused += 1 }
    if stamps.isOn, case .answer = reply.result {
      stamps.noteAnswered(reply.id, at: MonotonicClock.now())
    }
    if faultsAreActive, !faults.clients.changesNothing {
      answerDegraded(reply, slot: slot)
      return
    }
    let before = inbound[slot].output.writer.count
    Frame.encode(
      reply, kind: .reply, from: host.id, incarnation: incarnation,
      into: &inbound[slot].output.writer)
    counters.bytesSent += inbound[slot].output.writer.count - before
    noteMemory(of: slot)
    markDirty(slot)
  }

  /// Sends all waiting bytes, with one write per connection and turn.
  public mutating func flushAll() {
    if !dirtyPeers.isEmpty {
      for peer in dirtyPeers {
        peers[peer].isDirty = false
        flushPeer(peer)
      }
      dirtyPeers.removeAll(keepingCapacity: true)
    }
    if !dirtySlots.isEmpty {
      for slot in dirtySlots {
        inbound[slot].isDirty = false
        flushInbound(slot)
      }
      dirtySlots.removeAll(keepingCapacity: true)
    }
  }

  /// Stops reading clients' requests while proposals or reads are too far ahead of the other nodes.
  public mutating func relievePressure() {
    let status = host.core.status
    let backlog = status.isInCharge ? status.lastIndex - status.commitIndex : 0
    let reads = host.waitingReadCount
    let isTooMuch =
      holdsClientsBack
      ? backlog > NodeLimits.uncommitted / 2 || reads > NodeLimits.waitingReads / 2
      : backlog > NodeLimits.uncommitted || reads > NodeLimits.waitingReads
    guard isTooMuch != holdsClientsBack else { return }
    holdsClientsBack = isTooMuch
    for slot in inbound.indices where inbound[slot].isOpen && inbound[slot].role == .client {
      watch(slot)
    }
  }
}
