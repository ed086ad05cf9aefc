import ClusterMessages
import Faults
import Primitives
import ReplicaHosting
import Replication
import Sockets
import Trials
import WireFormat

/// Links under a fault: messages and replies are lost, delayed, repeated, reordered or damaged
/// before they leave, and requests are lost when they arrive (`isLost`).
extension ClusterNode {
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
}
