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

/// Connections that other processes open, and the frames that come over them.
extension ClusterNode {
  public mutating func acceptAll() {
    while let descriptor = acceptNext() {
      // Clients leave room, so connections that have not said hello must be the ones in the way.
      if inbound.count - freeSlots.count >= connectionLimit { closeOldestStranger() }
      guard inbound.count - freeSlots.count < connectionLimit else {
        Descriptor.close(descriptor)
        continue
      }
      let slot = freeSlots.popLast() ?? inbound.count
      if slot == inbound.count { inbound.append(Inbound()) }
      let generation = (inbound[slot].generation + 1) & 0xFF_FFFF
      inbound[slot] = Inbound()
      inbound[slot].descriptor = descriptor
      inbound[slot].generation = generation
      inbound[slot].openedAt = now
      inbound[slot].heardAt = now
      acceptedCount += 1
      inbound[slot].number = acceptedCount
      loop.add(descriptor, token: Token.inbound(slot, generation: generation))
    }
  }

  private mutating func closeOldestStranger() {
    let strangers = inbound.indices.filter { inbound[$0].isOpen && inbound[$0].role == nil }
    guard let oldest = strangers.min(by: { inbound[$0].number < inbound[$1].number }) else {
      return
    }
    closeInbound(oldest)
  }

  /// Accepts the next connection. After an error, the listener is not watched until the next sweep,
  /// because it would be ready all the time.
  public mutating func acceptNext() -> Int32? {
    do {
      return try Descriptor.accept(listener)
    } catch {
      warn("\(error)")
      watchesListener = false
      loop.remove(listener)
      return nil
    }
  }

  public mutating func closeInbound(_ slot: Int) {
    guard inbound[slot].isOpen else { return }
    let orderedFaults = inbound[slot].ordersFaults
    clientByteCount -= inbound[slot].notedByteCount
    loop.remove(inbound[slot].descriptor)
    Descriptor.close(inbound[slot].descriptor)
    let generation = inbound[slot].generation
    runnerSlots.removeAll { $0 == slot }
    inbound[slot] = Inbound()
    inbound[slot].generation = generation
    freeSlots.append(slot)
    if orderedFaults, !inbound.contains(where: { $0.ordersFaults }) { endFaults() }
  }

  /// Reads what has arrived, and handles every complete frame of it.
  public mutating func readInbound(_ slot: Int) {
    let waiting = inbound[slot].input.count
    let progress = inbound[slot].input.fill(from: inbound[slot].descriptor)
    now = MonotonicClock.now()
    inbound[slot].heardAt = now
    let received = inbound[slot].input.count - waiting
    guard !inbound[slot].isClosing else {
      inbound[slot].input.consume(inbound[slot].input.count)
      if progress == .closed { closeInbound(slot) }
      return
    }
    // The buffer is moved out while frames are handled, so that no step copies it.
    var input = InputBuffer()
    swap(&input, &inbound[slot].input)
    let generation = inbound[slot].generation
    do throws(WireError) {
      while inbound[slot].isOpen, inbound[slot].generation == generation,
        !inbound[slot].isClosing,
        let header = try Frame.next(in: input.bytes, from: input.start, to: input.end)
      {
        try take(header, of: input, from: slot)
        handledByteCount += header.body.upperBound - input.start
        input.consume(header.body.upperBound - input.start)
      }
      if inbound[slot].isOpen, inbound[slot].role == nil, !inbound[slot].isClosing,
        input.count > NodeLimits.helloByteCount
      {
        throw .malformed("\(input.count) bytes without a hello")
      }
    } catch .unsupportedVersion(let version) where inbound[slot].role == nil {
      refuse(
        slot,
        "node \(number) speaks version \(Frame.version) of the frame format, not version \(version)"
      )
    } catch {
      counters.garbage += 1
      warn("what came over a connection is no frame of this cluster (\(error)); it is closed")
      closeInbound(slot)
      return
    }
    guard inbound[slot].isOpen, inbound[slot].generation == generation else { return }
    swap(&input, &inbound[slot].input)
    if inbound[slot].role == .peer, received > 0 {
      noteTransfer(with: inbound[slot].sender, left: inbound[slot].input.count, before: .max)
    }
    if inbound[slot].role != nil, !inbound[slot].isClosing,
      let byteCount = Frame.claimedByteCount(
        in: inbound[slot].input.bytes, from: inbound[slot].input.start,
        to: inbound[slot].input.end)
    {
      arrivingByteCount = max(arrivingByteCount, byteCount)
    }
    if inbound[slot].role == .client {
      noteMemory(of: slot)
      guard hasMemory(for: 0, at: slot) else { return }
    }
    guard progress == .closed else { return }
    let peer = inbound[slot].role == .peer ? inbound[slot].sender : nil
    closeInbound(slot)
    // Over a link that is cut the node must not see the closing of a connection either.
    if let peer, !(faultsAreActive && faults.links[peer.index].cutsInbound) {
      host.disconnect(peer, at: clock.reading(at: now))
    }
  }

