import Primitives
import Replication

// Arrivals, and the operations of single clients. Public for the optimiser only.
extension ClientDriver {
  public mutating func scheduleArrival(
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    switch arrival {
    case .closed: return
    case .open(let rate, let process):
      let mean = 1e9 / rate
      let gap =
        switch process {
        case .constant: mean
        case .poisson: -mean * RealFunctions.log(1 - random.unit())
        }
      lastArrivalNs += gap
    case .varying(let curve, let process):
      let count =
        switch process {
        case .constant: 1.0
        case .poisson: -RealFunctions.log(1 - random.unit())
        }
      guard let time = curve.timeNs(afterNs: lastArrivalNs, count: count) else { return }
      lastArrivalNs = time
    }
    guard lastArrivalNs < Double(end.nanoseconds) else { return }
    runtime.schedule(.operationDue, at: Instant(nanoseconds: Int64(lastArrivalNs)))
  }

  @inline(__always)
  public mutating func begin(
    _ client: Int, due: Instant, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    switch phase {
    case .loading: guard load.writesToLoad > 0 else { return }
    case .readingBack: guard load.readsToDo > 0 else { return }
    case .driving: busy.begin(at: now)
    case .silent: break
    }
    let command = load.begin(
      client: client, sequence: fleet.machines[client].nextSequence, due: due - .zero,
      at: now - .zero)
    fleet.begin(consume command, by: client, due: due, at: now, in: &runtime)
  }

  /// A client that may begin an operation of an open loop now; nil if there is none.
  public mutating func freeClient(at now: Instant) -> Int? {
    let underWay = fleet.machines.count - idle.count
    if limitsOutstanding, underWay >= fewestUnderWay, underWay >= rate.limit(at: now) { return nil }
    if let client = idle.popLast() { return client }
    return fleet.machines.count < mostClients ? fleet.add() : nil
  }

  /// Records the end of a client's operation and lets the client continue with its next one.
  public mutating func continueClient(
    after ending: consuming Fleet.Ending?, at now: Instant,
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    guard let ending else { return }
    let client = ending.client
    if phase == .driving { busy.finish(at: now) }
    let isAnswered = if case .answered = ending.outcome { true } else { false }
    if isAnswered {
      answered += 1
      if phase == .driving { limits.noteAnswer(at: now) }
    }
    load.end(
      client: client, outcome: ending.outcome, attempts: ending.attempts, at: now - .zero)
    if phase == .driving, arrival.isOpen {
      if isAnswered { rate.noteAnswer(at: now) }
      takeDue(client, at: now, in: &runtime)
      return
    }
    if !isAnswered, !fleet.resends {
      // Without a pause, a server that refuses immediately would be asked again and again while
      // virtual time stands still.
      runtime.schedule(.ready(client), at: now + Fleet.Machine.longestPause)
    } else {
      let next = now + .nanoseconds(1)
      let start =
        phase == .driving
        ? limits.nextStart(of: client, from: thinkTime > .zero ? now + thinkTime : next) : next
      if start > next {
        runtime.schedule(.ready(client), at: start)
      } else {
        begin(client, due: next, at: next, in: &runtime)
      }
    }
  }

  /// Gives up an operation that no client could begin in time.
  public mutating func drop(_ due: Instant, at now: Instant) {
    dropped += 1
    load.dropped(due: due - .zero, at: now - .zero)
  }

  /// Lets an idle client of an open loop begin the operation that has waited longest among those
  /// that can still be answered in time.
  public mutating func takeDue(
    _ client: Int, at now: Instant, in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    let usual = fleet.machines[client].roundTrips.estimate.usual
    while nextDue < dueTimes.count {
      let due = dueTimes[nextDue]
      nextDue += 1
      if due + fleet.timeout > now + usual {
        begin(client, due: due, at: now + .nanoseconds(1), in: &runtime)
        return
      }
      drop(due, at: now)
    }
    dueTimes.removeAll(keepingCapacity: true)
    nextDue = 0
    idle.append(client)
  }
}
