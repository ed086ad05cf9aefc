import ReplicaHosting
import Replication
import ClusterMessages
import Sockets
import WireFormat

/// The memory that the connections of all clients take together.
extension ClusterNode {
  /// The bytes that this node has allocated: those of a node without data, of the application, of
  /// the sessions, and of the buffers of clients. The allocator is asked once only, because it
  /// would count all gaps between allocations, which stops a node with millions of small values
  /// for a second.
  public var allocatedByteCount: Int {
    emptyByteCount + host.application.allocatedByteCount + host.sessions.allocatedByteCount
      + clientByteCount
  }

  /// Updates the sum with the buffers of a client's connection.
  public mutating func noteMemory(of slot: Int) {
    let byteCount = inbound[slot].input.bytes.count + inbound[slot].output.writer.storage.count
    clientByteCount += byteCount - inbound[slot].notedByteCount
    inbound[slot].notedByteCount = byteCount
  }

  /// Makes room for more bytes of a client: connections of clients are closed, those with the most
  /// bytes first, because a node without memory would be ended with all its clients.
  /// - Returns: false if this client's connection was among them.
  public mutating func hasMemory(for byteCount: Int, at slot: Int) -> Bool {
    guard clientByteCount + byteCount > settings.clientMemory else { return true }
    let generation = inbound[slot].generation
    freeEmptyBuffers()
    while clientByteCount + byteCount > settings.clientMemory {
      let clients = inbound.indices.filter {
        inbound[$0].isOpen && inbound[$0].role == .client && !inbound[$0].isClosing
      }
      guard
        let largest = clients.max(by: { inbound[$0].notedByteCount < inbound[$1].notedByteCount }),
        inbound[largest].notedByteCount > 0
      else { return false }
      giveUp(largest)
    }
    return inbound[slot].isOpen && inbound[slot].generation == generation
      && !inbound[slot].isClosing
  }

  /// Frees the buffers of clients from which and to which no bytes wait.
  private mutating func freeEmptyBuffers() {
    for slot in inbound.indices
    where inbound[slot].isOpen && inbound[slot].role == .client && inbound[slot].input.count == 0
      && inbound[slot].output.isEmpty
    {
      inbound[slot].input = InputBuffer()
      inbound[slot].output = OutputBuffer()
      noteMemory(of: slot)
    }
  }

  /// Ends a client's connection with the reason. If replies wait in front of it, the reason is
  /// written to standard error only.
  private mutating func giveUp(_ slot: Int) {
    let reason =
      "the \(inbound[slot].notedByteCount) bytes of this client are too many: all clients of a node "
      + "together may have \(settings.clientMemory)"
    guard inbound[slot].output.isEmpty else {
      warn("a connection was closed: \(reason)")
      closeInbound(slot)
      return
    }
    inbound[slot].input = InputBuffer()
    inbound[slot].output = OutputBuffer()
    noteMemory(of: slot)
    // As one that has not said hello, it is closed in time even if its client does not hang up.
    clientByteCount -= inbound[slot].notedByteCount
    inbound[slot].notedByteCount = 0
    inbound[slot].role = nil
    inbound[slot].clients = .none
    inbound[slot].openedAt = now
    refuse(slot, reason)
  }
}
