import Glibc
import LoadDriving
import Replication
import Sockets

/// All nodes of a cluster that this process has started. They end with this value and with the
/// process.
package struct NodeProcesses: ~Copyable {
  private var nodes: [Int: Box] = [:]

  /// Makes a noncopyable process storable in a dictionary.
  private final class Box {
    var process: NodeProcess
    init(_ process: consuming NodeProcess) { self.process = process }
  }

  /// - Parameters:
  ///   - directory: the parent of the nodes' own directories. It belongs to the caller, which may
  ///     keep it for the nodes' next start or remove it.
  ///   - launcher: `nil` if the nodes were not started by this process.
  package init(count: Int, directory: String, launcher: NodeLauncher?) {
    guard let launcher else { return }
    for number in 0..<count {
      nodes[number] = Box(
        NodeProcess(number: number, directory: "\(directory)/\(number)", launcher: launcher))
    }
  }

  deinit { for box in nodes.values { box.process.end() } }

  /// Whether this process has started the nodes, and so can end them.
  package var isOurs: Bool { !nodes.isEmpty }

  package mutating func startAll() throws(ClusterError) {
    for number in nodes.keys.sorted() { try nodes[number]!.process.start() }
  }

  package func start(_ node: Int) throws(ClusterError) { try nodes[node]?.process.start() }
  package func end(_ node: Int) { nodes[node]?.process.end() }
  package func signal(_ node: Int, _ signal: Int32) { nodes[node]?.process.signal(signal) }
  package func hasEnded(_ node: Int) -> Bool { nodes[node]?.process.hasEnded() ?? false }
  package func isStarted(_ node: Int) -> Bool { nodes[node]?.process.isStarted ?? true }
  /// How a node ended that was not ended by this process.
  package func ending(of node: Int) -> String { nodes[node]?.process.ending ?? "" }
  /// Records that the node's log is gone: from its next start on the node replaces the one that had
  /// it.
  package func noteLostDirectory(of node: Int) { nodes[node]?.process.replacesLost = true }
  /// The progress messages of the nodes that are still recovering.
  package var recoveries: [String] {
    nodes.keys.sorted().compactMap { node in
      guard let words = nodes[node]?.process.lastWords, words.contains(": recovering, ") else {
        return nil
      }
      return words
    }
  }
  package func directory(of node: Int) -> String? { nodes[node]?.process.directory }
  package func processNumber(of node: Int) -> pid_t? { nodes[node]?.process.processNumber }

  package func endAll() { for box in nodes.values { box.process.end() } }

  /// Checks whether it still makes sense to wait until the cluster serves.
  /// - Parameter limit: the monotonic time at which the caller will have waited for `patience`.
  /// - Throws: the reason why the cluster will not serve.
  package func checkStart<Application: StateMachine>(
    over port: borrowing ClusterPort<Application>, within patience: Interval, until limit: Instant
  ) throws(ClusterError) {
    if let refusal = port.refusal { throw ClusterError(refusal) }
    for node in nodes.keys.sorted() where hasEnded(node) {
      throw ClusterError("node \(node) did not start: \(ending(of: node))", unstarted: node)
    }
    try checkPatience(over: port, within: patience, until: limit)
  }

  /// Like `checkStart`, but ignores nodes that have ended. It is for callers that can do without
  /// such nodes and look for them themselves, because a node may end just after they have looked.
  package func checkPatience<Application: StateMachine>(
    over port: borrowing ClusterPort<Application>, within patience: Interval, until limit: Instant
  ) throws(ClusterError) {
    if let refusal = port.refusal { throw ClusterError(refusal) }
    guard MonotonicClock.now() >= limit else { return }
    let missing = port.connections.first { $0.state != .welcome }
    throw ClusterError(
      missing.map { "node \($0.node) at \($0.endpoint) does not answer" }
        ?? "within \(patience) no replica was in charge")
  }
}
