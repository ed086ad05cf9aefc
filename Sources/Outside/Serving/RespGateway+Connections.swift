import CLinux
import Clients
import ClusterControl
import Replication
import Resp
import Sockets
import StateMachines
import WireFormat

/// Accepts, reads, writes and closes the connections of Redis clients.
extension RespGateway {
  package mutating func handleReady(_ ready: linux_ready) {
    guard ready.token > ExternalToken.first else {
      acceptAll()
      return
    }
    let slot = Int(ready.token & 0xFFFF_FFFF) - 1
    let generation = UInt32(truncatingIfNeeded: ready.token >> 40)
    guard connections.indices.contains(slot), connections[slot].isOpen,
      connections[slot].generation == generation
    else { return }
    if ready.writable != 0 { markDirty(slot) }
    guard ready.readable != 0 || ready.broken != 0 else { return }
    if !connections[slot].watchesReading {
      // The close of a client whose input waits is noticed when the client is written to.
      if ready.broken != 0 { close(slot) }
      return
    }
    read(slot)
  }

  package func token(of slot: Int) -> UInt64 {
    UInt64(connections[slot].generation) << 40 | ExternalToken.first | UInt64(slot + 1)
  }

  /// Accepts all waiting connections, up to the limit.
  package mutating func acceptAll() {
    while let descriptor = acceptNext() {
      // Sessions of closed connections that still wait for an answer count as well.
      guard fleet.machines.count - freeMachines.count < GatewayLimits.connections else {
        let refusal = Array("-ERR max number of clients reached\r\n".utf8)
        rejectedCount += 1
        _ = linux_send(descriptor, refusal, refusal.count)
        Descriptor.close(descriptor)
        continue
      }
      accepted += 1
      let slot = freeSlots.popLast() ?? connections.count
      let isDirty = slot < connections.count && connections[slot].isDirty
      let generation = slot < connections.count ? (connections[slot].generation + 1) & 0xFFFF : 1
      var connection = RespConnection(
        descriptor: descriptor, generation: generation,
        session: RespSession(
          connection: accepted, limits: limits, settings: facts.settings(limits)),
        machine: takeMachine(for: slot), now: now)
      connection.isDirty = isDirty
      if slot == connections.count {
        connections.append(connection)
      } else {
        connections[slot] = connection
      }
      port.loop.add(descriptor, token: token(of: slot))
    }
  }

  /// Accepts the next connection. After an error, the listener is not watched for a while, because
  /// it would be ready all the time.
  package mutating func acceptNext() -> Int32? {
    do {
      return try Descriptor.accept(listener)
    } catch {
      port.loop.change(listener, token: ExternalToken.first, reads: false, writes: false)
      acceptsAgainAt = now + GatewayLimits.acceptPause
      return nil
    }
  }

  package mutating func takeMachine(for slot: Int) -> Int {
    if let machine = freeMachines.popLast() {
      owners[machine] = slot
      return machine
    }
    owners.append(slot)
    return fleet.add()
  }

  package mutating func acceptAgain() {
    acceptsAgainAt = .never
    port.loop.change(listener, token: ExternalToken.first, reads: true, writes: false)
  }

  package mutating func read(_ slot: Int) {
    // One buffer serves all connections, because a session takes all bytes at once.
    let progress = received.fill(from: connections[slot].descriptor)
    let count = received.count
    receivedByteCount += count
    connections[slot].readAt = now
    guard connections[slot].lingersUntil == nil else {
      received.consume(count)
      connections[slot].discarded += count
      if count > 0 { connections[slot].lingersUntil = now + GatewayLimits.linger }
      if progress == .closed { connections[slot].hasEnded = true }
      if connections[slot].hasEnded && connections[slot].output.isEmpty
        || connections[slot].discarded > GatewayLimits.discarded
      {
        close(slot)
      } else {
        flushLast(slot)
      }
      return
    }
    if count > 0 {
      connections[slot].session.feed(received.bytes, in: received.start..<received.end)
      received.consume(count)
      if fleet.machines[connections[slot].machine].isIdle { proceed(slot) } else { markDirty(slot) }
    }
    if progress == .closed {
      // The client may have closed only its sending side, so its requests are still answered.
      connections[slot].hasEnded = true
      markDirty(slot)
    }
  }

  package mutating func close(_ slot: Int) {
    guard connections[slot].isOpen else { return }
    port.loop.remove(connections[slot].descriptor)
    Descriptor.close(connections[slot].descriptor)
    let machine = connections[slot].machine
    connections[slot].descriptor = -1
    connections[slot].session = RespSession(connection: 0)
    connections[slot].output = OutputBuffer()
    waitingByteCount -= connections[slot].notedByteCount
    connections[slot].notedByteCount = 0
    owners[machine] = -1
    // A machine that still waits for an answer becomes free when the answer has come.
    if fleet.machines[machine].isIdle { freeMachines.append(machine) }
    freeSlots.append(slot)
  }

  /// Ends a connection: sends the last replies, and waits a while for the other side to close.
  /// Replies that were not read by then are lost.
  package mutating func linger(_ slot: Int) {
    connections[slot].lingersUntil = now + GatewayLimits.linger
    lingering.append(slot)
    connections[slot].watchesReading = false
    flushLast(slot)
  }

  private mutating func flushLast(_ slot: Int) {
    let before = connections[slot].output.count
    guard connections[slot].output.flush(to: connections[slot].descriptor) == .open else {
      return close(slot)
    }
    note(slot)
    let waits = !connections[slot].output.isEmpty
    guard waits || !connections[slot].hasEnded else { return close(slot) }
    if !waits { Descriptor.endOutput(connections[slot].descriptor) }
    if connections[slot].output.count < before {
      connections[slot].lingersUntil = now + GatewayLimits.linger
    }
    watch(slot, reads: !connections[slot].hasEnded, writes: waits)
  }

