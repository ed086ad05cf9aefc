import Histories

/// A history with scans whose written values are all different, prepared for `ScanOrderSearch`.
///
/// As in `RegisterChains`, a *cluster* is the write of a value of a key and all reads of it, and
/// compare-and-swaps join clusters into *chains*. A key's chains follow one another without
/// overlap: all operations of a chain come before all operations of the next. Unlike there, an
/// operation can belong to clusters of many keys, because a scan reads many keys at one moment.
///
/// Operations that cannot have taken effect, reads without an answer, and writes without an answer
/// whose value no operation observed are left out, because they can be left out of any order.
struct ScanHistory {
  struct Cluster {
    /// The key's position in `keys`.
    var key: Int32
    var value: ValueDigest
    /// The node that wrote the value; -1 for the initial value.
    var writer: Int32
    /// The cluster whose value a compare-and-swap replaced to write this one; -1 for none.
    var predecessor: Int32 = -1
    var successor: Int32 = -1
    var chain: Int32 = -1
    var isObserved: Bool
    /// Where the readers are in `readers`.
    var readers = 0..<0
  }

  struct Chain {
    var root: Int32
    /// The first return and the last call of its operations, and the nodes that they belong to.
    var firstReturned = Int64.max
    var firstNode: Int32 = -1
    var lastInvoked = Int64.min
    var lastNode: Int32 = -1

    mutating func add(_ node: Int, _ invoked: Int64, _ returned: Int64) {
      if returned < firstReturned { (firstReturned, firstNode) = (returned, Int32(node)) }
      if invoked > lastInvoked { (lastInvoked, lastNode) = (invoked, Int32(node)) }
    }
  }

  /// Why the history is judged in another way, or cannot be judged.
  enum Obstacle: Error {
    /// The key cannot be explained even alone, because a value was never written or two swaps
    /// replaced the same one.
    case contradictoryKey(UInt32)
    case unsuited(key: UInt32, reason: String)
  }

  private(set) var keys: [UInt32] = []
  private(set) var clusters: [Cluster] = []
  private(set) var chains: [Chain] = []
  /// By key: its chains in order of their first return; without that of the initial value, which
  /// comes before all others.
  private(set) var chainsOfKey: [[Int32]] = []
  /// The cluster of the initial value, by key.
  private(set) var initial: [Int32] = []

  // The operations that have to be ordered are nodes, in order of invocation.

  /// Their positions in the history.
  private(set) var positions: [Int32] = []
  private(set) var invoked: [Int64] = []
  /// `Int64.max` for a write without an answer.
  private(set) var returned: [Int64] = []
  /// The cluster that the node wrote; -1 for reads.
  private(set) var written: [Int32] = []
  /// The clusters that node n read are in `seen` from `seenStart[n]` up to `seenStart[n + 1]`.
  private(set) var seen: [Int32] = []
  private(set) var seenStart: [Int] = [0]
  /// The nodes that read each cluster, in order of invocation.
  private(set) var readers: [Int32] = []

  private struct Value: Hashable {
    var key: UInt32
    var value: ValueDigest
  }

  private var slots: [UInt32: Int32] = [:]
  private var clusterOf: [Value: Int32] = [:]
  /// By version of `ScannedValues`: its cluster; -2 if it was not looked up yet.
  private var clusterOfVersion: [Int32]

  var nodeCount: Int { positions.count }

  func seenClusters(of node: Int) -> ArraySlice<Int32> {
    seen[seenStart[node]..<seenStart[node + 1]]
  }

  init(
    _ history: [Operation], _ scans: ScannedValues, initial initialValues: [ValueDigest]
  ) throws(Obstacle) {
    clusterOfVersion = [Int32](repeating: -2, count: scans.versions.count)
    try addWrites(history, initialValues)
    for operation in history where operation.outcome == .ok {
      try observe(operation, scans, initialValues)
    }
    try linkChains(history)
    addNodes(history, scans)
    addReaders()
    measureChains()
  }

  // MARK: - Clusters

  private mutating func slot(of key: UInt32, _ initialValues: [ValueDigest]) -> Int32 {
    if let slot = slots[key] { return slot }
    let slot = Int32(keys.count)
    slots[key] = slot
    keys.append(key)
    let value = key < initialValues.count ? initialValues[Int(key)] : .absent
    clusterOf[Value(key: key, value: value)] = Int32(clusters.count)
    initial.append(Int32(clusters.count))
    clusters.append(Cluster(key: slot, value: value, writer: -1, isObserved: true))
    return slot
  }

  private mutating func addWrites(
    _ history: [Operation], _ initialValues: [ValueDigest]
  ) throws(Obstacle) {
    for (position, operation) in history.enumerated() where operation.outcome != .failed {
      guard operation.kind != .scan else { continue }
      let key = operation.key
      switch KeyedOperation(operation, at: 0).role {
      case .read: continue
      case .other:
        throw .unsuited(key: key, reason: ScanHistory.reason(against: operation))
      case .put, .swap: break
      }
      let slot = slot(of: key, initialValues)
      let value = Value(key: key, value: operation.argument)
      guard clusterOf.updateValue(Int32(clusters.count), forKey: value) == nil else {
        throw .unsuited(
          key: key,
          reason: "a value was written twice, and beside scans only a value that was "
            + "written once names its write")
      }
      clusters.append(
        Cluster(
          key: slot, value: operation.argument, writer: Int32(position),
          isObserved: operation.outcome == .ok))
    }
  }

