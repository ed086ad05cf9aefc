import Replication
import ReplicaHosting
import Sockets

/// Connections that others open: who they are, and what they send.
extension ClusterNode {
  public mutating func acceptAll() {
    while true {
      let accepted = Descriptor.accept(listener)
      // Until the next sweep: it would be ready all the time.
      if accepted == .exhausted {
        loop.change(listener, token: Token.listener, reads: false, writes: false)
      }
      guard case .connection(let descriptor) = accepted else { return }
      guard inbound.count - freeSlots.count < NodeLimits.connections else {
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
      loop.add(descriptor, token: Token.inbound(slot, generation: generation))
    }
  }

  public mutating func closeInbound(_ slot: Int) {
    guard inbound[slot].isOpen else { return }
    loop.remove(inbound[slot].descriptor)
    Descriptor.close(inbound[slot].descriptor)
    let generation = inbound[slot].generation
    runnerSlots.removeAll { $0 == slot }
    inbound[slot] = Inbound()
    inbound[slot].generation = generation
    freeSlots.append(slot)
  }

  /// Takes what has arrived, and deals with every whole frame of it.
  public mutating func readInbound(_ slot: Int) {
    let progress = inbound[slot].input.fill(from: inbound[slot].descriptor)
    // The buffer leaves its place while frames are dealt with, so that no step of that copies it.
    var input = InputBuffer()
    swap(&input, &inbound[slot].input)
    let generation = inbound[slot].generation
    do throws(WireError) {
      while inbound[slot].isOpen, inbound[slot].generation == generation,
        let header = try Frame.next(in: input.bytes, from: input.start, to: input.end)
      {
        try take(header, of: input, from: slot)
        input.consume(header.body.upperBound - input.start)
      }
    } catch {
      counters.garbage += 1
      complain("what came over a connection is no frame of this cluster (\(error)); it is closed")
      closeInbound(slot)
      return
    }
    guard inbound[slot].isOpen, inbound[slot].generation == generation else { return }
    swap(&input, &inbound[slot].input)
    if progress == .closed { closeInbound(slot) }
  }

  public mutating func take(
    _ header: FrameHeader, of input: borrowing InputBuffer, from slot: Int
  ) throws(WireError) {
    guard let role = inbound[slot].role else {
      guard header.kind == .hello else {
        throw .malformed("a connection that began with \(header.kind)")
      }
      try greet(
        try Frame.decode(Hello.self, from: input.bytes, in: header.body), header, at: slot)
      return
    }
    switch (role, header.kind) {
    case (.peer, .message):
      guard header.sender == inbound[slot].sender, header.epoch == inbound[slot].epoch else {
        throw .malformed("a message of node \(header.sender) on the connection of another")
      }
      try takeMessage(header, of: input, from: inbound[slot].sender.index)
    case (.client, .request): try takeRequest(header, of: input, from: slot)
    case (.runner, .order):
      let order = try Frame.decode(Order.self, from: input.bytes, in: header.body)
      try obey(order, from: slot)
    default: throw .malformed("\(header.kind) on a connection of a \(role)")
    }
  }

  /// Somebody says who he is. Whoever means another cluster, protocol or node is told so and sent away.
  public mutating func greet(
    _ hello: Hello, _ header: FrameHeader, at slot: Int
  ) throws(WireError) {
    if let reason = objection(to: hello, from: header.sender) {
      Frame.encode(
        Sentence(reason), kind: .refusal, from: host.id, epoch: life,
        into: &inbound[slot].output.writer)
      inbound[slot].isClosing = true
      complain("a \(hello.role) was refused: \(reason)")
      markDirty(slot)
      return
    }
    if hello.role == .peer {
      let peer = header.sender.index
      guard header.epoch >= peerEpochs[peer] else {
        throw .malformed("a hello of node \(peer) from an earlier life")
      }
      // Whatever still lies on connections of its earlier lives is void.
      if header.epoch > peerEpochs[peer] {
        for other in inbound.indices
        where inbound[other].isOpen && inbound[other].role == .peer
          && inbound[other].sender.index == peer
        {
          closeInbound(other)
        }
      }
      peerEpochs[peer] = header.epoch
    }
    inbound[slot].role = hello.role
    inbound[slot].sender = header.sender
    inbound[slot].epoch = header.epoch
    Frame.encode(
      Sentence(""), kind: .welcome, from: host.id, epoch: life, into: &inbound[slot].output.writer)
    markDirty(slot)
    if hello.role == .runner { runnerSlots.append(slot) }
    if hello.role == .client, holdsClientsBack { holdBack(slot, true) }
  }

  /// Why a connection cannot be of use, if it cannot.
  public func objection(to hello: Hello, from sender: ReplicaID) -> String? {
    if hello.cluster != settings.cluster {
      return "this is node \(number) of cluster \"\(settings.cluster)\", not of "
        + "\"\(hello.cluster)\""
    }
    if hello.protocolName != settings.protocolName {
      return "cluster \"\(settings.cluster)\" runs \(settings.protocolName), not "
        + "\(hello.protocolName)"
    }
    if hello.addressee != host.id {
      return "this is node \(number), not node \(hello.addressee)"
    }
    if Int(hello.nodeCount) != peers.count {
      return "this cluster has \(peers.count) nodes, not \(hello.nodeCount)"
    }
    if hello.role == .peer, sender.index >= peers.count || sender == host.id {
      return "node \(sender) cannot be a peer of node \(number)"
    }
    return nil
  }

  public mutating func takeMessage(
    _ header: FrameHeader, of input: borrowing InputBuffer, from peer: Int
  ) throws(WireError) {
    counters.messagesReceived += 1
    counters.bytesReceived += header.body.count + Frame.headerByteCount
    if faultsAreActive, faults.links[peer].cutsInbound { return }
    let message = try Frame.decode(Core.Message.self, from: input.bytes, in: header.body)
    host.receive(message, from: ReplicaID(peer), at: clock.reading(at: now))
  }

  public mutating func takeRequest(
    _ header: FrameHeader, of input: borrowing InputBuffer, from slot: Int
  ) throws(WireError) {
    counters.messagesReceived += 1
    counters.bytesReceived += header.body.count + Frame.headerByteCount
    let request = try Frame.decode(Host.Request.self, from: input.bytes, in: header.body)
    if faultsAreActive, isLost(faults.clients) { return }
    clients.set(
      request.id.client, to: UInt64(inbound[slot].generation) << 32 | UInt64(slot))
    host.submit(request, at: clock.reading(at: now))
  }

  public mutating func markDirty(_ slot: Int) {
    guard !inbound[slot].isDirty else { return }
    inbound[slot].isDirty = true
    dirtySlots.append(slot)
  }

  /// Sends what waits for one connection, as far as it takes it.
  public mutating func flushInbound(_ slot: Int) {
    guard inbound[slot].isOpen else { return }
    let progress = inbound[slot].output.flush(to: inbound[slot].descriptor)
    if progress == .closed || inbound[slot].isClosing && inbound[slot].output.isEmpty {
      closeInbound(slot)
      return
    }
    watch(slot)
  }

  public mutating func holdBack(_ slot: Int, _ isHeldBack: Bool) {
    inbound[slot].isHeldBack = isHeldBack
    rewatch(slot)
  }

  /// Watches for room if something waits for it.
  public mutating func watch(_ slot: Int) {
    let waits = !inbound[slot].output.isEmpty
    let overflows = inbound[slot].output.count > NodeLimits.clientOutput
    let isHeldBack = inbound[slot].role == .client && (holdsClientsBack || overflows)
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
