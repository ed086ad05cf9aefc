import Histories

/// Looks for an order of all operations of a history with scans.
///
/// The order grows from its beginning. Operations are due in the order of their returns. To place
/// the operation that is due, everything that must come before it is placed first: the writes of
/// the values that it saw; before the write of a value all operations of the chain that the key is
/// in; and before it the key's chains of which an operation returned before one of its own was
/// called. Nothing is placed before it is needed. An order found in this way respects real time,
/// because everything that returned before the call of an operation was due earlier.
///
/// The only choice is the order of two chains of one key that overlap in time: a chain that is
/// needed is placed before those that are not. If an operation would have to come before itself, or
/// before one that returned before its call, the chain of reasons is a cycle. The cycle says which
/// choices cannot be made together. The last of them is taken back, and from then on the two chains
/// have the opposite order as long as the other choices stand. If a cycle rests on no choice, no
/// order exists. The search is therefore complete: it ends with an order or with a contradiction,
/// unless its budget runs out.
struct ScanOrderSearch {
  /// Why one node has to come before another.
  enum Reason {
    /// The second saw the value that the first wrote.
    case sees
    /// The first belongs to a chain of the key, and the second to a later chain.
    case chains(Int32, Int32)
    /// Both belong to one chain of this key.
    case chain(Int32)
    /// The first returned before the second was called.
    case time
  }

  /// A node that has to be placed, and why it has to come before the node below it on the stack.
  struct Frame {
    var node: Int32
    var reason: Reason
  }

  private enum Need {
    case nothing
    case node(Int32, Reason)
  }

  enum Result {
    /// The nodes in an order that explains all answers.
    case explained([Int32])
    case contradiction(ScanContradiction)
    /// The key at which the search gave up.
    case outOfBudget(key: UInt32)
  }

  let history: ScanHistory
  var choices: ScanChoices
  /// The nodes placed, and the assertions made, in order; an assertion is negative.
  var trail: [Int32] = []
  var isPlaced: [Bool]
  private var isWaiting: [Bool]
  var stack: [Frame] = []
  /// The cluster whose value each key has.
  var current: [Int32]
  /// By cluster: that of the same key before it, and the place in the trail at which it began.
  var before: [Int32]
  var began: [Int]
  /// By cluster: all readers before this position are placed.
  var nextReader: [Int]
  /// By key: all chains of `chainsOfKey` before this position have begun.
  var nextChain: [Int]
  /// The answered nodes in order of their returns; all before `nextReturn` are placed.
  private let byReturn: [Int32]
  var nextReturn = 0
  let returnRank: [Int32]
  let chainRank: [Int32]

  init(_ history: ScanHistory) {
    self.history = history
    choices = ScanChoices()
    isPlaced = [Bool](repeating: false, count: history.nodeCount)
    isWaiting = isPlaced
    current = history.initial
    before = [Int32](repeating: -1, count: history.clusters.count)
    began = [Int](repeating: -1, count: history.clusters.count)
    nextReader = history.clusters.map(\.readers.lowerBound)
    nextChain = [Int](repeating: 0, count: history.keys.count)
    byReturn = (0..<Int32(history.nodeCount)).filter { history.returned[Int($0)] != .max }
      .sorted { (history.returned[Int($0)], $0) < (history.returned[Int($1)], $1) }
    var ranks = [Int32](repeating: .max, count: history.nodeCount)
    for (rank, node) in byReturn.enumerated() { ranks[Int(node)] = Int32(rank) }
    returnRank = ranks
    var chainRanks = [Int32](repeating: 0, count: history.chains.count)
    for chains in history.chainsOfKey {
      for (rank, chain) in chains.enumerated() { chainRanks[Int(chain)] = Int32(rank) }
    }
    chainRank = chainRanks
  }

  mutating func run(budget: inout SearchBudget) -> Result {
    while nextReturn < byReturn.count {
      let due = byReturn[nextReturn]
      if isPlaced[Int(due)] {
        nextReturn += 1
        continue
      }
      guard let cycle = place(due, &budget) else {
        if budget.steps < 0 { return .outOfBudget(key: key(of: due)) }
        continue
      }
      if let contradiction = takeBack(cycle) { return .contradiction(contradiction) }
    }
    return .explained(trail.filter { $0 >= 0 })
  }

  private func key(of node: Int32) -> UInt32 {
    let cluster = history.written[Int(node)]
    let any = cluster >= 0 ? cluster : history.seenClusters(of: Int(node)).first
    return any.map { history.keys[Int(history.clusters[Int($0)].key)] } ?? 0
  }

  // MARK: - Placing

