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

/// Large messages, during which a node that is alive may be silent: smaller messages wait behind
/// them, and a node that copies, checks and writes them sends nothing meanwhile.
extension ClusterNode {
  /// Notes that bytes of a large frame to or from a peer have moved.
  /// - Parameters:
  ///   - left: how many bytes still wait: to be sent, or for the rest of their frame.
  ///   - before: how many waited before.
  public mutating func noteTransfer(with peer: ReplicaID, left: Int, before: Int) {
    guard left >= LargeMessage.byteCount, left < before else { return }
    let pause = LargeMessage.pause(of: left)
    transferEndsAt = max(transferEndsAt ?? now, now + pause)
    host.core.expectSilence(of: peer, for: pause, at: clock.reading(at: now))
  }

  /// Tells the other nodes that this node may be silent, if it has many bytes before it: of a frame
  /// that has begun to arrive, of records, and of messages. The notices are repeated meanwhile.
  /// They leave at the end of the turn, and so before that work is done.
  public mutating func announceSilence() {
    guard now >= nextNotice else { return }
    var byteCount = arrivingByteCount + log.pendingByteCount + committingByteCount
    for peer in peers.indices { byteCount += peers[peer].output.count }
    arrivingByteCount = 0
    guard byteCount >= NodeLimits.announcedWork else { return }
    nextNotice = now + NodeLimits.noticePause
    let status = host.core.status
    let notice = SilenceNotice(
      pause: LargeMessage.pause(of: min(byteCount, Frame.maximumByteCount)),
      epochInCharge: status.isInCharge ? status.epoch : nil)
    for peer in peers.indices where peer != number && peers[peer].state == .open {
      // Behind a large message the notice would come late. That message is a sign of life itself.
      guard peers[peer].output.count < NodeLimits.announcedWork else { continue }
      if faultsAreActive, !faults.links[peer].letsAllThrough { continue }
      let before = peers[peer].output.writer.count
      Frame.encode(
        notice, kind: .silence, from: host.id, incarnation: incarnation,
        into: &peers[peer].output.writer)
      counters.messagesSent += 1
      counters.bytesSent += peers[peer].output.writer.count - before
      markPeerDirty(peer)
    }
  }

  /// Handles a peer's notice.
  ///
  /// Timers that wait for any node are put off only for the node in charge, because the notices of
  /// others, which clients with large requests cause, say nothing about it.
  public mutating func take(_ notice: SilenceNotice, from peer: ReplicaID) {
    if faultsAreActive, faults.links[peer.index].cutsInbound { return }
    let pause = min(notice.pause, LargeMessage.pause(of: Frame.maximumByteCount))
    host.core.expectSilence(of: peer, for: pause, at: clock.reading(at: now))
    let replicas = settings.membership.replicas
    guard let epoch = notice.epochInCharge, epoch >= host.core.status.epoch,
      replicas.contains(peer), replicas.contains(host.id)
    else { return }
    transferEndsAt = max(transferEndsAt ?? now, now + pause)
  }
}
