import Histories

extension ScanContradiction {
  /// The operations of the contradiction, of scans with the keys that matter, and in words why they
  /// have no order.
  func counterexample(
    _ nodes: ScanHistory, _ history: [Operation], _ scans: ScannedValues
  ) -> Counterexample {
    func operation(_ node: Int32) -> Operation { history[Int(nodes.positions[Int(node)])] }
    func parts(_ node: Int32) -> [Operation] {
      let operation = operation(node)
      guard operation.kind == .scan else { return [operation] }
      let keys = Set(basis.keys.map { nodes.keys[Int($0)] })
      return scans.versions(of: operation).filter { keys.contains($0.key) }.map(operation.part)
    }
    func text(_ node: Int32) -> String {
      parts(node).first.map(Counterexample.text) ?? Counterexample.text(operation(node))
    }
    let clauses = cycle.steps.indices.map { place in
      let (node, reason) = cycle.steps[place]
      let next = cycle.steps[(place + 1) % cycle.steps.count].node
      let why =
        switch reason {
        case .sees: "which saw its value"
        case .chains, .chain: "which saw or wrote a later value of a key"
        case .time: "which was called after it had returned"
        }
      return "\(text(node)) comes before \(text(next)), \(why)"
    }
    let last = cycle.steps.map(\.node).filter { operation($0).kind.isRead }
      .max { operation($0).invoked < operation($1).invoked }
    let culprit = last ?? cycle.steps[0].node
    let key = basis.keys.min() ?? 0
    return Counterexample(
      key: nodes.keys[Int(key)], operations: closure(nodes).sorted().flatMap(parts),
      culprit: parts(culprit).first,
      explanation: "No order of these operations explains all their answers: "
        + clauses.joined(separator: "; ") + ".")
  }

  /// All nodes of the contradiction, the writes of the values that they saw, and an observer of
  /// each write without an answer.
  private func closure(_ nodes: ScanHistory) -> Set<Int32> {
    var chosen = basis.evidence
    var queue = Array(chosen)
    func add(_ node: Int32) {
      if node >= 0, chosen.insert(node).inserted { queue.append(node) }
    }
    while let node = queue.popLast() {
      for c in nodes.seenClusters(of: Int(node)) {
        let cluster = nodes.clusters[Int(c)]
        if basis.keys.contains(cluster.key) { add(cluster.writer) }
      }
      let written = nodes.written[Int(node)]
      if written >= 0, nodes.returned[Int(node)] == .max {
        let readers = nodes.readers[nodes.clusters[Int(written)].readers]
        add(readers.min { nodes.returned[Int($0)] < nodes.returned[Int($1)] } ?? -1)
      }
    }
    return chosen
  }
}
