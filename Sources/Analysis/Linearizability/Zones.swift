import Histories

/// The check of registers with unique values in O(n log n), after Gibbons & Korach 1997 ("Testing
/// shared memories"), extended to chains of compare-and-swaps and to writes without an answer.
///
/// For a block let f be the smallest return and s the largest call of its operations. Block u must
/// come before block v if f(u) < s(v), because then some operation of u returned before some
/// operation of v was called. The register is linearizable if and only if every chain is consistent
/// inside and no two blocks must each come before the other.
///
/// *Necessary*, because blocks are contiguous. *Sufficient*: take a cycle of "must come before" and
/// in it the block j with the largest s. Every block i of the cycle has f(i) < s(its successor) <=
/// s(j), so i must come before j. This includes j's own successor, which together with j forms a
/// cycle of length two. So without cycles of length two there are no cycles, and any order that
/// respects "must come before" is a witness.
///
/// If blocks are sorted by min(f, s), a block can only clash with an earlier block that has f < s
/// (a forward zone), and it is enough to compare with the one that has the largest s.
struct Zones {
  private struct Zone {
    var left: Int64
    var f: Int64
    var s: Int64
    var root: Int32
    var isForward: Bool { f < s }
  }

  private var zones: [Zone] = []

  init() {}

  /// nil if the register is linearizable.
  mutating func violation(
    in chains: RegisterChains, _ operations: UnsafeBufferPointer<KeyedOperation>
  ) -> RegisterChains.Violation? {
    zones.removeAll(keepingCapacity: true)
    var covered = 0
    var observed = 0
    for root in chains.clusters.indices where chains.clusters[root].isObserved {
      observed += 1
      guard chains.clusters[root].predecessor < 0 else { continue }
      var zone = Zone(left: 0, f: .max, s: .min, root: Int32(root))
      var c = root
      while true {
        covered += 1
        let cluster = chains.clusters[c]
        // A later operation of the chain must not have returned before the call of an earlier one.
        if cluster.writeReturned < zone.s {
          return backwards(Int(cluster.write), before: zone.s, root, c, chains, operations)
        }
        zone.s = max(zone.s, cluster.writeInvoked)
        if cluster.firstReadReturned < zone.s {
          let reader = Zones.reader(of: cluster, returning: cluster.firstReadReturned, operations)
          return backwards(reader, before: zone.s, root, c, chains, operations)
        }
        zone.s = max(zone.s, cluster.lastReadInvoked)
        zone.f = min(zone.f, cluster.writeReturned, cluster.firstReadReturned)
        guard cluster.successor >= 0 else { break }
        c = Int(cluster.successor)
      }
      if zone.s == .min { continue }
      zone.left = min(zone.f, zone.s)
      zones.append(zone)
    }
    if covered < observed { return .rootless(rootless(chains)) }
    sort()
    return clash()
  }

  private func clash() -> RegisterChains.Violation? {
    var best = Int64.min
    var holder: Int32 = -1
    for zone in zones {
      if zone.f < best { return .interleaved(holder, zone.root) }
      if zone.isForward, zone.s > best {
        best = zone.s
        holder = zone.root
      }
    }
    return nil
  }

  /// Zones are nearly sorted, because they come in the order of their writes' calls, so insertion
  /// sort is fastest. If it takes too many moves, the standard sort takes over.
  private mutating func sort() {
    var moves = 16 * zones.count + 64
    let sorted = zones.withUnsafeMutableBufferPointer { zones in
      for i in zones.indices.dropFirst() {
        let zone = zones[i]
        var j = i
        while j > 0, Zones.precedes(zone, zones[j - 1]) {
          zones[j] = zones[j - 1]
          j -= 1
        }
        zones[j] = zone
        moves -= i - j
        if moves < 0 { return false }
      }
      return true
    }
    if !sorted { zones.sort(by: Zones.precedes) }
  }

  /// A backward zone that ends where a forward zone begins only touches it and does not clash, so
  /// it comes first.
  private static func precedes(_ a: Zone, _ b: Zone) -> Bool {
    a.left != b.left ? a.left < b.left : !a.isForward && b.isForward
  }

  private func backwards(
    _ later: Int, before time: Int64, _ root: Int, _ last: Int, _ chains: RegisterChains,
    _ operations: UnsafeBufferPointer<KeyedOperation>
  ) -> RegisterChains.Violation {
    var c = root
    while true {
      let cluster = chains.clusters[c]
      if cluster.writeInvoked == time { return .backwards(Int(cluster.write), later) }
      if cluster.lastReadInvoked == time {
        return .backwards(Zones.reader(of: cluster, invokedAt: time, operations), later)
      }
      if c == last { return .backwards(later, later) }
      c = Int(cluster.successor)
    }
  }

  private func rootless(_ chains: RegisterChains) -> Int {
    var reached = [Bool](repeating: false, count: chains.clusters.count)
    for root in chains.clusters.indices where chains.clusters[root].predecessor < 0 {
      var c = root
      while true {
        reached[c] = true
        guard chains.clusters[c].successor >= 0 else { break }
        c = Int(chains.clusters[c].successor)
      }
    }
    let lost = chains.clusters.indices.first { chains.clusters[$0].isObserved && !reached[$0] }
    return Int(chains.clusters[lost ?? 0].write)
  }

  static func reader(
    of cluster: RegisterChains.Cluster, returning time: Int64,
    _ operations: UnsafeBufferPointer<KeyedOperation>
  ) -> Int {
    reader(of: cluster, operations) { $0.returned == time }
  }

  static func reader(
    of cluster: RegisterChains.Cluster, invokedAt time: Int64,
    _ operations: UnsafeBufferPointer<KeyedOperation>
  ) -> Int {
    reader(of: cluster, operations) { $0.invoked == time }
  }

  /// The first read of the cluster's value that fits; its write if there is none.
  private static func reader(
    of cluster: RegisterChains.Cluster, _ operations: UnsafeBufferPointer<KeyedOperation>,
    where fits: (KeyedOperation) -> Bool
  ) -> Int {
    operations.indices.first {
      operations[$0].role == .read && operations[$0].hash == cluster.hash
        && operations[$0].length == cluster.length && fits(operations[$0])
    } ?? Int(cluster.write)
  }
}
