import Clients
import Replication
import ReplicaHosting
import Workloads

extension Trial {
  public mutating func startClients() {
    switch clients.arrival {
    case .closed:
      for client in clients.machines.indices {
        world.schedule(.clientReady(client), at: clients.firstBegin())
      }
    case .open:
      clients.free = Array(clients.machines.indices.reversed())
      scheduleArrival()
    }
  }

  public mutating func scheduleArrival() {
    guard let time = clients.nextArrival(before: setup.duration.nanoseconds) else { return }
    world.schedule(.arrival, at: time)
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
    guard let due = clients.wakeTime(of: client) else { return }
    guard due <= world.now else {
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
    case .send(let replica):
      world.ask(clients.machines[client].request!, of: replica.index, departing: time)
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
    let now = world.now
    let step = clients.nextStep(of: client, at: now) { due in
      load.dropped(due: Interval(nanoseconds: due), at: Interval(nanoseconds: now))
    }
    switch step {
    case .begin(let due): beginNext(client, due: due, at: now + 1)
    case .think(let end): world.schedule(.clientReady(client), at: end)
    case .rest: break
    }
  }

  public mutating func scheduleWake(_ client: Int) {
    guard let due = clients.wakeTime(of: client), due < clients.wakeScheduled[client] else {
      return
    }
    clients.wakeScheduled[client] = due
    world.schedule(.clientWakes(client), at: due)
  }

  /// The trial is over: what is still open stays unknown, what was never sent has failed.
  public mutating func closeClients() {
    for due in clients.neverBegun {
      load.dropped(due: Interval(nanoseconds: due), at: Interval(nanoseconds: world.now))
    }
    load.close(at: Interval(nanoseconds: world.now))
  }
}
