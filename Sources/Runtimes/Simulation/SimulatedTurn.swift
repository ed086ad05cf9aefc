import Environments
import ReplicaHosting
import Replication
import Trials
import WireFormat

/// What the turn of a simulated node is carried out on: the node, and the world that it shares with others.
///
/// Two pointers, because a value cannot hold two `inout` references. They are safe: only
/// `SimulatedNode.lend` makes a value of this type, from exclusive references to both that last as long as
/// the call to which it is lent; that call gets it as `inout` and cannot keep it, because it is not
/// copyable. Node and world are separate values, so no access to one overlaps an access to the other.
public struct SimulatedTurn<Core: ReplicaCore, Application: StateMachine>: ~Copyable {
  public let node: UnsafeMutablePointer<SimulatedNode<Core, Application>>
  public let world: UnsafeMutablePointer<World<Core, Application>>
  /// How long the processor has been busy with the turn by now, in nanoseconds.
  public var cost: Double

  /// When what the processor does now is done.
  public var time: Int64 { world.pointee.now + Int64(cost) }

  @inline(__always)
  public mutating func charge(_ bytes: Int) {
    cost += world.pointee.cpu.cost(ofMessage: bytes) * node.pointee.slowness
  }

  /// Lets a message to another node go.
  @inline(__always)
  public func transmit(_ message: Core.Message, to: Int, bytes: Int, departing: Int64) {
    guard to < node.pointee.membership.nodeCount else { return }
    node.pointee.usage.messagesSent += 1
    node.pointee.usage.bytesSent += bytes
    world.pointee.transmit(
      message, from: node.pointee.number, to: to, bytes: bytes, departing: departing)
  }
}

extension SimulatedTurn: TurnRuntime {
  public var host: ReplicaHost<Core, Application> {
    _read { yield node.pointee.host }
    _modify { yield &node.pointee.host }
  }

  public var barrier: DurabilityBarrier<OutgoingMessage<Core.Message>> {
    _read { yield node.pointee.barrier }
    _modify { yield &node.pointee.barrier }
  }

  public var ownMessages: [Core.Message] {
    _read { yield node.pointee.ownMessages }
    _modify { yield &node.pointee.ownMessages }
  }

  @inline(__always)
  public mutating func send(_ message: Core.Message, to: ReplicaID) {
    let number = node.pointee.number
    guard to.index != number else {
      world.pointee.loopBack(message, to: number, at: time)
      return
    }
    let bytes = Frame.byteCount(of: message)
    charge(bytes)
    transmit(message, to: to.index, bytes: bytes, departing: time)
  }

  /// The processor encodes the message during the turn; only its departure waits.
  public mutating func noteHeld(_ message: Core.Message, to: ReplicaID) {
    if to.index != node.pointee.number { charge(Frame.byteCount(of: message)) }
  }

  public mutating func sendHeld(_ message: Core.Message, to: ReplicaID) {
    transmit(
      message, to: to.index, bytes: Frame.byteCount(of: message), departing: world.pointee.now)
  }

  public mutating func append(_ records: [Core.Record]) {
    for record in records { node.pointee.usage.bytesWritten += record.encodedByteCount + 8 }
    node.pointee.log.append(contentsOf: records)
    node.pointee.syncAppended(in: &world.pointee, at: time)
  }

  public mutating func answer(_ reply: ClientReply<Application.Response>) {
    let bytes = Frame.byteCount(of: reply)
    charge(bytes)
    node.pointee.usage.messagesSent += 1
    node.pointee.usage.bytesSent += bytes
    world.pointee.answer(reply, from: node.pointee.number, departing: time, bytes: bytes)
  }

  public mutating func set(_ timer: Core.Timer, after delay: Interval?) {
    node.pointee.set(timer.index, after: delay, in: &world.pointee)
  }
}

extension SimulatedNode {
  /// Lends the node and the world to a turn that has taken `cost` nanoseconds so far; says how many it has
  /// taken in the end.
  @inline(__always)
  public mutating func lend(
    cost: Double, in world: inout SharedWorld,
    to body: (inout SimulatedTurn<Core, Application>) -> Void
  ) -> Double {
    withUnsafeMutablePointer(to: &self) { node in
      withUnsafeMutablePointer(to: &world) { world in
        var turn = SimulatedTurn(node: node, world: world, cost: cost)
        body(&turn)
        return turn.cost
      }
    }
  }
}
