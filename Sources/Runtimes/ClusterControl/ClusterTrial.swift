import Clients
import ClusterMessages
import Environments
import Faults
import Glibc
import LoadDriving
import Primitives
import Replication
import Sockets
import StateMachines
import Trials
import Workloads

/// A trial on a real cluster: it starts the nodes (or uses running ones), drives the load, injects
/// the faults, and records what it observes. Everything runs on the calling thread, and the nodes
/// end with that thread.
package struct ClusterTrial: ~Copyable {
  let setup: ClusterSetup
  package var driver: LoadDriver<KeyValueLoad, ClusterPort<KeyValueStore>>
  /// Empty if the cluster was running already.
  var processes: NodeProcesses
  var ledger: FaultLedger
  let targeting: FaultTargeting
  var plannedFaults: [PlannedFault]
  var faultRandom: RandomStream
  /// Events of the trial that are still to come, by the trial's time.
  var agenda = EventQueue<TrialEvent>()
  var injected: [InjectedFault] = []
  var leadership = LeadershipLog()
  var meters: [NodeMeter]
  var violations = Violations()
  var notes: [String] = []
  let skews: [Interval]
  /// Nodes that a disk fault may keep from starting again.
  var mayRefuse: [Bool]
  /// The trial's time at which nodes and progress are checked next.
  var nextCheckAt = Instant.zero
  var isAbandoned = false
  /// Acknowledged operations of the load; reads of the read-back do not count.
  var loadAnswered: Int?

  enum TrialEvent: Sendable {
    case faultStarts(Int)
    case faultEnds(Int)
    case windowEnds
    case warmUpEnds
  }

  /// - Parameters:
  ///   - launcher: how nodes are started; `nil` if the cluster runs already.
  ///   - directory: where started nodes keep their logs. It belongs to the caller, and is no longer
  ///     used when the trial has ended.
  package init(
    _ setup: ClusterSetup, load: KeyValueLoad, launcher: NodeLauncher?, directory: String
  ) throws {
    let count = setup.membership.nodeCount
    let clocks = setup.clocks.draw(nodeCount: count, seed: setup.plan.seed)
    let port = try ClusterPort<KeyValueStore>(
      cluster: setup.cluster, protocolName: setup.protocolName, endpoints: setup.endpoints,
      replicaCount: setup.membership.replicas.count,
      connections: setup.plan.workload.connections.count(clients: setup.plan.workload.clients),
      firstClient: setup.firstClient, secret: setup.secret)
    // No statement after this may throw, because a noncopyable value must be initialised
    // completely.
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
        patience: setup.plan.workload.patience, retries: setup.plan.retries(overTCP: true),
        limitsOutstanding: setup.plan.workload.limitsOutstanding,
        firstAsked: setup.plan.firstAsked(of: setup.membership.replicas) { _ in 0 },
        limits: setup.plan.loadLimits, probes: setup.plan.probes),
      port: port)
    processes = NodeProcesses(
      count: launcher == nil ? 0 : count, directory: directory, launcher: launcher)
  }

  /// Runs the trial to its end.
  /// - Parameter progress: called at intervals with the trial's time and the number of operations
  ///   acknowledged so far; returns false to stop.
  /// - Returns: `nil` if `progress` stopped the trial.
  package mutating func run(
    progress: (Interval, Int) -> Bool = { _, _ in true }
  ) throws -> TrialRecord? {
    try processes.startAll()
    guard try awaitService(progress: progress), try loadKeys(progress) else { return nil }
    schedule()
    driver.runtime.traced.every = UInt64(setup.plan.traceEvery ?? 0)
    driver.start(end: .zero + setup.plan.duration)
    leadership = LeadershipLog()
    noteLeadership()
    guard try advance(to: .zero + setup.plan.duration, progress: progress) else { return nil }
    let measuredEnd = driver.measuredEnd(atMost: setup.plan.duration)
    driver.close()
    let measuredLeadership = leadership.samples
    loadAnswered = driver.answered
    let clients = driver.clients.fleet.machines.count
    try freshReports(within: .milliseconds(500))
    let trace = timeTrace(until: measuredEnd)
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
    record.measuredEndNs = measuredEnd.nanoseconds
    record.nodes = usages
    record.faults = injected
    record.leadership = measuredLeadership
    record.safetyViolations = violations.list
    record.hasSettled = hasSettled
    record.hasReadBack = hasReadBack
    record.timeTrace = trace
    record.notes = notes
    record.clients = clients
    record.busyTime = driver.clients.busy.total(until: measuredEnd)
    record.noteDropped(driver.clients.dropped)
    return record
  }

  mutating func schedule() {
    for (index, fault) in plannedFaults.enumerated() {
      agenda.push(.faultStarts(index), at: fault.start)
    }
    agenda.push(.windowEnds, at: Instant.zero + setup.plan.window)
    agenda.push(.warmUpEnds, at: Instant.zero + setup.plan.warmUp)
  }

  /// Waits until all nodes answer and there is a leader.
  mutating func awaitService(progress: (Interval, Int) -> Bool) throws -> Bool {
    let limit = MonotonicClock.now() + setup.patience
    driver.origin = MonotonicClock.now()
    while !driver.port.isConnected || driver.port.reports.contains(where: { $0 == nil })
      || targeting.leader(among: views) == nil
    {
      try driver.port.wait(atMost: .milliseconds(10))
      handleReports()
      try processes.checkStart(over: driver.port, within: setup.patience, until: limit)
      guard progress(.zero, 0) else { return false }
    }
    return true
  }

  /// Lets the clients write the keys that must exist before the trial.
  mutating func loadKeys(_ progress: (Interval, Int) -> Bool) throws -> Bool {
    let count = driver.beginLoading()
    while !driver.hasLoaded {
      try driver.turn(until: driver.now + .milliseconds(50))
      handleReports()
      try checkProcesses()
      guard progress(.zero, 0) else { return false }
      guard driver.now < .zero + setup.patienceForLoading else {
        throw ClusterError("\(count) keys could not be loaded within \(setup.patienceForLoading)")
      }
    }
    let loaded = driver.endLoading()
    guard loaded == count else {
      throw ClusterError("\(count - loaded) of \(count) keys could not be loaded")
    }
    return true
  }

  /// Processes the trial's events up to the time `end`, or until the load is done.
  mutating func advance(
    to end: Instant, progress: (Interval, Int) -> Bool
  ) throws -> Bool {
    while true {
      let next = agenda.isEmpty ? end : min(end, agenda.nextTime)
      try driver.turn(until: min(next, driver.now + .milliseconds(50)))
      handleReports()
      while !agenda.isEmpty, agenda.nextTime <= driver.now, agenda.nextTime <= end {
        let time = agenda.nextTime
        try carryOut(agenda.pop(), at: time)
        noteLeadership()
      }
      driver.port.flush()
      if driver.now >= end || driver.isDone { return true }
      guard try shouldContinue(progress) else { return false }
    }
  }

  /// Checks the nodes and reports progress, at most every 50 ms. Returns whether the trial
  /// continues.
  mutating func shouldContinue(_ progress: (Interval, Int) -> Bool) throws -> Bool {
    guard !isAbandoned, driver.now >= nextCheckAt else { return !isAbandoned }
    nextCheckAt = driver.now + .milliseconds(50)
    try checkProcesses()
    let time = min(driver.now - .zero, setup.plan.duration)
    isAbandoned = !progress(time, loadAnswered ?? driver.answered)
    return !isAbandoned
  }

  mutating func carryOut(_ event: TrialEvent, at time: Instant) throws {
    switch event {
    case .faultStarts(let index): try startFault(index)
    case .faultEnds(let index): try endFault(index)
    case .windowEnds:
      askForReports()
      agenda.push(.windowEnds, at: time + setup.plan.window)
    case .warmUpEnds:
      for node in meters.indices { meters[node].startsWithNextReport = true }
      askForReports()
    }
  }

  /// Records who leads according to the latest reports; nodes report by themselves when that
  /// changes.
  mutating func noteLeadership() {
    leadership.note(views, targeting, at: driver.now)
  }

  /// The latest knowledge of the nodes.
  var views: [NodeView] {
    driver.port.reports.enumerated().map { node, report in
      NodeView(isUp: !driver.port.isDown[node], status: report?.status)
    }
  }

  mutating func askForReports(digest: Bool = false) {
    for node in meters.indices where ledger.pauses(of: node) == 0 {
      driver.port.order(.report(digest: digest), to: node)
    }
  }

  /// Handles the reports that have come since the last call, and sends nodes that have just started
  /// the faults that hold for them.
  mutating func handleReports() {
    var hasNews = false
    for node in meters.indices {
      let connection = driver.port.connections[driver.port.orderConnection(of: node)]
      if connection.state == .welcome, connection.welcomeCount != meters[node].welcomeCount {
        meters[node].welcomeCount = connection.welcomeCount
        // Faults end with the connection over which they were ordered; steps of a clock end with
        // the node's process.
        meters[node].toldFaults = nil
        if connection.incarnation != meters[node].toldIncarnation, skews[node] != .zero {
          driver.port.order(.stepClock(skews[node]), to: node)
        }
        meters[node].toldIncarnation = connection.incarnation
        pushFaults(to: node)
        // A node that was started elsewhere may refuse faults, which should be known before the
        // trial.
        if !processes.isOurs, !plannedFaults.isEmpty {
          driver.port.order(.stepClock(.zero), to: node)
        }
        if let every = setup.plan.traceEvery {
          driver.port.order(.trace(every: UInt32(clamping: every)), to: node)
        }
        driver.port.order(.report(digest: false), to: node)
        driver.port.flush()
      }
      guard driver.port.reportCounts[node] != meters[node].seenReports,
        let report = driver.port.reports[node]
      else { continue }
      meters[node].seenReports = driver.port.reportCounts[node]
      hasNews = true
      meters[node].take(report.counters, incarnation: connection.incarnation)
      if let violation = report.violation {
        violations.note("replica \(node): \(violation)", at: driver.now)
      }
    }
    if hasNews { noteLeadership() }
  }

  /// Checks for nodes that have ended without a fault that was to end them. If a disk fault
  /// explains it, the node stays down. Otherwise the node was killed from outside or is broken, and
  /// the trial ends with an error because it is to measure neither.
  mutating func checkProcesses() throws {
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

/// A node's usage over all its incarnations since measuring began.
struct NodeMeter: Sendable {
  var startsWithNextReport = false
  var seenReports = 0
  /// The connection and the incarnation that have been told the faults, and these faults.
  var welcomeCount = 0
  var toldIncarnation: UInt32 = 0
  var toldFaults: NodeFaults?
  var incarnation: UInt32 = 0
  var latest = NodeUsage(node: 0)
  var ofEarlierIncarnations = NodeUsage(node: 0)
  var atStart = NodeUsage(node: 0)

  init() {}

  mutating func take(_ counters: NodeUsage, incarnation newIncarnation: UInt32) {
    if newIncarnation != incarnation {
      ofEarlierIncarnations = ofEarlierIncarnations + latest
      incarnation = newIncarnation
    }
    latest = counters
    if startsWithNextReport {
      startsWithNextReport = false
      atStart = ofEarlierIncarnations + latest
    }
  }

  /// Usage since measuring began; for the log's records, their present number.
  var measured: NodeUsage {
    var result = ofEarlierIncarnations + latest - atStart
    result.logRecords = latest.logRecords
    return result
  }
}
