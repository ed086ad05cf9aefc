import Histories

/// Nodes each of which must come before the next, and the last before the first.
struct ScanCycle {
  /// Each node, and why it must come before the next.
  var steps: [(node: Int32, reason: ScanOrderSearch.Reason)]
}

/// A cycle that rests on no choice.
struct ScanContradiction {
  var cycle: ScanCycle
  /// What proves the order of the cycle's chains.
  var basis: ScanChoices.Basis
}

/// The orders of chains that `ScanOrderSearch` has chosen or concluded.
struct ScanChoices {
  /// The order of two chains of one key that overlap in time.
  struct Choice: Hashable, Comparable {
    var before: Int32
    var after: Int32

    static func < (a: Choice, b: Choice) -> Bool {
      (a.before, a.after) < (b.before, b.after)
    }
  }

  /// The choices from which an order follows, and the nodes that prove it by what they show of
  /// some keys.
  struct Basis {
    var choices: Set<Choice> = []
    var evidence: Set<Int32> = []
    var keys: Set<Int32> = []

    mutating func formUnion(_ other: Basis) {
      choices.formUnion(other.choices)
      evidence.formUnion(other.evidence)
      keys.formUnion(other.keys)
    }
  }

  private struct Assertion {
    var order: Choice
    var basis: Basis
    /// Whether it is itself a choice.
    var isChoice: Bool
    /// Its place in the trail; -1 for one that always holds.
    var place: Int
  }

  private var assertions: [Assertion?] = []
  private var numbers: [Choice: Int] = [:]
  private var predecessors: [Int32: [Int32]] = [:]

  /// The chains that must come before a chain.
  func predecessors(of chain: Int32) -> [Int32] {
    predecessors.isEmpty ? [] : predecessors[chain] ?? []
  }

  /// The place in the trail at which an asserted choice was made; nil for a choice that was made by
  /// beginning the first chain.
  func place(of choice: Choice) -> Int? {
    numbers[choice].flatMap { assertions[$0]?.place }
  }

  /// Adds the reasons for which one chain comes before another. If there are none, it is a choice.
  func justify(_ a: Int32, before b: Int32, in history: ScanHistory, into basis: inout Basis) {
    let (first, second) = (history.chains[Int(a)], history.chains[Int(b)])
    basis.evidence.formUnion([first.firstNode, second.lastNode].filter { $0 >= 0 })
    basis.keys.insert(history.clusters[Int(first.root)].key)
    if history.clusters[Int(first.root)].writer < 0 { return }
    if first.firstReturned < second.lastInvoked { return }
    let choice = Choice(before: a, after: b)
    guard let number = numbers[choice], let assertion = assertions[number], !assertion.isChoice
    else {
      basis.choices.insert(choice)
      return
    }
    basis.formUnion(assertion.basis)
  }

  /// Makes a choice before either chain begins.
  /// - Returns: its entry in the trail.
  mutating func decide(_ choice: Choice, at place: Int) -> Int32 {
    add(Assertion(order: choice, basis: Basis(), isChoice: true, place: place))
  }

  /// Concludes that a chain comes before another, as long as the choices of the basis stand.
  /// - Returns: its entry in the trail.
  mutating func assert(
    _ a: Int32, before b: Int32, on basis: Basis, at place: Int
  ) -> Int32 {
    add(
      Assertion(
        order: Choice(before: a, after: b), basis: basis, isChoice: false, place: place))
  }

  private mutating func add(_ assertion: Assertion) -> Int32 {
    let number = assertions.count
    assertions.append(assertion)
    numbers[assertion.order] = number
    predecessors[assertion.order.after, default: []].append(assertion.order.before)
    return Int32(-1 - number)
  }

  mutating func undo(_ entry: Int32) {
    let number = Int(-1 - entry)
    guard let assertion = assertions[number] else { return }
    assertions[number] = nil
    numbers[assertion.order] = nil
    predecessors[assertion.order.after]?.removeAll { $0 == assertion.order.before }
  }
}
