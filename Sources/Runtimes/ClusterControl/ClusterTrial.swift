import Clients
import ClusterMessages
import Environments
import Faults
import Glibc
import LoadDriving
import Primitives
import Replication
import Sockets
import Trials
import Workloads

/// One trial on a real cluster: it starts the nodes (or finds them running), drives the load,
/// injects the faults, and records what it sees. All on the thread that calls it, and the nodes end
/// with that thread.
public struct ClusterTrial<Load: ClientLoad>: ~Copyable {
  public typealias Application = Load.Application

  public let setup: ClusterSetup
  public var driver: LoadDriver<Load, ClusterPort<Application>>
  /// Empty if the cluster was running already.
  public var processes: NodeProcesses
  public var ledger: FaultLedger
  public let targeting: FaultTargeting
  public var plannedFaults: [PlannedFault]
  public var faultRandom: RandomStream
  /// What is to happen to the cluster, by the trial's time.
  public var agenda = EventQueue<Deed>()
  public var injected: [InjectedFault] = []
  public var leadership = LeadershipLog()
  public var meters: [NodeMeter]
  public var violations = Violations()
  public var notes: [String] = []
  public let skews: [Interval]
  /// Nodes that a fault of their disk may keep from starting again.
  public var mayRefuse: [Bool]
  /// The trial's time at which nodes and progress are looked after next.
  public var attendAt: Int64 = 0
  public var isAbandoned = false
  /// Operations of the load that were acknowledged; those that read back do not count.
  public var loadAnswered: Int?

  public enum Deed: Sendable {
    case faultStarts(Int)
    case faultEnds(Int)
    case windowEnds
    case warmUpEnds
  }

  /// - Parameters:
  ///   - launcher: how nodes are started; `nil` if the cluster runs already.
  ///   - directory: where started nodes keep their logs. It is the caller's, and no longer used
  ///     when the trial has ended.
  @inlinable
  public init(
    _ setup: ClusterSetup, load: Load, launcher: NodeLauncher?, directory: String
  ) throws {
    let count = setup.membership.nodeCount
    let clocks = setup.clocks.draw(nodeCount: count, seed: setup.plan.seed)
    let port = try ClusterPort<Application>(
      cluster: setup.cluster, protocolName: setup.protocolName, endpoints: setup.endpoints,
      replicaCount: setup.membership.replicas.count,
      connections: setup.plan.workload.connections.count(clients: setup.plan.workload.clients),
      firstClient: setup.firstClient, secret: setup.secret)
    // Nothing throws from here on: a value that is not copyable is made whole or not at all.
    self.setup = setup
    targeting = FaultTargeting(membership: setup.membership)
    skews = clocks.map(\.skew)
    ledger = FaultLedger(drifts: clocks.map(\.drift))
    mayRefuse = Array(repeating: false, count: count)
    meters = Array(repeating: NodeMeter(), count: count)
    faultRandom = RandomStream(seed: setup.plan.seed, purpose: .faults)
    plannedFaults = PlannedFault.plan(
      setup.plan.faults, duration: setup.plan.duration, random: &faultRandom)
    driver = LoadDriver(
      clients: ClientDriver(
        load: load, count: setup.plan.workload.clients, replicas: setup.membership.replicas,
        arrival: setup.plan.workload.arrival, timeout: setup.plan.workload.timeout,
        thinkTime: setup.plan.workload.thinkTime,
        random: RandomStream(seed: setup.plan.seed, purpose: .arrivals), firstID: setup.firstClient,
        patience: setup.plan.workload.patience, probes: setup.plan.probes),
      port: port)
    processes = NodeProcesses(
      count: launcher == nil ? 0 : count, directory: directory, launcher: launcher)
  }

