import Histories
import Linearizability
import Testing

/// Tests the check of histories with scans, which read several keys at one moment.
@Suite struct ScanTests {
  static let mixtures: [(name: String, what: ScanIngredients)] = [
    ("two keys", ScanIngredients(mistakes: 10)),
    ("three keys", ScanIngredients(operations: 8, keys: 3, mistakes: 10)),
    ("long intervals", ScanIngredients(operations: 8, clients: 6, span: 40, mistakes: 10)),
    ("with swaps", ScanIngredients(keys: 2, span: 30, swaps: true, mistakes: 10)),
    ("scans and puts", ScanIngredients(clients: 7, span: 40, gets: false, mistakes: 20)),
    (
      "torn scans",
      ScanIngredients(
        operations: 10, clients: 7, keys: 3, span: 60, gets: false, opens: false, tears: true)
    ),
    ("torn and wrong", ScanIngredients(clients: 6, keys: 3, span: 40, mistakes: 10, tears: true)),
    (
      "all at once",
      ScanIngredients(
        operations: 10, clients: 10, keys: 4, span: 80, gets: false, opens: false, tears: true)
    ),
  ]

  @Test("The verdict equals that of trying every order", arguments: mixtures.indices)
  func agreesWithBruteForce(mixture: Int) {
    var dice = Dice(UInt64(mixture) + 1)
    var violations = 0
    for _ in 0..<2_000 {
      let history = scannedHistory(&dice, Self.mixtures[mixture].what)
      guard !history.scans.isEmpty else { continue }
      let verdict = history.verdict()
      let expected = bruteForce(history)
      #expect(verdict.name == (expected ? "linearizable" : "violated"), "\(history)")
      if case .violated(let counterexample) = verdict {
        violations += 1
        #expect(!bruteForce(counterexample.history), "\(counterexample) in\n\(history)")
        #expect(counterexample.culprit.map(counterexample.operations.contains) == true)
      }
    }
    #expect(violations > 4 && violations < 1_900, "\(violations)")
  }

  @Test("Two scans that saw two writes in opposite orders contradict each other")
  func oppositeOrders() {
    var history = ScannedHistory()
    history.put(1, 1, 0, 100)
    history.put(2, 2, 0, 100)
    history.scan([(1, 1), (2, 0)], 10, 20)
    history.sort()
    #expect(history.verdict() == .linearizable)
    history.scan([(1, 0), (2, 2)], 10, 20)
    history.sort()
    guard case .violated(let counterexample) = history.verdict() else {
      Issue.record("not caught")
      return
    }
    #expect(counterexample.operations.count == 6)
    #expect(counterexample.explanation.contains("which saw or wrote a later value"))
    // Each key alone can be explained, so that only the scans' one moment is broken.
    for key in [1, 2] as [UInt32] {
      let alone = history.operations.flatMap { operation in
        operation.kind == .scan
          ? history.seen(by: operation).map(operation.part) : [operation]
      }.filter { $0.key == key }
      #expect(ConsistencyCheck().verdict(of: alone) == .linearizable)
    }
  }

  @Test("A scan that saw a newer write and missed an older, finished one is caught")
  func missedFinishedWrite() {
    var history = ScannedHistory()
    history.put(1, 1, 0, 10)
    history.put(2, 2, 20, 30)
    history.scan([(1, 0), (2, 2)], 5, 40)
    history.sort()
    #expect(isViolated(history.verdict()))
    #expect(history.verdict(.eventual) == .consistent(.eventual))
    #expect(history.verdict(.none).name == "unchecked")
  }

  @Test("A scan that saw a value before anyone wrote it violates eventual consistency, too")
  func unwritten() {
    var history = ScannedHistory()
    history.put(1, 1, 50, 60)
    history.scan([(1, 1), (2, 0)], 5, 40)
    history.sort()
    #expect(isViolated(history.verdict()))
    #expect(isViolated(history.verdict(.eventual)))
    history.scan([(3, 9)], 70, 80)
    #expect(isViolated(history.verdict()))
  }

  @Test("A write without an answer took effect if a scan saw it, and may be left out otherwise")
  func unknownOutcomes() {
    var history = ScannedHistory()
    history.put(1, 1, 0, nil)
    history.put(1, 2, 0, nil)
    history.scan([(1, 0), (2, 0)], 10, 20)
    history.scan([(1, 2), (2, 0)], 30, 40)
    history.scan([(1, 2), (2, 0)], 50, nil)
    history.sort()
    #expect(history.verdict() == .linearizable)
    history.scan([(1, 0), (2, 0)], 50, 60)
    #expect(isViolated(history.verdict()))
  }

  @Test("What cannot be decided beside scans is said in words")
  func undecidable() {
    var sequential = ScannedHistory()
    sequential.put(1, 1, 0, 10)
    sequential.scan([(1, 1)], 20, 30)
    for (kind, word) in [(OperationKind.delete, "delete"), (.append, "append"), (.put, "twice")] {
      var history = sequential
      history.put(1, 1, 40, 50)
      history.operations[2].kind = kind
      guard case .undecided(let key, let reason) = history.verdict() else {
        Issue.record("decided \(kind)")
        continue
      }
      #expect(key == 1 && reason.contains(word), "\(reason)")
    }
    guard case .undecided(_, let reason) = sequential.verdict(.sequential) else {
      Issue.record("decided")
      return
    }
    #expect(reason.contains("key by key"))
  }

  @Test("A budget that is too small leaves the verdict open")
  func smallBudget() {
    var dice = Dice(3)
    let what = ScanIngredients(operations: 2_000, clients: 16, keys: 4, span: 60)
    let history = scannedHistory(&dice, what)
    let check = ConsistencyCheck(budget: SearchBudget(steps: 100))
    guard
      case .undecided(_, let reason) = check.verdict(
        of: history.operations, scans: history.scans)
    else {
      Issue.record("decided")
      return
    }
    #expect(reason.contains("100 steps"))
  }

  @Test("Large histories are decided: correct, torn, and with one value of one scan changed")
  func large() {
    for (clients, keys) in [(8, 3), (32, 8), (64, 40)] {
      var dice = Dice(UInt64(clients))
      var what = ScanIngredients(
        operations: 4_000, clients: clients, keys: keys, span: 80, swaps: keys == 8)
      var history = scannedHistory(&dice, what)
      #expect(history.verdict() == .linearizable, "\(clients) clients")
      // A scan late in the history saw the first value of a key that has a newer one since long.
      let late = history.operations.lastIndex { $0.kind == .scan && $0.outcome == .ok }!
      var seen = history.scans.versions(of: history.operations[late])
      seen[0].value = .absent
      history.scans.add(seen, to: &history.operations[late])
      #expect(isViolated(history.verdict()), "\(clients) clients")
      what.tears = true
      let torn = scannedHistory(&dice, what)
      guard case .violated(let counterexample) = torn.verdict() else {
        Issue.record("torn scans of \(clients) clients were not caught")
        continue
      }
      #expect(isViolated(counterexample.history.verdict()), "\(counterexample)")
    }
  }
}
