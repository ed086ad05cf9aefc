import Histories

/// The check of program order for registers with unique values, in linear time.
///
/// Blocks are contiguous (see `RegisterChains`), so a client's order between operations of two
/// blocks orders the blocks, and inside a chain the order is forced. An order exists if and only if
/// no client goes back inside a chain, no client returns to the initial value's block, and the
/// order of the blocks has no cycle.
struct ProgramOrderCheck {
  private struct Edge {
    var from: Int32
    var to: Int32
    /// Positions of the two operations that make the edge.
    var earlier: Int32
    var later: Int32
  }

  enum Violation {
    case chain(RegisterChains.Violation)
    /// Positions of the operations at the ends of a cycle's edges.
    case cycle([Int])
  }

  static func violation(
    in chains: RegisterChains, _ operations: UnsafeBufferPointer<KeyedOperation>
  ) -> Violation? {
    var root = [Int32](repeating: -1, count: chains.clusters.count)
    var segment = root
    for start in chains.clusters.indices where chains.clusters[start].predecessor < 0 {
      var c = Int32(start)
      var number: Int32 = 0
      while c >= 0 {
        root[Int(c)] = Int32(start)
        segment[Int(c)] = number
        number += 1
        c = chains.clusters[Int(c)].successor
      }
    }
    for c in chains.clusters.indices where chains.clusters[c].isObserved && root[c] < 0 {
      return .chain(.rootless(Int(chains.clusters[c].write)))
    }
    var edges: [Edge] = []
    var lastOf: [UInt32: Int] = [:]
    for i in operations.indices where operations[i].returned != .max {
      guard let before = lastOf.updateValue(i, forKey: operations[i].client) else { continue }
      let a = Int(chains.find(operations[before].hash, operations[before].length))
      let b = Int(chains.find(operations[i].hash, operations[i].length))
      if root[a] == root[b] {
        let placeA = (segment[a], operations[before].role == .read ? 1 : 0)
        let placeB = (segment[b], operations[i].role == .read ? 1 : 0)
        if placeB < placeA { return .chain(.backwards(i, before)) }
      } else if root[b] == 0 {
        return .cycle([before, i])
      } else {
        edges.append(
          Edge(from: root[a], to: root[b], earlier: Int32(before), later: Int32(i)))
      }
    }
    return cycle(edges, nodes: chains.clusters.count).map(Violation.cycle)
  }

  /// Repeatedly removes blocks that no remaining block must precede. If blocks remain, they contain
  /// a cycle.
  private static func cycle(_ edges: [Edge], nodes: Int) -> [Int]? {
    var incoming = [Int32](repeating: 0, count: nodes)
    var start = [Int32](repeating: 0, count: nodes + 1)
    for edge in edges {
      incoming[Int(edge.to)] += 1
      start[Int(edge.from) + 1] += 1
    }
    for node in 0..<nodes { start[node + 1] += start[node] }
    var ordered = [Int32](repeating: 0, count: edges.count)
    var cursor = start
    for (i, edge) in edges.enumerated() {
      ordered[Int(cursor[Int(edge.from)])] = Int32(i)
      cursor[Int(edge.from)] += 1
    }
    var free = (0..<nodes).filter { incoming[$0] == 0 }
    var removed = 0
    while let node = free.popLast() {
      removed += 1
      for place in start[node]..<start[node + 1] {
        let to = Int(edges[Int(ordered[Int(place)])].to)
        incoming[to] -= 1
        if incoming[to] == 0 { free.append(to) }
      }
    }
    guard removed < nodes else { return nil }
    // Every remaining block has a remaining predecessor, so following predecessors must reach a
    // cycle.
    var into = [Int32](repeating: -1, count: nodes)
    for (i, edge) in edges.enumerated() where incoming[Int(edge.from)] > 0 && into[Int(edge.to)] < 0
    {
      into[Int(edge.to)] = Int32(i)
    }
    var node = incoming.firstIndex { $0 > 0 } ?? 0
    var seen = [Bool](repeating: false, count: nodes)
    while !seen[node] {
      seen[node] = true
      node = Int(edges[Int(into[node])].from)
    }
    var found: [Int] = []
    let last = node
    repeat {
      let edge = edges[Int(into[node])]
      found += [Int(edge.earlier), Int(edge.later)]
      node = Int(edge.from)
    } while node != last
    return found
  }
}