  public mutating func take(
    _ header: FrameHeader, of input: borrowing InputBuffer, from slot: Int
  ) throws(WireError) {
    guard let role = inbound[slot].role else {
      guard header.kind == .hello else {
        throw .malformed("a connection that began with \(header.kind)")
      }
      try accept(
        try Frame.decode(Hello.self, from: input.bytes, in: header.body), header, at: slot)
      return
    }
    if role == .peer {
      guard header.sender == inbound[slot].sender, header.incarnation == inbound[slot].incarnation
      else {
        throw .malformed("a message of node \(header.sender) on the connection of another")
      }
    }
    switch (role, header.kind) {
    case (.peer, .message):
      try takeMessage(header, of: input, from: inbound[slot].sender.index)
    case (.peer, .silence):
      take(
        try Frame.decode(SilenceNotice.self, from: input.bytes, in: header.body),
        from: header.sender)
    case (.client, .request): try takeRequest(header, of: input, from: slot)
    case (.runner, .order):
      let order = try Frame.decode(Order.self, from: input.bytes, in: header.body)
      try execute(order, from: slot)
    default: throw .malformed("\(header.kind) on a connection of a \(role)")
    }
  }

  public mutating func takeMessage(
    _ header: FrameHeader, of input: borrowing InputBuffer, from peer: Int
  ) throws(WireError) {
    counters.messagesReceived += 1
    counters.bytesReceived += header.body.count + Frame.headerByteCount
    if faultsAreActive, faults.links[peer].cutsInbound { return }
    let message = try Frame.decode(Core.Message.self, from: input.bytes, in: header.body)
    let generation = Core.largestGeneration(in: message)
    guard generation == 0 || LogCard(number: 0, generation: generation).mayExist() else {
      counters.garbage += 1
      warn(
        "node \(peer) speaks of a log that was begun in the future: set the clocks of both hosts")
      return
    }
    host.receive(message, from: ReplicaID(peer), at: clock.reading(at: now))
  }

  public mutating func takeRequest(
    _ header: FrameHeader, of input: borrowing InputBuffer, from slot: Int
  ) throws(WireError) {
    counters.messagesReceived += 1
    counters.bytesReceived += header.body.count + Frame.headerByteCount
    guard header.body.count <= settings.largestRequest else {
      throw .malformed("a request of \(header.body.count) bytes")
    }
    if faultsAreActive, isLost(faults.clients) { return }
    var reader = WireReader(input.bytes, in: header.body)
    let id = try host.submit(reading: &reader, at: clock.reading(at: now))
    if stamps.isOn { stamps.noteTaken(id, at: now) }
    // Without the note, the answer goes to the connection that was opened for the client.
    if clients.count >= NodeLimits.notedClients { clients = FlatTable(secret: settings.hashSecret) }
    clients.set(id.client, to: place(of: slot))
  }
}
