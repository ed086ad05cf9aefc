import Glibc

/// All nodes of a cluster that this process has started. None of them outlives it, nor, unless it is to be
/// kept, their directory.
public struct NodeProcesses: ~Copyable {
  private var nodes: [Int: Box] = [:]
  private let directory: String
  private let keepsDirectory: Bool
  private var guardian: DirectoryGuard?

  /// Processes cannot be copied, which arrays of them would need.
  private final class Box {
    var process: NodeProcess
    init(_ process: consuming NodeProcess) { self.process = process }
  }

  /// - Parameters:
  ///   - directory: of all nodes; each has a directory of its own below.
  ///   - launcher: `nil` for nodes that others have started.
  ///   - keepsDirectory: what the nodes have written is there for their next start.
  public init(
    count: Int, directory: String, launcher: NodeLauncher?, keepsDirectory: Bool = false
  ) {
    self.directory = directory
    self.keepsDirectory = keepsDirectory
    guardian = nil
    guard let launcher else { return }
    for number in 0..<count {
      nodes[number] = Box(
        NodeProcess(number: number, directory: "\(directory)/\(number)", launcher: launcher))
    }
  }

  // The guardian ends after the nodes, and the directory with it.
  deinit { for box in nodes.values { box.process.end() } }

  /// Whether this process has started the nodes, and so can end them.
  public var isOurs: Bool { !nodes.isEmpty }

  public mutating func startAll() throws(ClusterError) {
    guard isOurs else { return }
    if !keepsDirectory { guardian = try DirectoryGuard(path: directory) }
    for number in nodes.keys.sorted() { try nodes[number]!.process.start() }
  }

  public func start(_ node: Int) throws(ClusterError) { try nodes[node]?.process.start() }
  public func end(_ node: Int) { nodes[node]?.process.end() }
  public func signal(_ node: Int, _ signal: Int32) { nodes[node]?.process.signal(signal) }
  public func hasEnded(_ node: Int) -> Bool { nodes[node]?.process.hasEnded() ?? false }
  public func isStarted(_ node: Int) -> Bool { nodes[node]?.process.isStarted ?? true }
  public func lastWords(of node: Int) -> String { nodes[node]?.process.lastWords ?? "" }
  public func directory(of node: Int) -> String? { nodes[node]?.process.directory }
  public func processNumber(of node: Int) -> pid_t? { nodes[node]?.process.processNumber }

  /// Ends all nodes and removes their directory.
  public mutating func endAll() {
    for box in nodes.values { box.process.end() }
    guardian = nil
  }
}
