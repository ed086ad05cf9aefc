import Clients
import Environments
import Primitives
import ReplicaHosting
import Replication
import Trials
import WireFormat

/// The processor: inputs arrive, wait, and are handled in turns.
extension SimulatedNode {
  public mutating func start(in world: inout SharedWorld) {
    host.start(at: clock.reading(at: world.now))
    finishTurn(in: &world)
  }

  /// Whether an input that arrives now has to wait; if so, a turn is scheduled.
  @inline(__always)
  public mutating func mustWait(in world: inout SharedWorld) -> Bool {
    guard isStopped || world.now < busyUntil || !inbox.isEmpty else { return false }
    scheduleTurn(in: &world)
    return true
  }

  // Arrivals. If the processor is free, the input is handled at once, without going through the
  // inbox.

  public mutating func arrive(
    _ message: consuming Core.Message, from: Int, bytes: Int, in world: inout SharedWorld
  ) {
    guard usually(isUp) else { return }
    if mustWait(in: &world) {
      inbox.append(.message(message, Envelope(from: from, to: number, bytes: bytes)))
      noteWaiting(in: world)
      return
    }
    take(message, from: from, bytes: bytes, in: &world)
    finishTurn(in: &world)
  }

  public mutating func arrive(
    _ request: consuming ClientRequest<Application.Command>, bytes: Int,
    in world: inout SharedWorld
  ) {
    guard usually(isUp) else { return }
    if mustWait(in: &world) {
      inbox.append(.request(request, bytes: bytes, arrived: world.now))
      noteWaiting(in: world)
      return
    }
    take(request, bytes: bytes, arrived: world.now, in: &world)
    finishTurn(in: &world)
  }

  public mutating func arrive(timer: Int, in world: inout SharedWorld) {
    guard usually(isUp) else { return }
    if mustWait(in: &world) {
      inbox.append(.timer(timer))
      noteWaiting(in: world)
      return
    }
    take(timer: timer, in: &world)
    finishTurn(in: &world)
  }

  public mutating func arrive(disconnectedFrom other: Int, in world: inout SharedWorld) {
    guard usually(isUp) else { return }
    if mustWait(in: &world) {
      inbox.append(.disconnected(from: other))
      noteWaiting(in: world)
      return
    }
    take(disconnectedFrom: other, in: &world)
    finishTurn(in: &world)
  }

  public mutating func arriveSynced(in world: inout SharedWorld) {
    if mustWait(in: &world) {
      inbox.append(.synced)
      noteWaiting(in: world)
      return
    }
    releaseSends(in: &world)
    finishTurn(in: &world)
  }

  /// Handles everything that has arrived as one turn, now that the processor is free.
  public mutating func takeTurn(in world: inout SharedWorld) {
    turnIsScheduled = false
    guard usually(!isStopped && !inbox.isEmpty) else { return }
    putsInOrder = inbox.count > 1
    // An array gives away only its last element without copying it.
    inbox.turnAround()
    let inputCount = inbox.count
    for position in 0..<inputCount {
      if rarely(world.causes.isOn) { world.causes.current = causes.ofInbox[position] }
      switch inbox.removeLast() {
      case .message(let message, let envelope):
        take(consume message, from: envelope.from, bytes: envelope.bytes, in: &world)
      case .request(let request, let bytes, let arrived):
        take(consume request, bytes: bytes, arrived: arrived, in: &world)
      case .timer(let timer): take(timer: timer, in: &world)
      case .disconnected(let other): take(disconnectedFrom: other, in: &world)
      case .stored: takeStored(in: &world)
      case .synced: releaseSends(in: &world)
      }
    }
    causes.ofInbox.empty()
    finishTurn(in: &world)
    putsInOrder = false
  }

  public mutating func scheduleTurn(in world: inout SharedWorld) {
    guard !turnIsScheduled, !isStopped else { return }
    turnIsScheduled = true
    world.schedule(.turn(node: number, incarnation: incarnation), at: max(busyUntil, world.now))
  }

  public mutating func take(
    _ message: consuming Core.Message, from: Int, bytes: Int, in world: inout SharedWorld
  ) {
    charge(received: bytes, in: world)
    host.receive(message, from: ReplicaID(from), at: clock.reading(at: world.now))
    noteInput(in: &world)
    checkInvariants(in: &world)
  }

  public mutating func take(
    _ request: consuming ClientRequest<Application.Command>, bytes: Int, arrived: Instant,
    in world: inout SharedWorld
  ) {
    let id = request.id
    // Requests and answers of probes take no time, because probes should not slow down the service
    // that they measure. The messages between nodes that a probe causes take the time of others.
    charge(received: bytes, takesTime: ClientNumbers.isOfLoad(id.client), in: world)
    if putsInOrder {
      receivedRequests[id.client] = ReceivedRequest(
        turn: turnNumber, sequence: id.sequence, receiptsNs: turn.receivingNs)
    }
    let isTaken = host.submit(
      request, waited: world.now - arrived, at: clock.reading(at: world.now))
    if rarely(!isTaken) { usage.droppedLate += 1 }
    noteInput(of: id, in: &world)
    checkInvariants(in: &world)
  }

