import CLinux
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

/// Orders of a runner: faults of links, clocks and disks, and reports.
extension ClusterNode {
  public mutating func execute(_ order: Order, from slot: Int) throws(WireError) {
    if case .report(let digest) = order {
      report(to: slot, digest: digest)
      return
    }
    if case .trace(let every) = order {
      stamps.every = UInt64(every)
      return
    }
    guard settings.allowsFaults || order == .faults(NodeFaults(nodeCount: peers.count)) else {
      Frame.encode(
        RefusalReason("node \(number) was not started with --allow-faults"), kind: .refusal,
        from: host.id, incarnation: incarnation, into: &inbound[slot].output.writer)
      markDirty(slot)
      return
    }
    inbound[slot].ordersFaults = true
    switch order {
    case .faults(let faults): try apply(faults)
    case .stepClock(let interval): clock.step(by: interval)
    case .disk(.syncError): _ = log.inject(.syncError)
    case .disk(.full): _ = log.inject(.full)
    case .disk(.bitFlip): _ = log.inject(.bitFlip(seed: faultRandom.next()))
    case .report, .trace: break
    }
  }

  public mutating func apply(_ next: NodeFaults) throws(WireError) {
    guard next.links.count == peers.count else {
      throw .malformed("faults of \(next.links.count) links in a cluster of \(peers.count) nodes")
    }
    adopt(next)
  }

  /// Ends all faults, because the runner that would end them is gone.
  public mutating func endFaults() {
    adopt(NodeFaults(nodeCount: peers.count))
    log.inject(nil)
  }

  private mutating func adopt(_ next: NodeFaults) {
    clock.setFaultDrift(next.drift, at: now)
    // The queue of a link belongs to its old fault, so a changed link starts with an empty one.
    for peer in peers.indices where next.links[peer] != faults.links[peer] {
      peers[peer].freeAt = .zero
      peers[peer].lastDeparture = .zero
    }
    if next.clients != faults.clients { interfaceFreeAt = .zero }
    faults = next
    faultsAreActive = next != NodeFaults(nodeCount: peers.count)
    if let held = heldSync {
      // If a stall has ended, the sync ends after the current delay. A delayed sync keeps its end
      // time.
      if faults.syncStalls {
        heldSync = (held.target, .never)
      } else if held.endsAt == .never {
        heldSync = (held.target, now + faults.syncDelay)
      }
    }
  }

  /// Sends the delayed frames that are due, and ends a delayed sync that is due.
  public mutating func releaseHeld() {
    while !heldFrames.isEmpty, heldFrames.nextTime <= now {
      let frame = heldFrames.pop()
      heldByteCount -= frame.bytes.count
      switch frame.to {
      case .peer(let peer): append(frame.bytes, toPeer: peer)
      case .connection(let slot, let generation):
        guard inbound[slot].isOpen, inbound[slot].generation == generation else { continue }
        inbound[slot].output.writer.write(frame.bytes)
        markDirty(slot)
      }
    }
    if let held = heldSync, held.endsAt <= now {
      heldSync = nil
      barrier.synced(held.target)
      // Records that were appended meanwhile wait for their own sync at the end of the turn.
      releaseSends()
    }
  }

  /// Delays a frame, or drops it if the delayed frames would exceed `NodeLimits.held` bytes.
  public mutating func hold(_ frame: HeldFrame, until time: Instant) {
    guard heldByteCount + frame.bytes.count <= NodeLimits.held else {
      counters.overflowed += 1
      return
    }
    heldByteCount += frame.bytes.count
    heldFrames.push(frame, at: time)
  }

  public mutating func append(_ frame: [UInt8], toPeer peer: Int) {
    guard peers[peer].state != .idle, peers[peer].output.count < NodeLimits.peerOutput else {
      counters.overflowed += 1
      return
    }
    counters.bytesSent += frame.count
    peers[peer].output.writer.write(frame)
    markPeerDirty(peer)
  }

  public mutating func isLost(_ fault: LinkDegradation) -> Bool {
    fault.loss > 0 && faultRandom.chance(fault.loss)
  }

