import ClusterControl
import ClusterMessages
import Faults
import LoadDriving
import Replication
import Sockets
import StateMachines

/// A replicated key-value server: nodes that are started, supervised and restarted, and a gateway
/// in front of them.
package struct Service: ~Copyable {
  package var gateway: RespGateway
  /// Empty if the nodes were not started by this service.
  package var processes: NodeProcesses
  package let membership: Membership
  /// For each node, the time at which to start it again; `nil` while it runs.
  private var restarts: [Instant?]
  private var pauses: [Interval]
  private var startTimes: [Instant]
  private var leader: Int?
  private var reportAt = Instant.zero
  /// How many replicas and nodes of the authority may be missing at the start.
  package var tolerated = (replicas: 0, authority: 0)

  package init(
    gateway: consuming RespGateway, processes: consuming NodeProcesses, membership: Membership
  ) {
    self.gateway = gateway
    self.processes = processes
    self.membership = membership
    restarts = Array(repeating: nil, count: membership.nodeCount)
    pauses = Array(repeating: Service.shortestPause, count: membership.nodeCount)
    startTimes = Array(repeating: .zero, count: membership.nodeCount)
  }

  /// A node that ends by itself is started again after a pause, which doubles as long as it keeps
  /// ending.
  private static let shortestPause = Interval.milliseconds(500)
  private static let longestPause = Interval.seconds(10)

  /// Starts the nodes and waits until there is a leader; the limit is extended while nodes report
  /// that they recover. Nodes that were started elsewhere need not all be up. Neither need nodes
  /// that the cluster can do without: they are started again later.
  /// - Returns: false if `isStopped` returned true before.
  package mutating func start(
    within patience: Interval, until isStopped: () -> Bool, tell: (String) -> Void
  ) throws -> Bool {
    try processes.startAll()
    for node in restarts.indices { noteProcess(of: node) }
    var limit = StartLimit(patience, from: MonotonicClock.now())
    var lookAt = Instant.zero
    while currentLeader == nil || processes.isOurs && !gateway.port.isConnected {
      guard !isStopped() else { return false }
      try gateway.turn(atMost: .milliseconds(10))
      askForReports()
      try noteFailedStarts(tell)
      if gateway.now >= lookAt {
        lookAt = gateway.now + .milliseconds(500)
        limit.note(processes.recoveries, at: gateway.now)
      }
      try processes.checkPatience(over: gateway.port, within: patience, until: limit.time)
    }
    leader = currentLeader
    startTimes = Array(repeating: gateway.now, count: restarts.count)
    return true
  }

  /// Leaves out nodes that did not start, unless there are too many of them.
  private mutating func noteFailedStarts(_ tell: (String) -> Void) throws(ClusterError) {
    for node in restarts.indices where restarts[node] == nil && processes.hasEnded(node) {
      let sentence = "node \(node) did not start: \(processes.ending(of: node))"
      let isReplica = node < membership.replicas.count
      if isReplica { tolerated.replicas -= 1 } else { tolerated.authority -= 1 }
      guard tolerated.replicas >= 0, tolerated.authority >= 0 else {
        throw ClusterError(sentence, unstarted: node)
      }
      gateway.port.setDown(node, true)
      tell("\(sentence); the others serve without it, and '--replace \(node)' gives it a new log")
      pauses[node] = Service.longestPause
      scheduleRestart(node)
    }
  }

  /// Serves until `isStopped` returns true, which is called at least ten times a second.
  /// - Parameter tell: gets messages for the user, one line each.
  package mutating func run(until isStopped: () -> Bool, tell: (String) -> Void) throws {
    var superviseAt = Instant.zero
    while !isStopped() {
      try gateway.turn(atMost: .milliseconds(50))
      guard gateway.now >= superviseAt else { continue }
      superviseAt = gateway.now + .milliseconds(50)
      supervise(tell)
      askForReports()
      if let found = currentLeader, found != leader {
        leader = found
        tell("node \(found) is in charge")
      }
    }
  }

  /// Ends all nodes that this service has started.
  package mutating func end() { processes.endAll() }

  /// The leader according to the latest reports; `nil` if there is none.
  package var currentLeader: Int? {
    var views: [NodeView] = []
    for node in gateway.port.reports.indices {
      views.append(
        NodeView(isUp: gateway.isUp(node), status: gateway.port.reports[node]?.status))
    }
    return FaultTargeting(membership: membership).leader(among: views)
  }

  private mutating func supervise(_ tell: (String) -> Void) {
    for node in restarts.indices {
      if let time = restarts[node] {
        if gateway.now >= time { restart(node, tell) }
      } else if processes.hasEnded(node) {
        gateway.port.setDown(node, true)
        let lived = gateway.now - startTimes[node]
        if lived > Service.longestPause { pauses[node] = Service.shortestPause }
        tell("node \(node) has ended: \(processes.ending(of: node))")
        scheduleRestart(node)
      }
    }
  }

  private mutating func restart(_ node: Int, _ tell: (String) -> Void) {
    startTimes[node] = gateway.now
    do {
      try processes.start(node)
    } catch {
      tell("\(error)")
      return scheduleRestart(node)
    }
    restarts[node] = nil
    noteProcess(of: node)
    gateway.port.setDown(node, false)
    tell("node \(node) is started again as process \(processes.processNumber(of: node) ?? 0)")
  }

  /// Sets when the node is started again; the pause doubles each time, up to `longestPause`.
  private mutating func scheduleRestart(_ node: Int) {
    noteProcess(of: node)
    restarts[node] = gateway.now + pauses[node]
    pauses[node] = min(pauses[node] * 2, Service.longestPause)
  }

  private mutating func noteProcess(of node: Int) {
    gateway.processNumbers[node] = processes.processNumber(of: node)
  }

  private mutating func askForReports() {
    guard gateway.now >= reportAt else { return }
    reportAt = gateway.now + .milliseconds(200)
    for node in restarts.indices { gateway.port.order(.report(digest: false), to: node) }
    gateway.port.flush()
  }
}