  /// Places the node and all that must come before it.
  /// - Returns: nil if they are placed, or if the budget ran out.
  private mutating func place(_ due: Int32, _ budget: inout SearchBudget) -> ScanCycle? {
    let now = history.returned[Int(due)]
    push(due, .time)
    defer {
      for frame in stack { isWaiting[Int(frame.node)] = false }
      stack.removeAll(keepingCapacity: true)
    }
    while let top = stack.last, budget.steps >= 0 {
      let (need, steps) = need(of: Int(top.node))
      budget.steps -= steps
      guard case .node(let node, let reason) = need else {
        place(top.node)
        stack.removeLast()
        isWaiting[Int(top.node)] = false
        continue
      }
      if isWaiting[Int(node)] { return cycle(through: node, reason) }
      if history.invoked[Int(node)] > now { return cycle(afterReturnOf: node, reason) }
      push(node, reason)
    }
    return nil
  }

  private mutating func push(_ node: Int32, _ reason: Reason) {
    stack.append(Frame(node: node, reason: reason))
    isWaiting[Int(node)] = true
  }

  private mutating func place(_ node: Int32) {
    isPlaced[Int(node)] = true
    let cluster = history.written[Int(node)]
    if cluster >= 0 {
      let key = Int(history.clusters[Int(cluster)].key)
      before[Int(cluster)] = current[key]
      began[Int(cluster)] = trail.count
      current[key] = cluster
    }
    trail.append(node)
  }

  /// A node that must be placed before this one, and the number of steps needed to find it.
  private mutating func need(of node: Int) -> (Need, steps: Int) {
    let cluster = history.written[node]
    guard cluster < 0 else { return (need(ofWriteOf: Int(cluster)), 1) }
    let seen = history.seenStart[node]..<history.seenStart[node + 1]
    // All keys are left before the first one moves on, because a node that must come before may
    // need another key as it is.
    for place in seen {
      let wanted = history.seen[place]
      let present = current[Int(history.clusters[Int(wanted)].key)]
      guard present != wanted, let reader = unplacedReader(of: Int(present)) else { continue }
      return (.node(reader, order(present, wanted)), place - seen.lowerBound + 1)
    }
    for place in seen {
      let wanted = history.seen[place]
      guard current[Int(history.clusters[Int(wanted)].key)] != wanted else { continue }
      return (.node(history.clusters[Int(wanted)].writer, .sees), 2 * seen.count)
    }
    return (.nothing, 2 * seen.count + 1)
  }

  private mutating func need(ofWriteOf cluster: Int) -> Need {
    let (key, predecessor) = (
      Int(history.clusters[cluster].key), history.clusters[cluster].predecessor
    )
    let present = current[key]
    let node = history.clusters[cluster].writer
    if let reader = unplacedReader(of: Int(present), besides: node) {
      return .node(reader, order(present, Int32(cluster)))
    }
    guard predecessor < 0 else {
      return present == predecessor
        ? .nothing : .node(history.clusters[Int(predecessor)].writer, .sees)
    }
    let chain = history.clusters[cluster].chain
    if let earlier = unbegunChain(ofKey: key, before: chain) {
      return .node(writer(of: earlier), .chains(earlier, chain))
    }
    return .nothing
  }

  private func writer(of chain: Int32) -> Int32 {
    history.clusters[Int(history.chains[Int(chain)].root)].writer
  }

  private func order(_ a: Int32, _ b: Int32) -> Reason {
    let (key, a) = (history.clusters[Int(a)].key, history.clusters[Int(a)].chain)
    let b = history.clusters[Int(b)].chain
    return a == b ? .chain(key) : .chains(a, b)
  }

  private mutating func unplacedReader(of cluster: Int, besides node: Int32 = -1) -> Int32? {
    let end = history.clusters[cluster].readers.upperBound
    var place = nextReader[cluster]
    while place < end, isPlaced[Int(history.readers[place])] { place += 1 }
    nextReader[cluster] = place
    while place < end {
      let reader = history.readers[place]
      if reader != node && !isPlaced[Int(reader)] { return reader }
      place += 1
    }
    return nil
  }

  /// A chain of the key that has not begun and must come before another one.
  private mutating func unbegunChain(ofKey key: Int, before chain: Int32) -> Int32? {
    let end = history.chains[Int(chain)].lastInvoked
    var place = nextChain[key]
    var isFirst = true
    while place < history.chainsOfKey[key].count {
      let other = history.chainsOfKey[key][place]
      if isPlaced[Int(writer(of: other))] {
        place += 1
        if isFirst { nextChain[key] = place }
        continue
      }
      isFirst = false
      guard history.chains[Int(other)].firstReturned < end else { break }
      if other != chain { return other }
      place += 1
    }
    return choices.predecessors(of: chain).first { !isPlaced[Int(writer(of: $0))] }
  }
}
