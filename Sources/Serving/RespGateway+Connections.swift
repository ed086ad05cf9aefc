import CLinux
import Clients
import Cluster
import Replication
import Resp
import Sockets
import StateMachines

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

  public mutating func acceptAll() {
    while let descriptor = try? Descriptor.accept(listener) {
      guard connections.count - freeSlots.count < GatewayLimits.connections else {
        let refusal = Array("-ERR max number of clients reached\r\n".utf8)
        _ = linux_send(descriptor, refusal, refusal.count)
        Descriptor.close(descriptor)
        continue
      }
      accepted += 1
      let slot = freeSlots.popLast() ?? connections.count
      let generation = slot < connections.count ? (connections[slot].generation + 1) & 0xFFFF : 1
      let connection = RespConnection(
        descriptor: descriptor, generation: generation,
        session: RespSession(connection: accepted), machine: takeMachine(for: slot))
      if slot == connections.count {
        connections.append(connection)
      } else {
        connections[slot] = connection
      }
      port.loop.add(descriptor, token: token(of: slot))
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

  public mutating func read(_ slot: Int) {
    let progress = connections[slot].input.fill(from: connections[slot].descriptor)
    let count = connections[slot].input.count
    if count > 0 {
      var input = InputBuffer()
      swap(&input, &connections[slot].input)
      connections[slot].session.feed(input.bytes, in: input.start..<input.end)
      input.consume(count)
      swap(&input, &connections[slot].input)
      if machines[connections[slot].machine].isIdle { goOn(slot) } else { markDirty(slot) }
    }
    if progress == .closed { close(slot) }
  }

  public mutating func close(_ slot: Int) {
    guard connections[slot].isOpen else { return }
    port.loop.remove(connections[slot].descriptor)
    Descriptor.close(connections[slot].descriptor)
    connections[slot].descriptor = -1
    connections[slot].input = InputBuffer()
    connections[slot].output = OutputBuffer()
    let machine = connections[slot].machine
    owners[machine] = -1
    // One that still waits for an answer is free when it has come.
    if machines[machine].isIdle { freeMachines.append(machine) }
    freeSlots.append(slot)
  }

  public mutating func markDirty(_ slot: Int) {
    guard !connections[slot].isDirty else { return }
    connections[slot].isDirty = true
    dirty.append(slot)
  }

  public mutating func flushAll() {
    guard !dirty.isEmpty else { return }
    for slot in dirty {
      connections[slot].isDirty = false
      flush(slot)
    }
    dirty.removeAll(keepingCapacity: true)
  }

  public mutating func flush(_ slot: Int) {
    guard connections[slot].isOpen else { return }
    let isOpen = connections[slot].output.flush(to: connections[slot].descriptor) == .open
    let waiting = connections[slot].output.count
    guard isOpen, waiting < GatewayLimits.hopelessOutput,
      !(connections[slot].session.shouldClose && waiting == 0)
    else {
      close(slot)
      return
    }
    let writes = waiting > 0
    let reads = connections[slot].session.wantsInput && waiting < GatewayLimits.output
    guard writes != connections[slot].watchesWriting || reads != connections[slot].watchesReading
    else { return }
    connections[slot].watchesWriting = writes
    connections[slot].watchesReading = reads
    port.loop.change(
      connections[slot].descriptor, token: token(of: slot), reads: reads, writes: writes)
  }
}
