import CLinux
import ClusterMessages
import Faults
import ReplicaHosting
import Replication
import Sockets
import Trials
import WireFormat
import WriteAheadLog

/// The connections over which this node sends messages to its peers.
extension ClusterNode {
  /// Dials the peers that are due, and gives up attempts that take too long.
  public mutating func dialPeers() {
    dialAt = .never
    for peer in peers.indices where peer != number && peers[peer].state != .open {
      if peers[peer].actAt <= now {
        if peers[peer].state == .connecting { hangUp(peer) }
        dial(peer)
      }
      dialAt = min(dialAt, peers[peer].actAt)
    }
  }

  public mutating func dial(_ peer: Int) {
    guard let descriptor = try? peers[peer].endpoint.connect() else {
      redialLater(peer)
      return
    }
    peers[peer].descriptor = descriptor
    peers[peer].state = .connecting
    peers[peer].actAt = now + Dialing.dialDeadline
    peers[peer].watchesWriting = true
    loop.add(descriptor, token: Token.peer(peer), writes: true)
  }

  public mutating func redialLater(_ peer: Int) {
    peers[peer].state = .idle
    peers[peer].actAt =
      now + (peers[peer].refusal == nil ? Dialing.redialPause : NodeLimits.refusedPause)
    dialAt = min(dialAt, peers[peer].actAt)
  }

  /// Closes the connection. Bytes that are still queued are lost, as in a network.
  public mutating func hangUp(_ peer: Int) {
    guard peers[peer].descriptor >= 0 else { return }
    loop.remove(peers[peer].descriptor)
    Descriptor.close(peers[peer].descriptor)
    peers[peer].descriptor = -1
    peers[peer].output.removeAll()
    peers[peer].input = InputBuffer()
    redialLater(peer)
  }

  public mutating func handlePeerReady(_ peer: Int, _ ready: linux_ready) {
    guard peers[peer].descriptor >= 0 else { return }
    if peers[peer].state == .connecting {
      guard ready.writable != 0 || ready.broken != 0 else { return }
      guard linux_connect_result(peers[peer].descriptor) == 0 else {
        hangUp(peer)
        return
      }
      peers[peer].state = .open
      // The hello goes first, before messages that were queued while the connection was opened.
      var hello = OutputBuffer()
      Frame.encode(
        Hello(
          cluster: settings.cluster, protocolName: settings.protocolName, role: .peer,
          addressee: ReplicaID(peer), nodeCount: peers.count, secret: settings.secret,
          logNumber: log.card.number,
          logGeneration: log.card.generation), kind: .hello, from: host.id,
        incarnation: incarnation,
        into: &hello.writer)
      hello.writer.write(peers[peer].output.writer.bytes())
      peers[peer].output = hello
      flushPeer(peer)
      return
    }
    if ready.writable != 0 { flushPeer(peer) }
    if ready.readable != 0 || ready.broken != 0 { readPeer(peer) }
  }

  /// Reads a peer's answer to the hello; a peer sends nothing else on this connection.
  public mutating func readPeer(_ peer: Int) {
    guard peers[peer].descriptor >= 0 else { return }
    let progress = peers[peer].input.fill(
      from: peers[peer].descriptor, room: NodeLimits.helloByteCount)
    do throws(WireError) {
      while let found = try Frame.next(
        in: peers[peer].input.bytes, from: peers[peer].input.start, to: peers[peer].input.end)
      {
        try takeAnswer(found, from: peer)
        peers[peer].input.consume(found.body.upperBound - peers[peer].input.start)
      }
      if peers[peer].input.count > NodeLimits.helloByteCount {
        throw .malformed("an answer of \(peers[peer].input.count) bytes")
      }
    } catch .unsupportedVersion(let version) {
      noteRefusal(
        "it speaks version \(version) of the frame format, this node version \(Frame.version)",
        of: peer)
      hangUp(peer)
      return
    } catch {
      counters.garbage += 1
      warn("what answers at \(peers[peer].endpoint) is no node of this cluster (\(error))")
      hangUp(peer)
      return
    }
    if progress == .closed { hangUp(peer) }
  }

  public mutating func takeAnswer(
    _ header: FrameHeader, from peer: Int
  ) throws(WireError) {
    switch header.kind {
    case .welcome: peers[peer].refusal = nil
    case .refusal:
      let reason = try Frame.decode(
        RefusalReason.self, from: peers[peer].input.bytes, in: header.body)
      noteRefusal(reason.text, of: peer)
    default: throw .malformed("\(header.kind) as an answer to a hello")
    }
  }

  public mutating func noteRefusal(_ reason: String, of peer: Int) {
    guard peers[peer].refusal != reason else { return }
    peers[peer].refusal = reason
    warn("\(peers[peer].endpoint) refuses this node: \(reason)")
  }

  public mutating func flushPeer(_ peer: Int) {
    guard peers[peer].state == .open else { return }
    let before = peers[peer].output.count
    if peers[peer].output.flush(to: peers[peer].descriptor) == .closed {
      hangUp(peer)
      return
    }
    noteTransfer(with: ReplicaID(peer), left: peers[peer].output.count, before: before)
    let waits = !peers[peer].output.isEmpty
    guard waits != peers[peer].watchesWriting else { return }
    peers[peer].watchesWriting = waits
    loop.change(
      peers[peer].descriptor, token: Token.peer(peer), reads: true, writes: waits)
  }

  public mutating func markPeerDirty(_ peer: Int) {
    guard !peers[peer].isDirty else { return }
    peers[peer].isDirty = true
    dirtyPeers.append(peer)
  }

  /// Handles entries that cannot be read back for a peer. It will be sent a snapshot that contains
  /// them, unless they can be read later.
  private mutating func noteUnreadable(_ error: LogError, for peer: Int) {
    counters.overflowed += 1
    warn("node \(peer) is not sent entries that cannot be read back: \(error)")
    if !error.mayPass { host.snapshots.demand() }
  }

  /// Queues a message to another node; a message to this node itself is handled later in the turn.
  public mutating func send(_ message: consuming Core.Message, to receiver: ReplicaID) {
    let to = receiver.index
    guard to < peers.count else { return }
    guard to != number else {
      ownMessages.append(message)
      return
    }
    counters.messagesSent += 1
    if faultsAreActive, !faults.links[to].letsAllThrough {
      departDegraded(message, to: to)
      return
    }
    guard peers[to].state != .idle, peers[to].output.count < NodeLimits.peerOutput else {
      counters.overflowed += 1
      return
    }
    let before = peers[to].output.writer.count
    log.beginTolerantReading()
    Frame.encode(
      message, kind: .message, from: host.id, incarnation: incarnation,
      into: &peers[to].output.writer)
    if let error = log.endTolerantReading() {
      peers[to].output.writer.count = before
      noteUnreadable(error, for: to)
      return
    }
    let byteCount = peers[to].output.writer.count - before
    guard byteCount <= Frame.maximumByteCount else {
      // The receiver would close the connection for it, and for every retransmission.
      peers[to].output.writer.count = before
      counters.overflowed += 1
      warn("a message of \(byteCount) bytes to node \(to) is too large for a frame")
      return
    }
    counters.bytesSent += byteCount
    markPeerDirty(to)
  }
}
