import Clients
import Environments
import Primitives
import ReplicaHosting
import Replication
import Trials
import WireFormat

/// The node and the world it shares with others, as the runtime that carries out a turn.
///
/// Two pointers, because a value cannot hold two `inout` references. They are safe: only
/// `SimulatedNode.lend` makes a value of this type, from exclusive references to both that last as
/// long as the call to which the value is lent. That call gets it as `inout` and cannot keep it,
/// because it is not copyable. Node and world are separate values, so no access to one overlaps an
/// access to the other.
public struct SimulatedTurn<Core: ReplicaCore, Application: StateMachine>: ~Copyable {
  public let node: UnsafeMutablePointer<SimulatedNode<Core, Application>>
  public let world: UnsafeMutablePointer<World<Core, Application>>

  /// When the processor will have finished its present work.
  @inline(__always)
  public var time: Instant { world.pointee.now + node.pointee.turn.elapsed }

}

extension SimulatedTurn: TurnRuntime {
  public var host: ReplicaHost<Core, Application> {
    _read { yield node.pointee.host }
    _modify { yield &node.pointee.host }
  }

  public var barrier: DurabilityBarrier<Core.Message> {
    _read { yield node.pointee.barrier }
    _modify { yield &node.pointee.barrier }
  }

  public var ownMessages: [Core.Message] {
    _read { yield node.pointee.ownMessages }
    _modify { yield &node.pointee.ownMessages }
  }

  @inline(__always)
  public mutating func send(_ message: consuming Core.Message, to: ReplicaID) {
    let number = node.pointee.number
    guard usually(to.index != number) else {
      node.pointee.ownMessages.append(message)
      return
    }
    let bytes = Frame.byteCount(of: message)
    node.pointee.turn.spend(world.pointee.cpu.costNs(ofMessage: bytes) * node.pointee.slowness)
    guard usually(to.index < node.pointee.membership.nodeCount) else { return }
    node.pointee.usage.messagesSent += 1
    node.pointee.usage.bytesSent += bytes
    let before = world.pointee.causes.current
    if rarely(world.pointee.causes.isOn) { noteSending() }
    world.pointee.transmit(message, from: number, to: to.index, bytes: bytes, departing: time)
    world.pointee.causes.current = before
  }

  public mutating func append(_ records: [Core.Record]) {
    let bytes = SimulatedNode<Core, Application>.byteCount(of: records)
    if node.pointee.keepsLog {
      node.pointee.log.append(contentsOf: records)
    } else {
      node.pointee.forgottenCount += records.count
    }
    node.pointee.usage.bytesWritten += bytes
    node.pointee.syncAppended(bytes, in: &world.pointee)
  }

  public mutating func beginSnapshot(_ reference: SnapshotReference) {
    node.pointee.storing = StoredSnapshot(reference: reference, content: [])
  }

  public var takesSnapshotPart: Bool { true }

  public mutating func addSnapshotPart(_ part: [UInt8], isLast: Bool) {
    node.pointee.addSnapshotPart(part, isLast: isLast, in: &world.pointee)
  }

  /// Reading a page costs the processor as much as receiving its bytes.
  public mutating func page(of reference: SnapshotReference, in range: Range<Int>) -> [UInt8]? {
    node.pointee.turn.spend(
      Double(range.count) * world.pointee.cpu.perByteNs * node.pointee.slowness)
    return node.pointee.page(of: reference, in: range)
  }

  public mutating func removeSnapshots(exceptFor kept: [SnapshotReference]) {
    node.pointee.snapshots.removeAll { !kept.contains($0.reference) }
  }

  public mutating func removeRecords(before first: Int) {
    node.pointee.removeRecords(before: first)
  }

  public mutating func count(_ counts: SnapshotCounts) {
    node.pointee.usage.snapshots.taken += counts.taken
    node.pointee.usage.snapshots.sent += counts.sent
    node.pointee.usage.snapshots.installed += counts.installed
  }

  /// Replies leave in the order in which their requests were received. The node's messages to
  /// itself may lead to further replies in this turn, so earlier replies wait for those.
  @inline(__always)
  public mutating func answer(_ reply: consuming ClientReply<Application.Response>) {
    let receiptsNs = node.pointee.receiptsNs(of: reply.id)
    if usually(node.pointee.ownMessages.isEmpty && node.pointee.waitingReplies.isEmpty) {
      answer(reply, behindReceipts: receiptsNs)
    } else {
      node.pointee.waitingReplies.append(WaitingReply(reply: reply, receiptsNs: receiptsNs))
    }
  }

  /// Sends a reply as soon as the processor has received the request and executed its command.
  @inline(__always)
  public mutating func answer(
    _ reply: consuming ClientReply<Application.Response>, behindReceipts receiptsNs: Double
  ) {
    if case .busy = reply.result { node.pointee.usage.refused += 1 }
    let bytes = Frame.byteCount(of: reply)
    var cost = world.pointee.cpu.costNs(ofMessage: bytes)
    if node.pointee.turn.executions > 0, case .answer = reply.result {
      node.pointee.turn.executions -= 1
      cost += world.pointee.cpu.applyNs
    }
    // See `take` of requests.
    if rarely(!ClientNumbers.isOfLoad(reply.id.client)) { cost = 0 }
    node.pointee.turn.spend(
      cost * node.pointee.slowness, behindReceipts: min(receiptsNs, node.pointee.turn.receivingNs))
    node.pointee.usage.messagesSent += 1
    node.pointee.usage.bytesSent += bytes
    let before = world.pointee.causes.current
    if rarely(world.pointee.causes.isOn) { noteSending() }
    world.pointee.answer(reply, from: node.pointee.number, departing: time, bytes: bytes)
    world.pointee.causes.current = before
  }

  /// Sends the waiting replies, those to requests of this turn first.
  public mutating func answerWaiting() {
    node.pointee.waitingReplies.sort { $0.receiptsNs < $1.receiptsNs }
    for waiting in node.pointee.waitingReplies {
      answer(waiting.reply, behindReceipts: waiting.receiptsNs)
    }
    node.pointee.waitingReplies.empty()
  }

  public mutating func set(_ timer: Core.Timer, after delay: Interval?) {
    node.pointee.set(timer.index, after: delay, in: &world.pointee)
  }
}

extension SimulatedNode {
  /// Lends the node and the world to `body`, which carries out a part of a turn.
  @inline(__always)
  public mutating func lend(
    in world: inout SharedWorld, to body: (inout SimulatedTurn<Core, Application>) -> Void
  ) {
    withUnsafeMutablePointer(to: &self) { node in
      withUnsafeMutablePointer(to: &world) { world in
        var turn = SimulatedTurn(node: node, world: world)
        body(&turn)
      }
    }
  }
}
