import Histories

/// Turns the positions that a fast check found into a self-contained counterexample.
struct RegisterEvidence {
  let key: UInt32
  let chains: RegisterChains
  let operations: UnsafeBufferPointer<KeyedOperation>
  /// The operations as recorded. Their appends are swaps in `operations`.
  let history: UnsafeBufferPointer<Operation>
  private var chosen: Set<Int> = []

  init(
    key: UInt32, chains: RegisterChains, operations: UnsafeBufferPointer<KeyedOperation>,
    history: UnsafeBufferPointer<Operation>
  ) {
    self.key = key
    self.chains = chains
    self.operations = operations
    self.history = history
  }

  mutating func counterexample(_ violation: RegisterChains.Violation) -> Counterexample {
    switch violation {
    case .unwritten(let i):
      add(i)
      let isAbsent = operations[i].length < 0
      return finish(
        i,
        isAbsent
          ? "\(text(i)) found no value, but the key began with one and no operation deleted it."
          : "\(text(i)) saw a value that no operation wrote.")
    case .swappedTwice(let a, let b):
      add(a)
      add(b)
      return finish(
        b, "\(text(a)) and \(text(b)) both replaced the same value, which was written once.")
    case .rootless(let i):
      add(i)
      return finish(i, "\(text(i)) belongs to swaps that only feed each other.")
    case .backwards(let earlier, let later):
      add(earlier)
      add(later)
      return finish(
        later,
        "By its value \(text(later)) comes after \(text(earlier)), "
          + "yet it came first and was over.")
    case .interleaved(let u, let v):
      let (fu, su) = ends(u)
      let (fv, sv) = ends(v)
      for i in [fu, su, fv, sv] { add(i) }
      return finish(
        su,
        "\(text(fu)) returned before \(text(sv)) was invoked, and \(text(fv)) returned before "
          + "\(text(su)) was invoked: "
          + (isEmpty(u) || isEmpty(v)
            ? "a value would have to come back after it was gone, but it was written once."
            : "each value would have to come back after the other, but both were written once."))
    }
  }

  mutating func counterexample(_ violation: ProgramOrderCheck.Violation) -> Counterexample {
    switch violation {
    case .chain(let violation):
      return counterexample(violation)
    case .cycle(let positions):
      for i in positions { add(i) }
      return finish(
        positions.last ?? 0,
        "The clients' own orders contradict each other: every value was written once, and each of "
          + "these would have to come before the next and the last before the first.")
    }
  }

  /// Adds an operation and the operations that prove its value existed: the writes of its chain up
  /// to it, and an observer if its own write was never answered.
  private mutating func add(_ position: Int) {
    guard chosen.insert(position).inserted else { return }
    let operation = operations[position]
    var cluster = Int(chains.find(operation.hash, operation.length))
    guard cluster >= 0 else { return }
    if operation.returned == .max {
      if chains.clusters[cluster].firstReadReturned != .max {
        add(
          Zones.reader(
            of: chains.clusters[cluster], returning: chains.clusters[cluster].firstReadReturned,
            operations))
      } else if chains.clusters[cluster].successor >= 0 {
        add(Int(chains.clusters[Int(chains.clusters[cluster].successor)].write))
      }
    }
    while chains.clusters[cluster].write >= 0 {
      chosen.insert(Int(chains.clusters[cluster].write))
      guard chains.clusters[cluster].predecessor >= 0 else { return }
      cluster = Int(chains.clusters[cluster].predecessor)
      if cluster == Int(chains.find(operation.hash, operation.length)) { return }
    }
  }

  /// Whether the block stands for a delete or for an operation that found no value.
  private func isEmpty(_ root: Int32) -> Bool {
    let write = chains.clusters[Int(root)].write
    guard write >= 0 else { return false }
    let operation = history[Int(operations[Int(write)].index)]
    return operation.kind != .append && operation.writtenValue?.isAbsent ?? true
  }

  /// The operations of a block with the first return and the last call. The initial value's write
  /// has no operation; its first reader stands in for it.
  private func ends(_ root: Int32) -> (first: Int, last: Int) {
    var f = (time: Int64.max, position: 0)
    var s = (time: Int64.min, position: 0)
    var c = root
    while c >= 0 {
      let cluster = chains.clusters[Int(c)]
      if cluster.write >= 0 {
        if cluster.writeReturned < f.time { f = (cluster.writeReturned, Int(cluster.write)) }
        if cluster.writeInvoked > s.time { s = (cluster.writeInvoked, Int(cluster.write)) }
      }
      if cluster.firstReadReturned < f.time {
        let reader = Zones.reader(of: cluster, returning: cluster.firstReadReturned, operations)
        f = (cluster.firstReadReturned, reader)
      }
      if cluster.lastReadInvoked > s.time {
        let reader = Zones.reader(of: cluster, invokedAt: cluster.lastReadInvoked, operations)
        s = (cluster.lastReadInvoked, reader)
      }
      c = cluster.successor
    }
    return (f.position, s.position)
  }

  private func text(_ position: Int) -> String {
    Counterexample.text(history[Int(operations[position].index)])
  }

  private func finish(_ culprit: Int, _ explanation: String) -> Counterexample {
    let proof = AppendProof(operations, history).completed(chosen)
    return Counterexample(
      key: key,
      operations: proof.sorted().map { history[Int(operations[$0].index)] },
      culprit: history[Int(operations[culprit].index)], explanation: explanation)
  }
}

extension Counterexample {
  /// One operation in words, such as `client 3's get -> 1f (10..25 ns)`.
  public static func text(_ operation: Operation) -> String {
    func value(_ digest: ValueDigest) -> String {
      digest.isAbsent ? "nothing" : String(digest.hash, radix: 16)
    }
    let what =
      switch operation.kind {
      case .get, .scan: "\(operation.kind.name) -> \(value(operation.observed))"
      case .put: "put \(value(operation.argument))"
      case .delete: "delete"
      case .append: "append \(value(operation.argument))"
      case .compareAndSwap:
        "cas \(value(operation.expected)) \(value(operation.argument))"
          + (operation.outcome == .ok && !operation.swapped
            ? " (refused, found "
              + (operation.observed == .unobserved ? "another" : value(operation.observed)) + ")"
            : "")
      }
    let end = operation.outcome == .ok ? "\(operation.returned) ns" : "unanswered"
    return "client \(operation.client)'s \(what) (\(operation.invoked)..\(end))"
  }
}