  /// Runs the trial to its end.
  /// - Parameter progress: called now and then with the trial's time and the operations
  ///   acknowledged so far; returns false to stop.
  /// - Returns: `nil` if `progress` stopped the trial.
  @inlinable
  public mutating func run(
    progress: (Interval, Int) -> Bool = { _, _ in true }
  ) throws -> TrialRecord? {
    try processes.startAll()
    guard try awaitService(progress: progress), try loadKeys(progress) else { return nil }
    schedule()
    driver.start(end: setup.plan.duration.nanoseconds)
    leadership = LeadershipLog()
    noteLeadership()
    guard try advance(to: setup.plan.duration.nanoseconds, progress: progress) else { return nil }
    driver.close()
    let measuredLeadership = leadership.samples
    loadAnswered = driver.answered
    let clients = driver.clients.fleet.machines.count
    try freshReports(within: .milliseconds(500))
    let usages = meters.enumerated().map { number, meter in
      var usage = meter.measured
      usage.node = number
      let isAuthority = setup.membership.authority.contains(ReplicaID(number))
      usage.role = isAuthority ? .authority : .replica
      return usage
    }
    let hasSettled = try settle(progress)
    let hasReadBack = hasSettled ? try readBack(progress) : false
    guard !isAbandoned else { return nil }
    if hasSettled { try compareStates() }
    if !hasReadBack { notes.append(whyNotReadBack(hasSettled)) }
    processes.endAll()
    var record = TrialRecord(of: setup.plan)
    record.nodes = usages
    record.faults = injected
    record.leadership = measuredLeadership
    record.safetyViolations = violations.list
    record.hasSettled = hasSettled
    record.hasReadBack = hasReadBack
    record.notes = notes
    record.clients = clients
    record.noteDropped(driver.clients.dropped)
    return record
  }

  @inlinable
  public mutating func schedule() {
    for (index, fault) in plannedFaults.enumerated() {
      agenda.push(.faultStarts(index), at: fault.start)
    }
    agenda.push(.windowEnds, at: setup.plan.window.nanoseconds)
    agenda.push(.warmUpEnds, at: setup.plan.warmUp.nanoseconds)
  }

  /// Waits until all nodes are there and somebody is in charge.
  @inlinable
  public mutating func awaitService(progress: (Interval, Int) -> Bool) throws -> Bool {
    let limit = MonotonicClock.now() + setup.patience.nanoseconds
    driver.origin = MonotonicClock.now()
    while !driver.port.isConnected || driver.port.reports.contains(where: { $0 == nil })
      || targeting.leader(among: views) == nil
    {
      try driver.port.wait(nanoseconds: 10_000_000)
      attendReports()
      try processes.checkStart(over: driver.port, within: setup.patience, until: limit)
      guard progress(.zero, 0) else { return false }
    }
    return true
  }

  /// Lets clients write what is to be there before the trial.
  @inlinable
  public mutating func loadKeys(_ progress: (Interval, Int) -> Bool) throws -> Bool {
    let count = driver.beginLoading()
    while !driver.hasLoaded {
      try driver.turn(until: driver.now + 50_000_000)
      attendReports()
      try attendProcesses()
      guard progress(.zero, 0) else { return false }
      guard driver.now < setup.patienceForLoading.nanoseconds else {
        throw ClusterError("\(count) keys could not be loaded within \(setup.patienceForLoading)")
      }
    }
    let loaded = driver.endLoading()
    guard loaded == count else {
      throw ClusterError("\(count - loaded) of \(count) keys could not be loaded")
    }
    return true
  }

  /// Lets everything happen up to the trial's time `end`.
  @inlinable
  public mutating func advance(
    to end: Int64, progress: (Interval, Int) -> Bool
  ) throws -> Bool {
    while true {
      let next = agenda.isEmpty ? end : min(end, agenda.nextTime)
      try driver.turn(until: min(next, driver.now + 50_000_000))
      attendReports()
      while !agenda.isEmpty, agenda.nextTime <= driver.now, agenda.nextTime <= end {
        let time = agenda.nextTime
        try carryOut(agenda.pop(), at: time)
        noteLeadership()
      }
      driver.port.flush()
      if driver.now >= end { return true }
      guard try goesOn(progress) else { return false }
    }
  }

  /// Now and then: whether the nodes are still there, and whether anybody still wants the trial.
  @inlinable
  public mutating func goesOn(_ progress: (Interval, Int) -> Bool) throws -> Bool {
    guard !isAbandoned, driver.now >= attendAt else { return !isAbandoned }
    attendAt = driver.now + 50_000_000
    try attendProcesses()
    let time = min(driver.now, setup.plan.duration.nanoseconds)
    isAbandoned = !progress(Interval(nanoseconds: time), loadAnswered ?? driver.answered)
    return !isAbandoned
  }

