import Replication

/// The faults that are active at present, and their combined effect on each node. Both runtimes use
/// it, so that overlapping faults mean the same in both.
public struct FaultLedger: Sendable {
  public enum Entry: Sendable {
    /// The nodes are dead until the fault ends, or are stopping because of an error of their disk.
    case down([Int])
    case paused([Int])
    case slowed([Int], factor: Double)
    /// Cuts links between nodes, and the nodes in `clients` from all clients. For `until` see
    /// `degraded`.
    case cut([(from: Int, to: Int)], clients: [Int] = [], until: Instant? = nil)
    /// `until` is the time at which it will end, by the trial's clock; `nil` if unknown.
    case degraded([Int], LinkDegradation, until: Instant?)
    case drifting([Int], Double)
    case slowDisk([Int], by: Interval)
    case stalledDisk([Int])
    /// The fault ends as soon as it has begun.
    case nothing

    public var isInstant: Bool { if case .nothing = self { true } else { false } }

    /// The same entry with the time of its end.
    public func ending(at end: Instant?) -> Entry {
      guard case .cut(let links, let clients, _) = self else { return self }
      return .cut(links, clients: clients, until: end)
    }
  }

  public private(set) var entries: [Int: Entry] = [:]
  public let nodeCount: Int
  /// The share by which each node's clock runs fast without any fault.
  public let drifts: [Double]

  public init(drifts: [Double]) {
    self.drifts = drifts
    nodeCount = drifts.count
  }

  public mutating func add(_ entry: Entry, key: Int) { entries[key] = entry }
  public mutating func remove(key: Int) -> Entry? { entries.removeValue(forKey: key) }

  /// How many faults keep the node down.
  public func downs(of node: Int) -> Int {
    count { if case .down(let hit) = $0 { hit.contains(node) } else { false } }
  }

  public func pauses(of node: Int) -> Int {
    count { if case .paused(let hit) = $0 { hit.contains(node) } else { false } }
  }

  private func count(_ holds: (Entry) -> Bool) -> Int { entries.values.count(where: holds) }

  /// The combined faults of a node, as they are sent to it.
  public func faults(of node: Int) -> NodeFaults {
    var result = NodeFaults(nodeCount: nodeCount)
    result.drift = drifts[node]
    for key in entries.keys.sorted() {
      switch entries[key]! {
      case .down, .paused, .nothing: break
      case .slowed(let hit, let factor):
        // The product is limited to the largest factor that a node accepts.
        if hit.contains(node) { result.slowness = min(result.slowness * factor, 1e9) }
      case .cut(let links, let clients, _):
        // A loss of 1 means that every message is lost.
        if clients.contains(node) { result.clients.loss += 1 }
        for link in links {
          if link.from == node { result.links[link.to].cutsOutbound = true }
          if link.to == node { result.links[link.from].cutsInbound = true }
        }
      case .degraded(let hit, let what, _):
        for other in 0..<nodeCount where hit.contains(node) || hit.contains(other) {
          result.links[other].degradation.add(what)
        }
        if hit.contains(node) { result.clients.add(what) }
      case .drifting(let hit, let drift): if hit.contains(node) { result.drift += drift }
      case .slowDisk(let hit, let time): if hit.contains(node) { result.syncDelay += time }
      case .stalledDisk(let hit): if hit.contains(node) { result.syncStalls = true }
      }
    }
    return result
  }
}