  private static func reason(against operation: Operation) -> String {
    switch operation.kind {
    case .delete:
      "a delete beside scans cannot be decided, because no value says which delete a "
        + "scan that found no value has seen"
    case .append:
      "an append beside scans cannot be decided, because its value depends on the "
        + "values before it"
    default: "a cas that does not say which value it found or wrote cannot be decided beside scans"
    }
  }

  private func cluster(of key: UInt32, _ value: ValueDigest) throws(Obstacle) -> Int32 {
    guard let cluster = clusterOf[Value(key: key, value: value)] else {
      throw .contradictoryKey(key)
    }
    return cluster
  }

  /// Marks the clusters whose values an acknowledged operation saw.
  private mutating func observe(
    _ operation: Operation, _ scans: ScannedValues, _ initialValues: [ValueDigest]
  ) throws(Obstacle) {
    if operation.kind == .scan {
      for position in operation.scanned where clusterOfVersion[Int(scans[position])] == -2 {
        let version = scans.versions[Int(scans[position])]
        _ = slot(of: version.key, initialValues)
        let cluster = try cluster(of: version.key, version.value)
        clusterOfVersion[Int(scans[position])] = cluster
        clusters[Int(cluster)].isObserved = true
      }
    } else if let value = operation.demandedValue {
      _ = slot(of: operation.key, initialValues)
      clusters[Int(try cluster(of: operation.key, value))].isObserved = true
    }
  }

  /// Joins each cluster that an observed swap wrote to the one whose value the swap replaced, which
  /// is thereby observed, too.
  private mutating func linkChains(_ history: [Operation]) throws(Obstacle) {
    for start in clusters.indices {
      var c = start
      while clusters[c].isObserved, clusters[c].writer >= 0, clusters[c].predecessor < 0 {
        let write = history[Int(clusters[c].writer)]
        guard write.kind == .compareAndSwap else { break }
        let source = Int(try cluster(of: write.key, write.expected))
        guard clusters[source].successor < 0 else { throw .contradictoryKey(write.key) }
        clusters[source].successor = Int32(c)
        clusters[c].predecessor = Int32(source)
        clusters[source].isObserved = true
        c = source
      }
    }
    for root in clusters.indices where clusters[root].isObserved && clusters[root].predecessor < 0 {
      var c = root
      while true {
        clusters[c].chain = Int32(chains.count)
        guard clusters[c].successor >= 0 else { break }
        c = Int(clusters[c].successor)
      }
      chains.append(Chain(root: Int32(root)))
    }
    // Swaps that form a cycle have no root.
    for cluster in clusters where cluster.isObserved && cluster.chain < 0 {
      throw .contradictoryKey(keys[Int(cluster.key)])
    }
  }

  // MARK: - Nodes

  private mutating func addNodes(_ history: [Operation], _ scans: ScannedValues) {
    var writer: [Int32: Int32] = [:]
    for (c, cluster) in clusters.enumerated() where cluster.writer >= 0 {
      if cluster.isObserved { writer[cluster.writer] = Int32(c) } else { clusters[c].writer = -1 }
    }
    for (position, operation) in history.enumerated() where operation.outcome != .failed {
      let cluster = writer[Int32(position)] ?? -1
      guard cluster >= 0 || operation.outcome == .ok else { continue }
      if cluster >= 0 {
        clusters[Int(cluster)].writer = Int32(positions.count)
        if clusters[Int(cluster)].predecessor >= 0 {
          seen.append(clusters[Int(cluster)].predecessor)
        }
      } else if operation.kind == .scan {
        for place in operation.scanned { seen.append(clusterOfVersion[Int(scans[place])]) }
      } else if let value = operation.demandedValue {
        seen.append(clusterOf[Value(key: operation.key, value: value)]!)
      }
      positions.append(Int32(position))
      invoked.append(operation.invoked)
      returned.append(
        operation.outcome == .ok ? max(operation.returned, operation.invoked) : .max)
      written.append(cluster)
      seenStart.append(seen.count)
    }
  }

  private mutating func addReaders() {
    var counts = [Int](repeating: 0, count: clusters.count)
    for cluster in seen { counts[Int(cluster)] += 1 }
    var start = 0
    for c in clusters.indices {
      clusters[c].readers = start..<start
      start += counts[c]
      counts[c] = clusters[c].readers.lowerBound
    }
    readers = [Int32](repeating: 0, count: seen.count)
    for node in positions.indices {
      for place in seenStart[node]..<seenStart[node + 1] {
        let cluster = Int(seen[place])
        readers[counts[cluster]] = Int32(node)
        counts[cluster] += 1
      }
    }
    for c in clusters.indices {
      clusters[c].readers = clusters[c].readers.lowerBound..<counts[c]
    }
  }

  private mutating func measureChains() {
    for node in positions.indices {
      if written[node] >= 0 { measure(node, Int(clusters[Int(written[node])].chain)) }
      for place in seenStart[node]..<seenStart[node + 1] {
        measure(node, Int(clusters[Int(seen[place])].chain))
      }
    }
    chainsOfKey = Array(repeating: [], count: keys.count)
    for chain in chains.indices {
      let root = clusters[Int(chains[chain].root)]
      if root.writer >= 0 { chainsOfKey[Int(root.key)].append(Int32(chain)) }
    }
    for key in keys.indices {
      chainsOfKey[key].sort {
        (chains[Int($0)].firstReturned, $0) < (chains[Int($1)].firstReturned, $1)
      }
    }
  }

  private mutating func measure(_ node: Int, _ chain: Int) {
    chains[chain].add(node, invoked[node], returned[node])
  }
}
