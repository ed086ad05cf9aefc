import Histories

// What follows from a cycle: the last choice that it rests on is taken back.
extension ScanOrderSearch {
  /// A cycle that closes at a node of the stack.
  func cycle(through node: Int32, _ reason: Reason) -> ScanCycle {
    let start = stack.lastIndex { $0.node == node }!
    return cycle(from: start, closedBy: node, reason)
  }

  /// A cycle that closes because some node of the stack returned before another was called, which
  /// would have to come before it.
  func cycle(afterReturnOf node: Int32, _ reason: Reason) -> ScanCycle {
    let start = stack.lastIndex {
      history.returned[Int($0.node)] < history.invoked[Int(node)]
    }!
    var cycle = cycle(from: start, closedBy: node, reason)
    cycle.steps.append((node: stack[start].node, reason: .time))
    return cycle
  }

  /// The nodes from the top of the stack down to `start`, each of which must come before the next,
  /// behind the node that must come before the top.
  private func cycle(from start: Int, closedBy node: Int32, _ reason: Reason) -> ScanCycle {
    var steps: [(node: Int32, reason: Reason)] = [(node, reason)]
    for place in stride(from: stack.count - 1, through: start, by: -1) {
      // The last node is the first one again, or is followed by it in time.
      steps.append((stack[place].node, stack[place].reason))
    }
    steps.removeLast()
    return ScanCycle(steps: steps)
  }

  /// Takes back the last choice that the cycle rests on.
  /// - Returns: the contradiction if it rests on none.
  mutating func takeBack(_ cycle: ScanCycle) -> ScanContradiction? {
    var basis = ScanChoices.Basis()
    for (node, reason) in cycle.steps {
      switch reason {
      case .chains(let a, let b): choices.justify(a, before: b, in: history, into: &basis)
      case .chain(let key): basis.keys.insert(key)
      case .sees, .time: break
      }
      basis.evidence.insert(node)
      let cluster = history.written[Int(node)]
      if cluster >= 0 { basis.keys.insert(history.clusters[Int(cluster)].key) }
    }
    func place(of choice: ScanChoices.Choice) -> Int {
      choices.place(of: choice) ?? began[Int(history.chains[Int(choice.before)].root)]
    }
    guard let last = basis.choices.max(by: { (place(of: $0), $0) < (place(of: $1), $1) }) else {
      return ScanContradiction(cycle: cycle, basis: basis)
    }
    let back = place(of: last)
    basis.choices.remove(last)
    let beside = basis.choices.filter { place(of: $0) == back }.sorted()
    while trail.count > back { undoLast() }
    for choice in beside {
      trail.append(choices.decide(choice, at: trail.count))
    }
    let isCertain = basis.choices.isEmpty
    let assertion = choices.assert(
      last.after, before: last.before, on: basis, at: isCertain ? -1 : trail.count)
    if !isCertain { trail.append(assertion) }
    return nil
  }

  private mutating func undoLast() {
    let node = trail.removeLast()
    guard node >= 0 else { return choices.undo(node) }
    isPlaced[Int(node)] = false
    nextReturn = min(nextReturn, Int(returnRank[Int(node)]))
    let cluster = Int(history.written[Int(node)])
    if cluster >= 0 {
      let key = Int(history.clusters[cluster].key)
      current[key] = before[cluster]
      if history.clusters[cluster].predecessor < 0 {
        nextChain[key] = min(nextChain[key], Int(chainRank[Int(history.clusters[cluster].chain)]))
      }
    }
    for cluster in history.seenClusters(of: Int(node)) {
      let place = place(of: node, among: history.clusters[Int(cluster)].readers)
      nextReader[Int(cluster)] = min(nextReader[Int(cluster)], place)
    }
  }

  /// Readers are in ascending order.
  private func place(of node: Int32, among readers: Range<Int>) -> Int {
    var low = readers.lowerBound
    var high = readers.upperBound
    while low < high {
      let middle = (low + high) / 2
      if history.readers[middle] < node { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
