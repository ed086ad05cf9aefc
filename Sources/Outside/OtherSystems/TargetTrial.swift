import CLinux
import Clients
import LoadDriving
import Primitives
import Replication
import Sockets
import StateMachines
import Trials
import Workloads

/// The settings of a trial on another system, apart from the load.
package struct TargetSetup: Sendable {
  /// The name of the row in the results, for messages.
  package var name: String
  package var endpoint: Endpoint
  package var plan = TrialPlan()
  /// Connections that the clients share.
  package var connections = 4
  /// How long to wait for the connections before the trial, and for the reads after it.
  var patience = Interval.seconds(10)
  /// How long clients may load keys before the trial.
  var patienceForLoading = Interval.seconds(600)

  package init(name: String, endpoint: Endpoint) {
    self.name = name
    self.endpoint = endpoint
  }
}

/// A trial on a system that was started elsewhere: it drives the load, on the calling thread. The
/// keys it has written stay in the store, under names that only this trial uses.
struct TargetTrial<Dialect: TargetDialect>: ~Copyable {
  let setup: TargetSetup
  var driver: LoadDriver<KeyValueLoad, TargetPort<Dialect>>

  init(_ setup: TargetSetup, load: KeyValueLoad, dialect: Dialect) throws {
    _ = linux_raise_descriptor_limit()
    let port = try TargetPort(setup.endpoint, dialect, connections: setup.connections)
    // No statement after this may throw, because a noncopyable value must be initialised
    // completely.
    self.setup = setup
    driver = LoadDriver(
      clients: ClientDriver(
        load: load, count: setup.plan.workload.clients, replicas: [TargetPort<Dialect>.server],
        arrival: setup.plan.workload.arrival, timeout: setup.plan.workload.timeout,
        thinkTime: setup.plan.workload.thinkTime,
        random: RandomStream(seed: setup.plan.seed, purpose: .arrivals), resends: false,
        limits: setup.plan.loadLimits),
      port: port)
  }

  /// Runs the trial to its end.
  /// - Parameter progress: called at intervals with the trial's time and the number of operations
  ///   acknowledged so far; returns false to stop.
  /// - Returns: `nil` if `progress` stopped the trial.
  mutating func run(
    progress: (Interval, Int) -> Bool = { _, _ in true }
  ) throws -> TrialRecord? {
    guard try connect(progress: progress), try loadKeys(progress: progress) else { return nil }
    driver.start(end: .zero + setup.plan.duration)
    guard try advance(to: .zero + setup.plan.duration, progress: progress) else { return nil }
    let measuredEnd = driver.measuredEnd(atMost: setup.plan.duration)
    driver.close()
    let clients = driver.clients.fleet.machines.count
    let hasReadBack = try readBack()
    var record = TrialRecord(of: setup.plan)
    record.measuredEndNs = measuredEnd.nanoseconds
    record.hasReadBack = hasReadBack
    record.notes = notes(hasReadBack: hasReadBack)
    record.clients = clients
    record.busyTime = driver.clients.busy.total(until: measuredEnd)
    record.noteDropped(driver.clients.dropped)
    return record
  }

  /// Waits until all connections are open.
  private mutating func connect(progress: (Interval, Int) -> Bool) throws -> Bool {
    let limit = MonotonicClock.now() + setup.patience
    while !driver.port.isConnected {
      try driver.port.wait(atMost: .milliseconds(10))
      guard progress(.zero, 0) else { return false }
      if MonotonicClock.now() >= limit {
        throw TargetError(driver.port.explanation(after: setup.patience))
      }
    }
    return true
  }

  /// Lets the clients write the keys that must exist before the trial.
  private mutating func loadKeys(progress: (Interval, Int) -> Bool) throws -> Bool {
    let count = driver.beginLoading()
    while !driver.hasLoaded, driver.now < .zero + setup.patienceForLoading {
      try driver.turn(until: driver.now + .milliseconds(50))
      guard progress(.zero, 0) else { return false }
    }
    let missing = count - driver.endLoading()
    guard missing == 0 else {
      throw TargetError(
        "target \(setup.name): \(missing) of \(count) keys could not be loaded within "
          + "\(setup.patienceForLoading)")
    }
    return true
  }

  private mutating func advance(
    to end: Instant, progress: (Interval, Int) -> Bool
  ) throws -> Bool {
    var nextProgress = Instant.zero
    while driver.now < end, !driver.isDone {
      try driver.turn(until: min(end, driver.now + .milliseconds(50)))
      guard driver.now >= nextProgress else { continue }
      guard progress(driver.now - .zero, driver.answered) else { return false }
      nextProgress = driver.now + .milliseconds(50)
    }
    return true
  }

  private mutating func readBack() throws -> Bool {
    let count = driver.beginReadBack(timeout: setup.plan.workload.timeout)
    let limit = driver.now + setup.patience
    while !driver.hasReadBack, driver.now < limit {
      try driver.turn(until: driver.now + .milliseconds(50))
    }
    driver.close()
    return driver.answered == count
  }

  private func notes(hasReadBack: Bool) -> [String] {
    var notes: [String] = []
    if driver.port.refusalCount > 0 {
      notes.append(
        "\(setup.name) answered \(driver.port.refusalCount) requests by errors, the first one "
          + "\(driver.port.firstRefusal)")
    }
    if driver.port.faultCount > 0 {
      notes.append(
        "\(setup.name) sent what is no answer \(driver.port.faultCount) times, the first one "
          + driver.port.firstFault)
    }
    if !hasReadBack {
      notes.append(
        "\(setup.name) did not answer every read after the trial: lost writes are not counted")
    }
    return notes
  }
}
