import CLinux
import Clients
import ClusterControl
import LoadDriving
import Primitives
import ReplicaHosting
import Replication
import Resp
import Sockets
import StateMachines

/// Lets Redis clients speak to a cluster: it reads their commands, asks the node in charge as a client of
/// the cluster does, and answers. One thread, whole turns, one write per connection and turn.
///
/// Each connection acts through a session of the cluster, so a command that is sent again after a loss of
/// the node in charge takes effect once. Sessions of closed connections are used again, because the
/// replicas remember every one.
public struct RespGateway: ~Copyable {
  public typealias Machine = ClientMachine<KeyValueStore>

  public var port: ClusterPort<KeyValueStore>
  public let listener: Int32
  public let endpoint: Endpoint
  public let facts: GatewayFacts
  public var connections: [RespConnection] = []
  public var freeSlots: [Int] = []
  /// Connections with something to send, or to be looked at.
  public var dirty: [Int] = []
  public var flushing: [Int] = []
  /// Connections that are to be closed soon.
  public var lingering: [Int] = []
  /// What a connection has just sent.
  public var received = InputBuffer()
  /// When connections are taken again, if there was nothing left to take one with.
  public var acceptsAgainAt = Int64.max
  public var machines: [Machine] = []
  /// The slot that each machine acts for; -1 for none.
  public var owners: [Int] = []
  /// Machines that act for nobody and have nothing outstanding.
  public var freeMachines: [Int] = []
  /// When machines want to be woken.
  public var agenda = EventQueue<Int>()
  public var wakeScheduled: [Int64] = []
  /// Sessions of this gateway among all that the cluster has seen.
  public let firstClient: UInt64
  public let replicas: [ReplicaID]
  public let timeout: Interval
  public var now: Int64
  public let startedAt: Int64
  public var accepted: Int64 = 0
  public var commandCount = 0
  /// Of the nodes that the service has started.
  public var processNumbers: [Int: Int32] = [:]

  /// - Parameters:
  ///   - port: to the cluster.
  ///   - endpoint: where Redis clients are listened for; port 0 chooses one.
  public init(
    port: consuming ClusterPort<KeyValueStore>, at endpoint: Endpoint, replicas: [ReplicaID],
    facts: GatewayFacts, timeout: Interval = .seconds(5)
  ) throws {
    let listener = try endpoint.listen()
    port.loop.add(listener, token: ForeignToken.first)
    self.port = port
    self.listener = listener
    self.endpoint = Endpoint(
      host: endpoint.host, port: UInt16(max(linux_local_port(listener), 0)))
    self.replicas = replicas
    self.facts = facts
    self.timeout = timeout
    firstClient = UInt64.random(in: 1 << 32..<1 << 62) & ~0xFFFF_FFFF
    now = MonotonicClock.now()
    startedAt = now
  }

  deinit {
    for connection in connections where connection.isOpen {
      Descriptor.close(connection.descriptor)
    }
    Descriptor.close(listener)
  }

  /// One turn, which waits so many nanoseconds at most.
  public mutating func turn(nanoseconds: Int64) throws {
    var wait = dirty.isEmpty && port.lost.isEmpty ? nanoseconds : 0
    wait = min(wait, max(0, acceptsAgainAt - MonotonicClock.now()))
    if !agenda.isEmpty { wait = min(wait, max(0, agenda.nextTime - MonotonicClock.now())) }
    try port.wait(nanoseconds: wait)
    now = MonotonicClock.now()
    if acceptsAgainAt <= now { acceptAgain() }
    for ready in port.foreign { attend(to: ready) }
    port.foreign.removeAll(keepingCapacity: true)
    deliverAll()
    while !agenda.isEmpty, agenda.nextTime <= now { wake(agenda.pop()) }
    deliverAll()
    port.flush()
    flushAll()
    if !lingering.isEmpty { endLingering() }
  }

  public mutating func deliverAll() {
    for loss in port.lost {
      for machine in machines.indices
      where machines[machine].id.rawValue % UInt64(loss.stride) == UInt64(loss.remainder) {
        let action = machines[machine].lostConnection(to: loss.replica, at: instant)
        carryOut(action, of: machine)
      }
    }
    port.lost.removeAll()
    var position = 0
    while position < port.replies.count {
      let reply = port.replies[position]
      position += 1
      let machine = Int(truncatingIfNeeded: reply.id.client.rawValue &- firstClient)
      guard machines.indices.contains(machine) else { continue }
      carryOut(machines[machine].receive(reply, at: instant), of: machine)
    }
    port.replies.removeAll(keepingCapacity: true)
  }

  public var instant: Instant { Instant(nanoseconds: now) }

  public mutating func wake(_ machine: Int) {
    if wakeScheduled[machine] <= now { wakeScheduled[machine] = .max }
    guard let due = machines[machine].wakeAt else { return }
    if due.nanoseconds <= now {
      carryOut(machines[machine].wake(at: instant), of: machine)
    } else {
      scheduleWake(machine)
    }
  }

  public mutating func scheduleWake(_ machine: Int) {
    guard let due = machines[machine].wakeAt?.nanoseconds, due < wakeScheduled[machine] else {
      return
    }
    wakeScheduled[machine] = due
    agenda.push(machine, at: due)
  }

  public mutating func carryOut(_ action: consuming Machine.Action, of machine: Int) {
    switch action {
    case .nothing: break
    case .send(let replica): machines[machine].send(over: &port, to: replica)
    case .finish(let outcome, _):
      let slot = owners[machine]
      guard slot >= 0 else {
        freeMachines.append(machine)
        return
      }
      switch outcome {
      case .answered(let response):
        connections[slot].complete(response)
      case .failed: connections[slot].fail("ERR the cluster did not take the command")
      case .unknown:
        connections[slot].fail(
          "ERR outcome unknown: no answer from the cluster within \(timeout)")
      }
      goOn(slot)
      return
    }
    scheduleWake(machine)
  }

  /// Asks the cluster what the connection wants to know next, if it can go on. One that does not take
  /// its replies has to wait.
  public mutating func goOn(_ slot: Int) {
    markDirty(slot)
    while true {
      guard connections[slot].output.count < GatewayLimits.output else {
        connections[slot].isHeldBack = true
        return
      }
      guard let request = connections[slot].next() else { return }
      commandCount += 1
      switch request {
      case .info(let sections):
        connections[slot].inform(information(sections))
      case .store(let command):
        let machine = connections[slot].machine
        carryOut(machines[machine].begin(command, due: instant, at: instant), of: machine)
        return
      }
    }
  }
}
