import Clients
import Replication
import ReplicaHosting
import Workloads

/// The clients of a trial: their machines, and who is free. Clients compute in no time.
public struct ClientFloor<Application: StateMachine>: Sendable {
  public var machines: [ClientMachine<Application>]
  /// True time of each client's earliest scheduled wake-up; `Int64.max` is none.
  public var wakeScheduled: [Int64]
  /// Idle clients of an open loop, and where the next one is taken.
  public var free: [Int] = []
  /// When operations came due that still wait for a free client; the first is at `nextDue`.
  public var dueTimes: [Int64] = []
  public var nextDue = 0
  /// When the last operation of an open loop came due, in fractions of a nanosecond.
  public var lastArrival = 0.0
  /// For arrivals alone, so that they are the same whatever the cluster does.
  public var random: RandomStream

  // Kept here beside what they govern: reading them through the trial's setup would copy all of it.
  public let arrival: Arrival
  public let timeout: Int64
  public let thinkTime: Int64

  public init(
    count: Int, replicas: [ReplicaID], arrival: Arrival, timeout: Interval, thinkTime: Interval,
    random: RandomStream
  ) {
    self.arrival = arrival
    self.timeout = timeout.nanoseconds
    self.thinkTime = thinkTime.nanoseconds
    self.random = random
    machines = (0..<count).map {
      ClientMachine(id: ClientID(UInt64($0)), replicas: replicas, timeout: timeout)
    }
    wakeScheduled = Array(repeating: .max, count: count)
  }
}

extension Trial {
  public mutating func startClients() {
    switch clients.arrival {
    case .closed:
      // Spread over a millisecond, so that clients do not march in step.
      for client in clients.machines.indices {
        world.schedule(.clientReady(client), at: Int64(clients.random.below(1_000_000)))
      }
    case .open:
      clients.free = Array(clients.machines.indices.reversed())
      scheduleArrival()
    }
  }

  public mutating func scheduleArrival() {
    guard case .open(let rate, let process) = clients.arrival else { return }
    let mean = 1e9 / rate
    let gap =
      switch process {
      case .constant: mean
      case .poisson: -mean * RealFunctions.log(1 - clients.random.unit())
      }
    clients.lastArrival += gap
    guard clients.lastArrival < Double(setup.duration.nanoseconds) else { return }
    world.schedule(.arrival, at: Int64(clients.lastArrival))
  }

  public mutating func operationComesDue() {
    if let client = clients.free.popLast() {
      beginNext(client, due: world.now, at: world.now)
    } else {
      clients.dueTimes.append(world.now)
    }
    scheduleArrival()
  }

  /// Starts a client's next operation `at` now, or the nanosecond after: a client that goes on at once
  /// does so measurably later than its last answer, so that its operations never seem concurrent.
  public mutating func beginNext(_ client: Int, due: Int64, at time: Int64) {
    guard !isSettling else { return }
    let command = load.begin(
      client: client, sequence: clients.machines[client].nextSequence,
      due: Interval(nanoseconds: due), at: Interval(nanoseconds: time))
    let action = clients.machines[client].begin(
      command, due: Instant(nanoseconds: due), at: Instant(nanoseconds: time))
    carryOut(action, of: client, at: time)
  }

  public mutating func deliver(_ reply: ClientReply<Application.Response>, to client: Int) {
    guard !isSettling else { return }
    let action = clients.machines[client].receive(reply, at: Instant(nanoseconds: world.now))
    carryOut(action, of: client, at: world.now)
  }

  public mutating func wake(_ client: Int) {
    guard !isSettling else { return }
    if clients.wakeScheduled[client] <= world.now { clients.wakeScheduled[client] = .max }
    guard let due = clients.machines[client].wakeAt else { return }
    guard due.nanoseconds <= world.now else {
      scheduleWake(client)
      return
    }
    let action = clients.machines[client].wake(at: Instant(nanoseconds: world.now))
    carryOut(action, of: client, at: world.now)
  }

  public mutating func carryOut(
    _ action: consuming ClientMachine<Application>.Action, of client: Int, at time: Int64
  ) {
    switch action {
    case .nothing: break
    case .send(let request, let replica): world.ask(request, of: replica.index, departing: time)
    case .finish(let outcome, let attempts):
      load.end(
        client: client, outcome: outcome, attempts: attempts, at: Interval(nanoseconds: world.now))
      goOn(client)
      return
    }
    scheduleWake(client)
  }

  /// An idle client turns to its next operation.
  public mutating func goOn(_ client: Int) {
    guard case .open = clients.arrival else {
      if clients.thinkTime > 0 {
        world.schedule(.clientReady(client), at: world.now + clients.thinkTime)
      } else {
        beginNext(client, due: world.now + 1, at: world.now + 1)
      }
      return
    }
    while clients.nextDue < clients.dueTimes.count {
      let due = clients.dueTimes[clients.nextDue]
      clients.nextDue += 1
      if due + clients.timeout > world.now {
        beginNext(client, due: due, at: world.now + 1)
        return
      }
      load.dropped(due: Interval(nanoseconds: due), at: Interval(nanoseconds: world.now))
    }
    clients.dueTimes.removeAll(keepingCapacity: true)
    clients.nextDue = 0
    clients.free.append(client)
  }

  public mutating func scheduleWake(_ client: Int) {
    guard let due = clients.machines[client].wakeAt?.nanoseconds,
      due < clients.wakeScheduled[client]
    else { return }
    clients.wakeScheduled[client] = due
    world.schedule(.clientWakes(client), at: due)
  }

  /// The trial is over: what is still open stays unknown, what was never sent has failed.
  public mutating func closeClients() {
    for due in clients.dueTimes[clients.nextDue...] {
      load.dropped(due: Interval(nanoseconds: due), at: Interval(nanoseconds: world.now))
    }
    load.close(at: Interval(nanoseconds: world.now))
  }
}
