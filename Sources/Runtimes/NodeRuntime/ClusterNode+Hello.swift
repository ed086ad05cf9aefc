import ClusterMessages
import Faults
import Primitives
import ReplicaHosting
import Replication
import Sockets
import Trials
import WireFormat
import WriteAheadLog

/// The hello of a connection: who may connect, and how many connections each role may have.
extension ClusterNode {
  /// Accepts a hello, or refuses it with the reason if it is meant for another cluster, protocol or
  /// node.
  public mutating func accept(
    _ hello: Hello, _ header: FrameHeader, at slot: Int
  ) throws(WireError) {
    guard hello.shows(settings.secret) else {
      refuse(slot, "the secret is not that of this cluster")
      return
    }
    if let reason = objection(to: hello, from: header.sender) {
      refuse(slot, reason)
      return
    }
    if hello.role == .client, clientCount >= clientLimit { closeSilentClient() }
    if hello.role == .runner, runnerSlots.count >= NodeLimits.runners {
      refuse(slot, "there are \(runnerSlots.count) connections of runners, as many as there may be")
      return
    }
    if hello.role == .client, clientCount >= clientLimit {
      refuse(slot, "there are \(clientCount) connections of clients, as many as there may be")
      return
    }
    if hello.role == .peer,
      !LogCard(number: hello.logNumber, generation: hello.logGeneration).mayExist()
    {
      refuse(
        slot,
        "the log of node \(header.sender) was begun in the future: set the clocks of both hosts, and "
          + "replace the log again")
      return
    }
    if hello.role == .peer, !recognises(hello, of: header.sender.index) {
      refuse(
        slot,
        "node \(header.sender) comes with another log than before; if that is lost, start it with "
          + "--replace, so that it learns from the others before it takes part")
      return
    }
    if hello.role == .peer, !isLatestIncarnation(header, at: slot) {
      refuse(slot, "node \(header.sender) has started again since")
      return
    }
    inbound[slot].role = hello.role
    if hello.role == .client { inbound[slot].clients = hello.clients }
    inbound[slot].sender = header.sender
    inbound[slot].incarnation = header.incarnation
    if hello.role == .peer { closeFormer(of: header.sender, besides: slot) }
    Frame.encode(
      RefusalReason(""), kind: .welcome, from: host.id, incarnation: incarnation,
      into: &inbound[slot].output.writer)
    markDirty(slot)
    if hello.role == .runner { runnerSlots.append(slot) }
    if hello.role == .client, holdsClientsBack { holdBack(slot, true) }
  }

  /// Whether a peer has the log that this node has met before. A peer that has lost its log has
  /// forgotten its promises, so its messages must not be handled.
  private mutating func recognises(_ hello: Hello, of peer: Int) -> Bool {
    let card = LogCard(number: hello.logNumber, generation: hello.logGeneration)
    do throws(LogError) {
      return try log.recognise(card, of: peer)
    } catch {
      warn("cannot remember the log of node \(peer): \(error)")
      return false
    }
  }

  /// Sends a connection the reason for its refusal. The connection is then read until the other
  /// side hangs up or the hello is overdue, because closing it at once could discard the refusal.
  public mutating func refuse(_ slot: Int, _ reason: String) {
    Frame.encode(
      RefusalReason(reason), kind: .refusal, from: host.id, incarnation: incarnation,
      into: &inbound[slot].output.writer)
    inbound[slot].isClosing = true
    warn("a connection was refused: \(reason)")
    markDirty(slot)
  }

  /// Whether the hello comes from the latest incarnation of a peer. Of two incarnations, the one
  /// whose connection was opened later is the present one, whatever their numbers, because a node
  /// that lost its disk counts from 1 again. Connections of the other incarnation are closed, and
  /// their unread bytes are discarded.
  public mutating func isLatestIncarnation(_ header: FrameHeader, at slot: Int) -> Bool {
    let peer = header.sender.index
    let number = inbound[slot].number
    if let known = knownPeers[peer], known.incarnation != header.incarnation {
      guard number > known.connection else { return false }
      for other in inbound.indices
      where inbound[other].isOpen && inbound[other].role == .peer
        && inbound[other].sender.index == peer
      {
        closeInbound(other)
      }
    }
    knownPeers[peer] = KnownPeer(
      incarnation: header.incarnation, connection: max(number, knownPeers[peer]?.connection ?? 0))
    return true
  }

  /// The reason to refuse a connection; `nil` if there is none.
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

  private var clientCount: Int { inbound.count { $0.isOpen && $0.role == .client } }

  private var clientLimit: Int {
    max(connectionLimit - NodeLimits.reserved(ofPeers: peers.count), connectionLimit / 2)
  }

  /// Closes the connection of the client that has said nothing for longest, if that is long.
  private mutating func closeSilentClient() {
    let silent = inbound.indices.filter {
      inbound[$0].isSilent(at: now, for: NodeLimits.crowdedSilence)
    }
    guard let longest = silent.min(by: { inbound[$0].heardAt < inbound[$1].heardAt }) else {
      return
    }
    closeInbound(longest)
  }

  /// Closes the oldest connections of a peer beyond those that it may have.
  private mutating func closeFormer(of peer: ReplicaID, besides slot: Int) {
    let others = inbound.indices.filter {
      $0 != slot && inbound[$0].isOpen && inbound[$0].role == .peer && inbound[$0].sender == peer
    }
    let excess = others.count + 1 - NodeLimits.connectionsPerPeer
    guard excess > 0 else { return }
    for other in others.sorted(by: { inbound[$0].number < inbound[$1].number }).prefix(excess) {
      closeInbound(other)
    }
  }
}
