import Histories
import Linearizability
import Testing

/// Tests that every method gives the verdict of the definition.
@Suite struct AgreementTests {
  static let mixtures: [(String, Ingredients)] = [
    ("gets and puts", Ingredients()),
    ("with swaps", Ingredients(swaps: true)),
    ("long intervals", Ingredients(span: 30, swaps: true)),
    ("repeated values", Ingredients(swaps: true, uniqueValues: false)),
    ("with deletes", Ingredients(swaps: true, deletes: true)),
    ("with appends", Ingredients(appends: true, uniqueValues: false)),
    ("different appends", Ingredients(appends: true, deletes: true)),
    ("seven clients", Ingredients(operations: 7, clients: 7, span: 30, swaps: true, deletes: true)),
    ("a client each", Ingredients(operations: 7, clients: 7, span: 30, appends: true)),
  ]

  @Test("The verdict equals that of trying every order", arguments: mixtures.indices)
  func agreesWithBruteForce(mixture: Int) {
    var dice = Dice(UInt64(mixture) + 1)
    var violations = 0
    for _ in 0..<2_000 {
      let history = randomHistory(&dice, Self.mixtures[mixture].1)
      let verdict = ConsistencyCheck().verdict(of: history)
      let expected = bruteForce(history)
      #expect((verdict == .linearizable) == expected, "\(history)")
      if case .violated(let counterexample) = verdict {
        violations += 1
        #expect(!bruteForce(counterexample.operations), "\(counterexample) in \(history)")
      }
    }
    #expect(violations > 100 && violations < 1_900)
  }

  @Test("The search alone agrees with the fast check of registers")
  func searchAgreesWithZones() {
    var dice = Dice(77)
    for _ in 0..<2_000 {
      let history = randomHistory(&dice, Ingredients(operations: 9, clients: 4, swaps: true))
      var budget = SearchBudget()
      let actions = history.filter { !($0.kind == .get && $0.outcome != .ok) }
        .map { TimedAction($0) }
      let found = LinearizationSearch.run(KeyValueModel(), actions, budget: &budget)
      let isExplained = if case .explained = found { true } else { false }
      #expect(isExplained == (ConsistencyCheck().verdict(of: history) == .linearizable))
    }
  }

  @Test("Per-key sequential verdicts match trying every order", arguments: mixtures.indices)
  func programOrderAgreesWithBruteForce(mixture: Int) {
    var dice = Dice(UInt64(mixture) + 100)
    var violations = 0
    for _ in 0..<1_000 {
      let history = randomHistory(&dice, Self.mixtures[mixture].1)
      let verdict = ConsistencyCheck(.sequential).verdict(of: history)
      let expected = bruteForce(history, programOrder: true)
      #expect((verdict == .consistent(.sequential)) == expected, "\(history)")
      if case .violated(let counterexample) = verdict {
        violations += 1
        #expect(!bruteForce(counterexample.operations, programOrder: true))
      }
    }
    #expect(violations > 20)
  }

  @Test("An order found by the search explains every answer and respects time")
  func orderIsAWitness() throws {
    var dice = Dice(5)
    for _ in 0..<100 {
      let history = honestHistory(
        &dice, operations: 40, clients: 5, kinds: [.get, .put, .append, .compareAndSwap, .delete],
        opens: true)
      let actions = history.map { TimedAction($0) }
      var budget = SearchBudget()
      let result = LinearizationSearch.run(KeyValueModel(), actions, budget: &budget)
      guard case .explained(let order) = result else {
        Issue.record("\(result)")
        continue
      }
      var state = ValueDigest.absent
      var latestCall = Int64.min
      for i in order {
        #expect(actions[i].returned >= latestCall)
        latestCall = max(latestCall, actions[i].invoked)
        state = try #require(KeyValueModel().apply(actions[i].action, to: state))
      }
      #expect(Set(order).count == order.count)
      #expect(actions.indices.allSatisfy { actions[$0].isOpen || order.contains($0) })
    }
  }

  @Test("Correct histories pass, and one wrong read in them is caught")
  func mutation() {
    var dice = Dice(9)
    // Each of four choices of operations with each of three rounds, one of which has open ones.
    for round in 0..<12 {
      let kinds: [OperationKind] =
        [[.get, .put], [.get, .put, .compareAndSwap], [.get, .append], [.get, .put, .delete]][
          round % 4]
      var history = honestHistory(
        &dice, operations: 100, clients: 5, keys: 2, kinds: kinds,
        opens: round % 3 == 0 && round % 4 != 2)
      #expect(ConsistencyCheck().verdict(of: history) == .linearizable)
      // A read late in the history gets the oldest value of its key.
      let last = history.lastIndex { $0.kind == .get && $0.outcome == .ok }!
      let stale = history.first {
        $0.kind == .get && $0.outcome == .ok && $0.key == history[last].key
          && $0.observed != history[last].observed && !$0.observed.isAbsent
      }!
      history[last].observed = stale.observed
      let isRepeatable = kinds.contains(.delete) || kinds.contains(.append)
      let verdict = ConsistencyCheck().verdict(of: history)
      if case .violated(let counterexample) = verdict {
        #expect(counterexample.key == history[last].key)
        if !isRepeatable && !kinds.contains(.compareAndSwap) {
          #expect(counterexample.operations.count <= 6)
        }
      } else {
        Issue.record("not caught in round \(round)")
      }
    }
  }
}
