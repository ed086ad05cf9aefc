import ClusterMessages
import Primitives
import Replication
import Sockets
import WireFormat

/// Which connection carries a client's replies, and the bytes that wait to be sent over it.
extension ClusterNode {
  /// A slot together with the generation that tells which of the slot's connections is meant.
  public func place(of slot: Int) -> UInt64 {
    UInt64(inbound[slot].generation) << 32 | UInt64(slot)
  }

  /// The connection that carries a client's replies: the one over which it sent its last request
  /// or, if it has sent none to this node or that connection is closed, the one opened to carry its
  /// replies.
  public mutating func slot(of client: ClientID) -> Int? {
    if let place = clients[client] {
      let slot = Int(place & 0xFFFF_FFFF)
      if inbound[slot].isOpen, inbound[slot].generation == UInt32(place >> 32) { return slot }
    }
    var found: Int?
    for slot in inbound.indices
    where inbound[slot].isOpen && inbound[slot].clients.contains(client) {
      // A dialler with a higher first client covers only its own clients, so the highest first
      // client is the best match. Of two connections of one dialler the newer one is alive.
      let order = (inbound[slot].clients.first, inbound[slot].number)
      if let best = found, order < (inbound[best].clients.first, inbound[best].number) { continue }
      found = slot
    }
    if let found { clients.set(client, to: place(of: found)) }
    return found
  }

  public mutating func markDirty(_ slot: Int) {
    guard !inbound[slot].isDirty else { return }
    inbound[slot].isDirty = true
    dirtySlots.append(slot)
  }

  /// Sends as many of a connection's waiting bytes as the socket takes.
  public mutating func flushInbound(_ slot: Int) {
    guard inbound[slot].isOpen else { return }
    if inbound[slot].output.flush(to: inbound[slot].descriptor) == .closed {
      closeInbound(slot)
      return
    }
    if inbound[slot].role == .client { noteMemory(of: slot) }
    if inbound[slot].isClosing, inbound[slot].output.isEmpty {
      Descriptor.endOutput(inbound[slot].descriptor)
    }
    watch(slot)
  }

  public mutating func holdBack(_ slot: Int, _ isHeldBack: Bool) {
    inbound[slot].isHeldBack = isHeldBack
    rewatch(slot)
  }

  /// Watches for writability while bytes wait, and stops reading while the connection is held back.
  public mutating func watch(_ slot: Int) {
    let waits = !inbound[slot].output.isEmpty
    let overflows = inbound[slot].output.count > settings.largestOutput
    let isHeldBack = overflows || inbound[slot].role == .client && holdsClientsBack
    guard waits != inbound[slot].watchesWriting || isHeldBack != inbound[slot].isHeldBack else {
      return
    }
    inbound[slot].watchesWriting = waits
    inbound[slot].isHeldBack = isHeldBack
    rewatch(slot)
  }

  public func rewatch(_ slot: Int) {
    loop.change(
      inbound[slot].descriptor,
      token: Token.inbound(slot, generation: inbound[slot].generation),
      reads: !inbound[slot].isHeldBack, writes: inbound[slot].watchesWriting)
  }
}
