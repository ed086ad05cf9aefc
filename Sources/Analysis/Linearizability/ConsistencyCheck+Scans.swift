import Histories

extension ConsistencyCheck {
  /// The verdict on a history with scans.
  ///
  /// Each key must be linearizable with the scans' parts as reads, which is checked first, because
  /// it is fast and its counterexamples are short. That is not enough, because a scan reads all its
  /// keys at one moment; `ScanOrderSearch` looks for an order of all operations. An order that it
  /// finds is carried out on a model of the store, and only then is the history linearizable.
  ///
  /// - Parameters:
  ///   - history: in order of invocation.
  ///   - scans: the values that its scans returned.
  ///   - initial: as for a history without scans.
  public func verdict(
    of history: [Operation], scans: ScannedValues, initial: [ValueDigest] = []
  ) -> Verdict {
    guard !scans.isEmpty else { return verdict(of: history, initial: initial) }
    switch consistency {
    case .none: return .consistent(.none)
    case .eventual: return eventualVerdict(of: history, scans, initial)
    case .sequential:
      let first = history.first { $0.kind == .scan }
      return .undecided(
        key: first?.key ?? 0,
        reason: "sequential consistency is judged key by key, which says nothing of the one moment "
          + "at which a scan reads its keys")
    case .linearizable: break
    }
    do throws(ScanHistory.Obstacle) {
      let nodes = try ScanHistory(history, scans, initial: initial)
      if let key = nodes.contradictoryKey {
        let verdict = verdict(ofKey: key, in: history, scans, initial)
        if case .violated = verdict { return verdict }
      }
      return order(nodes, history, scans, initial)
    } catch {
      switch error {
      case .contradictoryKey(let key): return verdict(ofKey: key, in: history, scans, initial)
      case .unsuited(let key, let reason): return .undecided(key: key, reason: reason)
      }
    }
  }

  private func order(
    _ nodes: ScanHistory, _ history: [Operation], _ scans: ScannedValues, _ initial: [ValueDigest]
  ) -> Verdict {
    var search = ScanOrderSearch(nodes)
    var remaining = budget
    switch search.run(budget: &remaining) {
    case .explained(let order):
      let positions = order.map { Int(nodes.positions[Int($0)]) }
      var replay = ScanReplay(history, scans, initial)
      if replay.explains(positions) { return .linearizable }
      return .undecided(
        key: history[positions[0]].key,
        reason: "the order that was found does not explain the answers, which is a mistake of the "
          + "checker")
    case .contradiction(let contradiction):
      return .violated(contradiction.counterexample(nodes, history, scans))
    case .outOfBudget(let key):
      return .undecided(
        key: key,
        reason:
          "the search for an order of \(nodes.nodeCount) operations with scans ran out of its "
          + "budget after \(budget.steps) steps, because too many writes of the same keys overlap; "
          + "fewer clients, more keys, or a larger budget (rsmbench check --budget) can decide it")
    }
  }

  /// The verdict on one key, whose part of each scan is a read.
  private func verdict(
    ofKey key: UInt32, in history: [Operation], _ scans: ScannedValues, _ initial: [ValueDigest]
  ) -> Verdict {
    var part: [Operation] = []
    for operation in history {
      if operation.kind != .scan {
        if operation.key == key { part.append(operation) }
      } else if operation.outcome == .ok {
        for version in scans.versions(of: operation) where version.key == key {
          part.append(operation.part(version))
        }
      }
    }
    return verdict(of: part, initial: initial)
  }
}

extension ScanHistory {
  /// A key that cannot be explained even alone, by the check of `Zones`.
  var contradictoryKey: UInt32? {
    for key in keys.indices where isContradictory(key) { return keys[key] }
    return nil
  }

  private func isContradictory(_ key: Int) -> Bool {
    var zones: [(left: Int64, first: Int64, last: Int64)] = []
    let own = [clusters[Int(initial[key])].chain] + chainsOfKey[key]
    for number in own {
      let chain = chains[Int(number)]
      if isBackwards(chain) { return true }
      guard chain.lastInvoked > .min else { continue }
      // The initial value has an imaginary write before all operations.
      let first = clusters[Int(chain.root)].writer < 0 ? .min : chain.firstReturned
      zones.append((min(first, chain.lastInvoked), first, chain.lastInvoked))
    }
    // A zone that ends where another begins does not clash with it, so it comes first.
    zones.sort { ($0.left, $0.first < $0.last ? 1 : 0) < ($1.left, $1.first < $1.last ? 1 : 0) }
    var latest = Int64.min
    for zone in zones {
      if zone.first < latest { return true }
      if zone.first < zone.last { latest = max(latest, zone.last) }
    }
    return false
  }

  /// Whether an operation of a chain returned before an earlier one of it was called.
  private func isBackwards(_ chain: Chain) -> Bool {
    var latest = Int64.min
    var c = chain.root
    while c >= 0 {
      let cluster = clusters[Int(c)]
      if cluster.writer >= 0 {
        if returned[Int(cluster.writer)] < latest { return true }
        latest = max(latest, invoked[Int(cluster.writer)])
      }
      var lastCall = latest
      for reader in readers[cluster.readers]
      where written[Int(reader)] != cluster.successor
        || cluster.successor < 0
      {
        if returned[Int(reader)] < latest { return true }
        lastCall = max(lastCall, invoked[Int(reader)])
      }
      latest = lastCall
      c = cluster.successor
    }
    return false
  }
}