  /// Sends a message over a link that loses, repeats, delays, reorders or damages messages.
  public mutating func departDegraded(_ message: Core.Message, to peer: Int) {
    let fault = faults.links[peer].degradation
    guard !faults.links[peer].cutsOutbound, !isLost(fault) else { return }
    guard heldByteCount <= NodeLimits.held else {
      counters.overflowed += 1
      return
    }
    var frame = WireWriter()
    Frame.encode(message, kind: .message, from: host.id, incarnation: incarnation, into: &frame)
    var bytes = frame.bytes()
    damage(&bytes, fault)
    var leavesAt = passInterface(bytes.count)
    // Adds the delay of the other end's narrowed interface.
    if fault.nanosecondsPerByte > faults.clients.nanosecondsPerByte {
      leavesAt = max(leavesAt, peers[peer].freeAt)
      leavesAt += .nanoseconds(Int64(Double(bytes.count) * fault.nanosecondsPerByte))
      peers[peer].freeAt = leavesAt
    }
    leavesAt += fault.extraLatency
    if fault.reorder > 0, faultRandom.chance(fault.reorder) {
      // Up to three latencies late, or up to 1 ms if that is more, so that later ones overtake it.
      let most = max(fault.extraLatency * 3, .milliseconds(1))
      leavesAt += .nanoseconds(Int64(faultRandom.below(Int(most.nanoseconds)) + 1))
    } else {
      leavesAt = max(leavesAt, peers[peer].lastDeparture)
      peers[peer].lastDeparture = leavesAt
    }
    if fault.duplicate > 0, faultRandom.chance(fault.duplicate) {
      hold(HeldFrame(to: .peer(peer), bytes: bytes), until: leavesAt)
    }
    if leavesAt <= now {
      append(bytes, toPeer: peer)
    } else {
      hold(HeldFrame(to: .peer(peer), bytes: bytes), until: leavesAt)
    }
  }

  /// The time at which the bytes have left through this node's interface, which all its peers and
  /// clients share. It is `now` unless a fault has narrowed the interface.
  public mutating func passInterface(_ byteCount: Int) -> Instant {
    guard faults.clients.nanosecondsPerByte > 0 else { return now }
    interfaceFreeAt =
      max(now, interfaceFreeAt)
      + .nanoseconds(Int64(Double(byteCount) * faults.clients.nanosecondsPerByte))
    return interfaceFreeAt
  }

  /// Flips a bit after the frame's first 8 bytes, which the checksum detects. The receiver hangs
  /// up, because a stream that was damaged once cannot be trusted; the sender dials again.
  public mutating func damage(_ bytes: inout [UInt8], _ fault: LinkDegradation) {
    guard fault.corrupt > 0, faultRandom.chance(fault.corrupt) else { return }
    let position = 8 + faultRandom.below(bytes.count - 8)
    bytes[position] ^= 1 << UInt8(faultRandom.below(8))
  }

  /// Sends a reply to a client over a degraded link. The reply is delayed by two latencies, because
  /// its request was not delayed.
  public mutating func answerDegraded(_ reply: Host.Reply, slot: Int) {
    let fault = faults.clients
    // A damaged answer would end the connection for all its clients; it counts as lost.
    guard !isLost(fault), fault.corrupt == 0 || !faultRandom.chance(fault.corrupt) else { return }
    var frame = WireWriter()
    Frame.encode(reply, kind: .reply, from: host.id, incarnation: incarnation, into: &frame)
    let bytes = frame.bytes()
    counters.bytesSent += bytes.count
    let leavesAt = passInterface(bytes.count) + fault.extraLatency * 2
    let held = HeldFrame(
      to: .connection(slot: slot, generation: inbound[slot].generation), bytes: bytes)
    hold(held, until: leavesAt)
    if fault.duplicate > 0, faultRandom.chance(fault.duplicate) {
      hold(held, until: leavesAt)
    }
  }

  /// Sends a runner the node's status and usage, and on request a digest of its state.
  public mutating func report(to slot: Int, digest: Bool) {
    counters.busyNs = Int(linux_processor_time())
    counters.syncs = log.syncCount
    counters.bytesWritten = log.bytesWritten
    counters.logRecords = log.recordCount
    let status = host.core.status
    toldStatus = status
    let found =
      digest
      ? StateDigest(state: CRC32C.checksum(host.snapshot()), commits: host.commitDigest.value) : nil
    var report = NodeReport(
      status: status, appliedIndex: host.appliedIndex, counters: counters, digest: found,
      violation: host.core.invariantViolation())
    if stamps.isOn { report.stamps = stamps.takeAll() }
    report.itemCount = UInt64(host.application.itemCount)
    report.allocatedByteCount = UInt64(linux_allocated_bytes())
    Frame.encode(
      report, kind: .report, from: host.id, incarnation: incarnation,
      into: &inbound[slot].output.writer)
    markDirty(slot)
    flushAll()
  }

  /// Reports to all runners if the leadership, tail or coordinator role or the epoch has changed.
  public mutating func tellRunners() {
    let status = host.core.status
    if let told = toldStatus, told.epoch == status.epoch, told.isInCharge == status.isInCharge,
      told.isTail == status.isTail, told.isCoordinator == status.isCoordinator
    {
      return
    }
    // A runner that does not read its reports gets no further ones.
    for slot in runnerSlots where inbound[slot].output.count <= settings.largestOutput {
      report(to: slot, digest: false)
    }
  }
}
