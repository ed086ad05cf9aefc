import Cluster
import Faults
import Replication
import Sockets
import StateMachines

/// A replicated key-value server: nodes that are started, watched and started again, and a gateway in
/// front of them.
public struct Service: ~Copyable {
  public var gateway: RespGateway
  /// Empty if somebody else starts the nodes.
  public var processes: NodeProcesses
  public let membership: Membership
  /// When each node that has ended is started again; `nil` for those that run.
  private var restarts: [Int64?]
  private var pauses: [Int64]
  private var startTimes: [Int64]
  private var leader: Int?
  private var reportAt: Int64 = 0

  public init(
    gateway: consuming RespGateway, processes: consuming NodeProcesses, membership: Membership
  ) {
    self.gateway = gateway
    self.processes = processes
    self.membership = membership
    restarts = Array(repeating: nil, count: membership.nodeCount)
    pauses = Array(repeating: Service.shortestPause, count: membership.nodeCount)
    startTimes = Array(repeating: 0, count: membership.nodeCount)
  }

  /// A node that ends by itself is started again after a pause, which doubles as long as it keeps ending.
  private static let shortestPause: Int64 = 500_000_000
  private static let longestPause: Int64 = 10_000_000_000

  /// Starts the nodes and waits until one is in charge.
  public mutating func start(within patience: Interval) throws {
    try processes.startAll()
    let limit = MonotonicClock.now() + patience.nanoseconds
    while !gateway.port.isConnected || currentLeader == nil {
      try gateway.turn(nanoseconds: 10_000_000)
      askForReports()
      if let refusal = gateway.port.refusal { throw ClusterError(refusal) }
      for node in restarts.indices where processes.hasEnded(node) {
        throw ClusterError("node \(node) did not start: \(processes.ending(of: node))")
      }
      guard MonotonicClock.now() < limit else {
        let missing = gateway.port.connections.first { $0.state != .welcome }
        throw ClusterError(
          missing.map { "node \($0.node) at \($0.endpoint) does not answer" }
            ?? "within \(patience) no replica was in charge")
      }
    }
    leader = currentLeader
    startTimes = Array(repeating: gateway.now, count: restarts.count)
  }

  /// Serves until it is told to stop; it asks at least ten times a second.
  /// - Parameter tell: gets what the user should know, a line each.
  public mutating func run(until isStopped: () -> Bool, tell: (String) -> Void) throws {
    var tendAt: Int64 = 0
    while !isStopped() {
      try gateway.turn(nanoseconds: 50_000_000)
      guard gateway.now >= tendAt else { continue }
      tendAt = gateway.now + 50_000_000
      try tend(tell)
      askForReports()
      if let found = currentLeader, found != leader {
        leader = found
        tell("node \(found) is in charge")
      }
    }
    processes.endAll()
  }

  /// Who is in charge, as far as is known.
  public var currentLeader: Int? {
    FaultAim(membership: membership).leader(
      among: gateway.port.reports.enumerated().map { node, report in
        NodeView(isUp: !gateway.port.isDown[node], status: report?.status)
      })
  }

  private mutating func tend(_ tell: (String) -> Void) throws {
    for node in restarts.indices {
      if let time = restarts[node] {
        guard gateway.now >= time else { continue }
        restarts[node] = nil
        startTimes[node] = gateway.now
        try processes.start(node)
        gateway.port.setDown(node, false)
        tell("node \(node) is started again as process \(processes.processNumber(of: node) ?? 0)")
      } else if processes.hasEnded(node) {
        gateway.port.setDown(node, true)
        let lived = gateway.now - startTimes[node]
        pauses[node] =
          lived > Service.longestPause
          ? Service.shortestPause : min(pauses[node] * 2, Service.longestPause)
        restarts[node] = gateway.now + pauses[node]
        tell("node \(node) has ended: \(processes.ending(of: node))")
      }
    }
  }

  private mutating func askForReports() {
    guard gateway.now >= reportAt else { return }
    reportAt = gateway.now + 200_000_000
    for node in restarts.indices { gateway.port.order(.report(digest: false), to: node) }
    gateway.port.flush()
  }
}
