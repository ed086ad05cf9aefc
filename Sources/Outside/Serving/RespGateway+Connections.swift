import CLinux
import Clients
import ClusterControl
import Replication
import Resp
import Sockets
import StateMachines
import WireFormat

/// Connections of Redis clients come, speak and go.
extension RespGateway {
  public mutating func attend(to ready: linux_ready) {
    guard ready.token > ForeignToken.first else {
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
      // A client that is gone while its input waits is noticed when it is written to.
      if ready.broken != 0 { close(slot) }
      return
    }
    read(slot)
  }

  public func token(of slot: Int) -> UInt64 {
    UInt64(connections[slot].generation) << 40 | ForeignToken.first | UInt64(slot + 1)
  }

  /// Takes all connections that wait, as many as there may be.
  public mutating func acceptAll() {
    while let descriptor = acceptNext() {
      // Sessions of closed connections that still wait for an answer count as well.
      guard machines.count - freeMachines.count < GatewayLimits.connections else {
        let refusal = Array("-ERR max number of clients reached\r\n".utf8)
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
        session: RespSession(connection: accepted), machine: takeMachine(for: slot))
      connection.isDirty = isDirty
      if slot == connections.count {
        connections.append(connection)
      } else {
        connections[slot] = connection
      }
      port.loop.add(descriptor, token: token(of: slot))
    }
  }

  /// Where no connection can be taken, the listener is left alone for a while: it would be ready all the
  /// time.
  public mutating func acceptNext() -> Int32? {
    do {
      return try Descriptor.accept(listener)
    } catch {
      port.loop.change(listener, token: ForeignToken.first, reads: false, writes: false)
      acceptsAgainAt = now + GatewayLimits.acceptPause
      return nil
    }
  }

  public mutating func takeMachine(for slot: Int) -> Int {
    if let machine = freeMachines.popLast() {
      owners[machine] = slot
      return machine
    }
    machines.append(
      Machine(
        id: ClientID(firstClient + UInt64(machines.count)), replicas: replicas, timeout: timeout))
    owners.append(slot)
    wakeScheduled.append(.max)
    return machines.count - 1
  }

  public mutating func acceptAgain() {
    acceptsAgainAt = .max
    port.loop.change(listener, token: ForeignToken.first, reads: true, writes: false)
  }

  public mutating func read(_ slot: Int) {
    // One buffer for all: a session takes over everything at once.
    let progress = received.fill(from: connections[slot].descriptor)
    let count = received.count
    guard connections[slot].lingersUntil == nil else {
      received.consume(count)
      connections[slot].discarded += count
      if count > 0 { connections[slot].lingersUntil = now + GatewayLimits.linger }
      if progress == .closed || connections[slot].discarded > GatewayLimits.discarded {
        close(slot)
      }
      return
    }
    if count > 0 {
      connections[slot].session.feed(received.bytes, in: received.start..<received.end)
      received.consume(count)
      if machines[connections[slot].machine].isIdle { goOn(slot) } else { markDirty(slot) }
    }
    if progress == .closed {
      // Perhaps only for writing: what it has asked is still answered.
      connections[slot].hasEnded = true
      markDirty(slot)
    }
  }

  public mutating func close(_ slot: Int) {
    guard connections[slot].isOpen else { return }
    port.loop.remove(connections[slot].descriptor)
    Descriptor.close(connections[slot].descriptor)
    let machine = connections[slot].machine
    connections[slot].descriptor = -1
    connections[slot].session = RespSession(connection: 0)
    connections[slot].output = OutputBuffer()
    owners[machine] = -1
    // One that still waits for an answer is free when it has come.
    if machines[machine].isIdle { freeMachines.append(machine) }
    freeSlots.append(slot)
  }

  /// Says goodbye, and waits a while for the other side to do so.
  public mutating func linger(_ slot: Int) {
    Descriptor.endOutput(connections[slot].descriptor)
    connections[slot].lingersUntil = now + GatewayLimits.linger
    lingering.append(slot)
    port.loop.change(
      connections[slot].descriptor, token: token(of: slot), reads: true, writes: false)
    connections[slot].watchesReading = true
  }

  public mutating func endLingering() {
    var left: [Int] = []
    for slot in lingering {
      guard connections[slot].isOpen, let end = connections[slot].lingersUntil else { continue }
      if end <= now { close(slot) } else { left.append(slot) }
    }
    lingering = left
  }

  public mutating func markDirty(_ slot: Int) {
    guard !connections[slot].isDirty else { return }
    connections[slot].isDirty = true
    dirty.append(slot)
  }

  public mutating func flushAll() {
    guard !dirty.isEmpty else { return }
    // Whoever becomes dirty meanwhile has its turn next time.
    swap(&dirty, &flushing)
    for slot in flushing {
      connections[slot].isDirty = false
      flush(slot)
    }
    flushing.removeAll(keepingCapacity: true)
  }

  public mutating func flush(_ slot: Int) {
    guard connections[slot].isOpen, connections[slot].lingersUntil == nil else { return }
    guard connections[slot].output.flush(to: connections[slot].descriptor) == .open else {
      close(slot)
      return
    }
    guard !connections[slot].isOver else {
      if connections[slot].hasEnded { close(slot) } else { linger(slot) }
      return
    }
    let waiting = connections[slot].output.count
    if waiting == 0, connections[slot].output.writer.storage.count > GatewayLimits.keptOutput {
      connections[slot].output = OutputBuffer()
    }
    if connections[slot].isHeldBack, waiting < GatewayLimits.output {
      connections[slot].isHeldBack = false
      goOn(slot)
    }
    let writes = waiting > 0
    let reads =
      !connections[slot].hasEnded && connections[slot].session.wantsInput
      && waiting < GatewayLimits.output
    guard writes != connections[slot].watchesWriting || reads != connections[slot].watchesReading
    else { return }
    connections[slot].watchesWriting = writes
    connections[slot].watchesReading = reads
    port.loop.change(
      connections[slot].descriptor, token: token(of: slot), reads: reads, writes: writes)
  }
}
