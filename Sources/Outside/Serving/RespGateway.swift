import CLinux
import Clients
import ClusterControl
import LoadDriving
import Primitives
import Replication
import Resp
import Sockets
import StateMachines

/// Connects Redis clients to a cluster: it reads their commands, sends them to the leader as a
/// client of the cluster, and answers. It runs on one thread in turns, with one write per
/// connection and turn.
///
/// Each connection acts through a session of the cluster, so a command that is sent again after the
/// loss of a leader takes effect once. Sessions of closed connections are reused, because the
/// replicas remember every session.
package struct RespGateway: ~Copyable {
  package typealias Fleet = ClientFleet<KeyValueStore>

  package var runtime: PortRuntime<ClusterPort<KeyValueStore>>
  package let listener: Int32
  package let endpoint: Endpoint
  package let facts: GatewayFacts
  package var connections: [RespConnection] = []
  package var freeSlots: [Int] = []
  /// Connections that have bytes to send or must be checked.
  package var dirty: [Int] = []
  package var flushing: [Int] = []
  /// Connections that are closing.
  package var lingering: [Int] = []
  /// The bytes that were just received.
  package var received = InputBuffer()
  /// When connections are accepted again, after a lack of descriptors.
  package var acceptsAgainAt = Instant.never
  /// Clients of the cluster, which act for connections.
  package var fleet: Fleet
  /// The slot that each machine acts for; -1 for none.
  package var owners: [Int] = []
  /// Machines that act for no connection and have nothing outstanding.
  package var freeMachines: [Int] = []
  package var now: Instant
  package let startedAt: Instant
  package var accepted: Int64 = 0
  /// Commands of clients, and requests to the cluster that were made from them.
  package var commandCount = 0
  package var requestCount = 0
  package var receivedByteCount = 0
  package var sentByteCount = 0
  package var rejectedCount = 0
  /// Commands of the last second or so, for `INFO`.
  package var rate = RequestRate()
  /// Bytes of all clients that wait.
  package var waitingByteCount = 0
  /// Connections that are not read, or not served, in order to limit memory.
  package var paused: [Int] = []
  package var pausesEndAt = Instant.never
  /// When idle connections are looked for again.
  package var idleCheckAt = Instant.zero
  package let limits: RespLimits
  package let memory: Int
  package let patience: Interval
  /// Process ids of the nodes that the service has started.
  package var processNumbers: [Int: Int32] = [:]

  /// How long a command waits for the cluster's answer.
  package static let timeout = Interval.seconds(5)

  /// - Parameters:
  ///   - port: the port to the cluster.
  ///   - endpoint: the address at which to listen for Redis clients; port 0 chooses one.
  ///   - memory: bytes of all clients that may wait before clients with many bytes are not read.
  ///   - patience: how long such a client may take no replies before its connection ends.
  package init(
    port: consuming ClusterPort<KeyValueStore>, at endpoint: Endpoint, replicas: [ReplicaID],
    facts: GatewayFacts, timeout: Interval = RespGateway.timeout, limits: RespLimits = RespLimits(),
    memory: Int = GatewayLimits.memory,
    patience: Interval = GatewayLimits.patience
  ) throws {
    self.limits = limits
    self.memory = memory
    self.patience = patience
    let listener = try endpoint.listen()
    port.loop.add(listener, token: ExternalToken.first)
    runtime = PortRuntime(port)
    self.listener = listener
    self.endpoint = Endpoint(
      host: endpoint.host, port: UInt16(max(linux_local_port(listener), 0)))
    self.facts = facts
    fleet = Fleet(
      replicas: replicas, timeout: timeout, firstID: runtime.port.firstClient)
    now = MonotonicClock.now()
    startedAt = now
  }

  deinit {
    for connection in connections where connection.isOpen {
      Descriptor.close(connection.descriptor)
    }
    Descriptor.close(listener)
  }

  package var port: ClusterPort<KeyValueStore> {
    _read { yield runtime.port }
    _modify { yield &runtime.port }
  }

  /// Runs one turn, which waits at most for the given time.
  package mutating func turn(atMost limit: Interval) throws {
    var wakesAt = min(acceptsAgainAt, pausesEndAt)
    if !runtime.agenda.isEmpty { wakesAt = min(wakesAt, runtime.agenda.nextTime) }
    let untilWake = max(.zero, wakesAt - MonotonicClock.now())
    try port.wait(atMost: dirty.isEmpty && port.lost.isEmpty ? min(limit, untilWake) : .zero)
    now = MonotonicClock.now()
    if acceptsAgainAt <= now { acceptAgain() }
    for ready in port.foreign { handleReady(ready) }
    port.foreign.removeAll(keepingCapacity: true)
    deliverAll()
    while !runtime.agenda.isEmpty, runtime.agenda.nextTime <= now {
      // Operations begin when connections ask for them, so only wake-ups are scheduled.
      guard case .wakes(let machine) = runtime.agenda.pop() else { continue }
      proceed(after: fleet.wake(machine, at: now, in: &runtime))
    }
    deliverAll()
    port.flush()
    flushAll()
    if !lingering.isEmpty { endLingering() }
    rate.note(commandCount, at: now)
    if !paused.isEmpty { endPauses() }
    if facts.idleLimit > .zero, now >= idleCheckAt { closeIdle() }
  }

  package mutating func deliverAll() {
    for connection in port.lost {
      for machine in fleet.clients(using: connection) {
        proceed(
          after: fleet.lose(
            connectionTo: connection.replica, of: machine, at: now, in: &runtime))
      }
    }
    port.lost.removeAll()
    var position = 0
    while position < port.replies.count {
      proceed(
        after: fleet.receive(
          port.replies[position], from: port.sender(of: position), at: now, in: &runtime))
      position += 1
    }
    port.removeReplies()
  }

  /// Answers the connection whose operation has ended, if one has.
  package mutating func proceed(after ending: Fleet.Ending?) {
    guard let ending else { return }
    let slot = owners[ending.client]
    guard slot >= 0 else {
      freeMachines.append(ending.client)
      return
    }
    switch ending.outcome {
    case .answered(let response): connections[slot].complete(response)
    case .failed: connections[slot].fail("ERR the cluster did not take the command")
    case .unknown:
      connections[slot].fail(
        "ERR outcome unknown: no answer from the cluster within \(fleet.timeout)")
    }
    proceed(slot)
  }

  /// Sends the connection's next request to the cluster, if it has one. A connection that does not
  /// read its replies has to wait.
  package mutating func proceed(_ slot: Int) {
    markDirty(slot)
    connections[slot].session.interpreter.isOutOfMemory = isOutOfMemory
    while true {
      guard connections[slot].output.count < GatewayLimits.output, waitingByteCount <= memory
      else {
        connections[slot].isHeldBack = true
        return
      }
      guard let request = connections[slot].next() else { return }
      requestCount += 1
      switch request {
      case .question(let question):
        connections[slot].inform(answer(to: question, from: slot))
      case .store(let command):
        fleet.begin(
          command, by: connections[slot].machine, due: now, at: now, in: &runtime)
        return
      }
    }
  }
}