  private mutating func watch(_ slot: Int, reads: Bool, writes: Bool) {
    guard writes != connections[slot].watchesWriting || reads != connections[slot].watchesReading
    else { return }
    connections[slot].watchesWriting = writes
    connections[slot].watchesReading = reads
    port.loop.change(
      connections[slot].descriptor, token: token(of: slot), reads: reads, writes: writes)
  }

  /// Updates the gateway's sums with the counts of this connection.
  private mutating func note(_ slot: Int) {
    commandCount += connections[slot].session.takenCount - connections[slot].notedCommandCount
    connections[slot].notedCommandCount = connections[slot].session.takenCount
    let waiting = connections[slot].waitingByteCount
    waitingByteCount += waiting - connections[slot].notedByteCount
    connections[slot].notedByteCount = waiting
  }

  package mutating func endLingering() {
    var left: [Int] = []
    for slot in lingering {
      guard connections[slot].isOpen, let end = connections[slot].lingersUntil else { continue }
      if end <= now { close(slot) } else { left.append(slot) }
    }
    lingering = left
  }

  /// Closes connections whose clients have said nothing for long and wait for nothing, without a
  /// word, as Redis does.
  package mutating func closeIdle() {
    idleCheckAt = now + min(facts.idleLimit, .seconds(1))
    for slot in connections.indices
    where connections[slot].isOpen && connections[slot].lingersUntil == nil
      && connections[slot].session.isIdle && connections[slot].output.isEmpty
      && now - connections[slot].readAt > facts.idleLimit
    {
      close(slot)
    }
  }

  package mutating func markDirty(_ slot: Int) {
    guard !connections[slot].isDirty else { return }
    connections[slot].isDirty = true
    dirty.append(slot)
  }

  package mutating func flushAll() {
    guard !dirty.isEmpty else { return }
    // Connections that become dirty meanwhile are flushed next time.
    swap(&dirty, &flushing)
    for slot in flushing {
      connections[slot].isDirty = false
      flush(slot)
    }
    flushing.removeAll(keepingCapacity: true)
  }

  package mutating func flush(_ slot: Int) {
    guard connections[slot].isOpen else { return }
    guard connections[slot].lingersUntil == nil else {
      if !connections[slot].output.isEmpty { flushLast(slot) }
      return
    }
    let before = connections[slot].output.count
    guard connections[slot].output.flush(to: connections[slot].descriptor) == .open else {
      close(slot)
      return
    }
    let waiting = connections[slot].output.count
    sentByteCount += before - waiting
    if waiting < before { connections[slot].stuckSince = nil }
    guard !connections[slot].isOver else {
      if connections[slot].hasEnded { close(slot) } else { linger(slot) }
      return
    }
    if waiting == 0, connections[slot].output.writer.storage.count > GatewayLimits.keptOutput {
      connections[slot].output = OutputBuffer()
    }
    note(slot)
    if connections[slot].isHeldBack, waiting < GatewayLimits.output, waitingByteCount <= memory {
      connections[slot].isHeldBack = false
      proceed(slot)
    }
    let reads = !connections[slot].hasEnded && wantsReading(slot)
    watch(slot, reads: reads, writes: waiting > 0)
    if reads { connections[slot].stuckSince = nil }
    if !reads || connections[slot].isHeldBack { pause(slot, isStuck: !reads) }
  }

  /// Whether more of a connection is read. A client that reads no replies is still read up to a
  /// limit, because it may be a client that writes all its commands before it reads.
  private func wantsReading(_ slot: Int) -> Bool {
    let inputCount = connections[slot].session.input.count
    guard waitingByteCount <= memory || inputCount < GatewayLimits.smallShare else { return false }
    guard connections[slot].isHeldBack || connections[slot].output.count >= GatewayLimits.output
    else { return connections[slot].session.wantsInput }
    return !connections[slot].session.isClosing && inputCount < limits.maximumUnreadByteCount
  }

  /// Schedules a check of the connection, when memory may be free again or its patience may be
  /// over.
  private mutating func pause(_ slot: Int, isStuck: Bool) {
    // A connection that waits for the cluster's answer is not stuck, because the answer wakes it.
    let isStuck =
      isStuck && !connections[slot].hasEnded && !connections[slot].session.isClosing
      && connections[slot].session.waiting == .nothing
    if isStuck, connections[slot].stuckSince == nil { connections[slot].stuckSince = now }
    guard isStuck || connections[slot].isHeldBack, !connections[slot].isPaused else { return }
    connections[slot].isPaused = true
    paused.append(slot)
    pausesEndAt = min(pausesEndAt, now + GatewayLimits.acceptPause)
  }

  package mutating func endPauses() {
    guard now >= pausesEndAt else { return }
    pausesEndAt = .never
    let slots = paused
    paused = []
    for slot in slots {
      connections[slot].isPaused = false
      guard connections[slot].isOpen else { continue }
      guard let since = connections[slot].stuckSince, now - since >= patience,
        connections[slot].lingersUntil == nil
      else {
        markDirty(slot)
        continue
      }
      connections[slot].end(
        "ERR \(connections[slot].waitingByteCount) bytes wait, and no reply has been read for "
          + "\(patience)")
      connections[slot].isHeldBack = false
      linger(slot)
    }
  }
}