  @inlinable
  public mutating func carryOut(_ deed: Deed, at time: Int64) throws {
    switch deed {
    case .faultStarts(let index): try startFault(index)
    case .faultEnds(let index): try endFault(index)
    case .windowEnds:
      askForReports()
      agenda.push(.windowEnds, at: time + setup.plan.window.nanoseconds)
    case .warmUpEnds:
      for node in meters.indices { meters[node].startsWithNextReport = true }
      askForReports()
    }
  }

  /// Notes who is in charge, as far as the nodes have told: they report on their own when it
  /// changes.
  @inlinable
  public mutating func noteLeadership() {
    leadership.note(views, targeting, at: driver.now)
  }

  /// What is known of the nodes at present.
  public var views: [NodeView] {
    driver.port.reports.enumerated().map { node, report in
      NodeView(isUp: !driver.port.isDown[node], status: report?.status)
    }
  }

  @inlinable
  public mutating func askForReports(digest: Bool = false) {
    for node in meters.indices where ledger.pauses(of: node) == 0 {
      driver.port.order(.report(digest: digest), to: node)
    }
  }

  /// Takes note of what nodes have reported since the last time, and tells those that have just
  /// come up what holds for them.
  @inlinable
  public mutating func attendReports() {
    var hasNews = false
    for node in meters.indices {
      let connection = driver.port.connections[driver.port.orderConnection(of: node)]
      if connection.state == .welcome, connection.welcomeCount != meters[node].welcomeCount {
        meters[node].welcomeCount = connection.welcomeCount
        // Faults end with the connection over which they were ordered, steps of a clock with the
        // node.
        meters[node].toldFaults = nil
        if connection.life != meters[node].toldLife, skews[node] != .zero {
          driver.port.order(.stepClock(skews[node]), to: node)
        }
        meters[node].toldLife = connection.life
        tellFaults(to: node)
        // Whether a node that others have started takes faults at all should be known before the
        // trial.
        if !processes.isOurs, !plannedFaults.isEmpty {
          driver.port.order(.stepClock(.zero), to: node)
        }
        driver.port.order(.report(digest: false), to: node)
        driver.port.flush()
      }
      guard driver.port.reportCounts[node] != meters[node].seenReports,
        let report = driver.port.reports[node]
      else { continue }
      meters[node].seenReports = driver.port.reportCounts[node]
      hasNews = true
      meters[node].take(report.counters, life: connection.life)
      if let violation = report.violation { violations.note("replica \(node): \(violation)") }
    }
    if hasNews { noteLeadership() }
  }

  /// A node that has ended although no fault was to end it is dead for good if a fault of its disk
  /// explains that. Otherwise somebody has killed it or it is broken, and the trial measures
  /// neither: it ends with an error.
  @inlinable
  public mutating func attendProcesses() throws {
    if let refusal = driver.port.refusal { throw ClusterError(refusal) }
    for node in meters.indices where processes.hasEnded(node) {
      driver.port.setDown(node, true)
      guard ledger.downs(of: node) == 0 else { continue }
      let ending = processes.ending(of: node)
      guard mayRefuse[node] else {
        throw ClusterError("node \(node) has ended, which no fault explains: \(ending)")
      }
      notes.append("node \(node) did not start again: \(ending)")
    }
  }
}

/// What a node has done, over all its lives, since measuring began.
public struct NodeMeter: Sendable {
  public var startsWithNextReport = false
  public var seenReports = 0
  /// The connection and the life that have been told what holds, and which faults these are.
  public var welcomeCount = 0
  public var toldLife: UInt32 = 0
  public var toldFaults: NodeFaults?
  public var life: UInt32 = 0
  public var latest = NodeUsage(node: 0)
  public var ofEarlierLives = NodeUsage(node: 0)
  public var atStart = NodeUsage(node: 0)

  @inlinable
  public init() {}

  @inlinable
  public mutating func take(_ counters: NodeUsage, life newLife: UInt32) {
    if newLife != life {
      ofEarlierLives = ofEarlierLives + latest
      life = newLife
    }
    latest = counters
    if startsWithNextReport {
      startsWithNextReport = false
      atStart = ofEarlierLives + latest
    }
  }

  /// Since measuring began; the size of the log as it is.
  public var measured: NodeUsage {
    var result = ofEarlierLives + latest - atStart
    result.logRecords = latest.logRecords
    return result
  }
}