  public mutating func take(timer: Int, in world: inout SharedWorld) {
    // The timer may have been set again or cancelled while it waited in the inbox, or earlier in
    // this turn.
    guard timers[timer].hasFired else { return }
    timers[timer].hasFired = false
    guard !host.hasChangedTimer(timer) else { return }
    host.fire(Core.Timer(index: timer), at: clock.reading(at: world.now))
    noteInput(in: &world)
    checkInvariants(in: &world)
  }

  public mutating func take(disconnectedFrom other: Int, in world: inout SharedWorld) {
    world.network.endTransfer(of: number, with: other)
    host.disconnect(ReplicaID(other), at: clock.reading(at: world.now))
    noteInput(in: &world)
    checkInvariants(in: &world)
  }

  @inline(__always)
  public mutating func checkInvariants(in world: inout SharedWorld) {
    if rarely(world.checksInvariants) { noteBrokenInvariant(in: &world) }
  }

  private mutating func noteBrokenInvariant(in world: inout SharedWorld) {
    guard let broken = host.core.invariantViolation() else { return }
    world.violations.note("replica \(number): \(broken)", at: world.now)
  }

  @inline(__always)
  public mutating func charge(
    received bytes: Int, takesTime: Bool = true, in world: borrowing SharedWorld
  ) {
    usage.messagesReceived += 1
    usage.bytesReceived += bytes
    guard takesTime else { return }
    turn.receivingNs += world.cpu.costNs(ofMessage: bytes) * slowness
  }

  /// How many nanoseconds of this turn's receiving have passed when this request has been received;
  /// infinite if it was received earlier. Mutating only because calling a nonmutating method
  /// through a pointer would copy the whole node.
  @inline(__always)
  public mutating func receiptsNs(of id: RequestID) -> Double {
    guard putsInOrder else { return .infinity }
    let received = receivedRequests[id.client]
    return received.turn == turnNumber && received.sequence == id.sequence
      ? received.receiptsNs : .infinity
  }

  /// Carries out the turn's effects, and handles the node's messages to itself.
  public mutating func finishTurn(in world: inout SharedWorld) {
    repeat {
      if rarely(!ownMessages.isEmpty) { takeOwnMessages(in: &world) }
      beginEffects(in: &world)
      host.holdsUpdates =
        unsyncedWrites.count >= Host.mostUnsyncedWrites && !world.disk.groupCommit
      host.endTurn(at: clock.reading(at: world.now))
      checkInvariants(in: &world)
      turn.executions += host.executedCount
      if rarely(host.snapshots.installedIndex != nil) { noteInstalled() }
      if host.effects.filled.contains(.commits) { noteCommits(in: &world) }
      if rarely(host.snapshots.handledByteCount > 0) { chargeSnapshots(in: world) }
      if rarely(pausesInsideTurn) {
        pausesInsideTurn = false
        standsInsideTurn = true
        return
      }
      lend(in: &world) { $0.carryOutTurn() }
      noteHeld(in: world)
    } while !ownMessages.isEmpty
    if rarely(!waitingReplies.isEmpty) { lend(in: &world) { $0.answerWaiting() } }
    turn.spend(Double(turn.executions) * world.cpu.applyNs * slowness)
    let elapsed = turn.elapsed
    usage.busyNs += Int(elapsed.nanoseconds)
    busyUntil = world.now + elapsed
    turn = TurnTime()
    causes.turn = CauseTrace.none
    turnNumber += 1
    if !inbox.isEmpty { scheduleTurn(in: &world) }
  }

  public mutating func takeOwnMessages(in world: inout SharedWorld) {
    swap(&ownMessages, &ownInputs)
    ownInputs.turnAround()
    let inputCount = ownInputs.count
    for position in 0..<inputCount {
      let released = causes.ofOwnMessages.count > position
      if released { world.causes.current = causes.ofOwnMessages[position] }
      host.receive(ownInputs.removeLast(), from: host.id, at: clock.reading(at: world.now))
      if released { noteInput(in: &world) }
      checkInvariants(in: &world)
    }
    causes.ofOwnMessages.empty()
  }

  public mutating func noteCommits(in world: inout SharedWorld) {
    for position in host.effects.commits.indices {
      let commit = host.effects.commits[position]
      let agrees = world.agrees(commit, of: number)
      // A snapshot that was installed in this turn may contain the commit.
      guard usually(commit.index.rawValue > commits.count) else { continue }
      commits.note(commit.batch, agrees: agrees)
    }
  }
}

/// The processor's costs: `CPUModel` as numbers.
public struct ProcessorCosts: Sendable {
  public let perMessageNs: Double
  public let perByteNs: Double
  public let applyNs: Double

  public init(_ model: CPUModel) {
    perMessageNs = Double(model.perMessage.nanoseconds)
    perByteNs = Double(model.perByte.nanoseconds)
    applyNs = Double(model.apply.nanoseconds)
  }

  /// The cost of handling a message of this size.
  @inline(__always)
  public func costNs(ofMessage bytes: Int) -> Double {
    perMessageNs + Double(bytes) * perByteNs
  }
}
