import Histories
import Testing

@testable import Linearizability

/// Tests many clients on one key: which histories must be decided, in how many steps, and that no
/// rule for speed changes a verdict.
@Suite struct HotKeyTests {
  static let mixes: [[OperationKind]] = [
    [.get, .put],
    [.get, .put, .compareAndSwap],
    [.get, .put, .delete],
    [.get, .get, .get, .put, .put, .delete],
    [.get, .append],
    [.get, .append, .append, .append],
    [.get, .get, .append, .delete],
    [.get, .append, .put],
    [.get, .put, .compareAndSwap, .append, .delete],
  ]

  /// The budget counts work, so it does not depend on the machine. A register needs no search.
  private static func smallBudget(_ count: Int) -> SearchBudget {
    SearchBudget(configurations: 8 * count, steps: 1_000 * count)
  }

  @Test(
    "A hot key is decided for every mix, with up to 64 clients", arguments: mixes.indices)
  func decided(mix: Int) {
    for clients in [8, 16, 24, 32, 64] {
      var dice = Dice(UInt64(mix * 100 + clients))
      let history = honestHistory(
        &dice, operations: 1_500, clients: clients, kinds: Self.mixes[mix], hints: true)
      let check = ConsistencyCheck(budget: Self.smallBudget(history.count))
      #expect(check.verdict(of: history) == .linearizable, "\(clients) clients")
    }
  }

  @Test("A hot key with unanswered operations is decided", arguments: mixes.indices)
  func decidedWithOpens(mix: Int) {
    for clients in [8, 24] {
      var dice = Dice(UInt64(mix * 100 + clients))
      let history = honestHistory(
        &dice, operations: 600, clients: clients, kinds: Self.mixes[mix], opens: true, hints: true)
      let check = ConsistencyCheck(budget: Self.smallBudget(history.count))
      #expect(check.verdict(of: history) == .linearizable, "\(clients) clients")
    }
  }

  @Test(
    "One wrong read of a hot key is found, and a small part of the history proves it",
    arguments: mixes.indices)
  func refuted(mix: Int) throws {
    let hasAppends = Self.mixes[mix].contains(.append)
    for clients in [8, 16, 32] {
      var dice = Dice(UInt64(mix * 100 + clients))
      var history = honestHistory(
        &dice, operations: 600, clients: clients, kinds: Self.mixes[mix], hints: true)
      let last = try #require(history.lastIndex { $0.kind == .get })
      // The value of a read that ended long before, with many other writes after it.
      let stale = try #require(
        history.first {
          $0.kind == .get && !$0.observed.isAbsent && $0.observed != history[last].observed
        })
      history[last].observed = stale.observed
      let check = ConsistencyCheck(budget: Self.smallBudget(8 * history.count))
      guard case .violated(let counterexample) = check.verdict(of: history) else {
        Issue.record("not found with \(clients) clients")
        continue
      }
      #expect(isViolated(check.verdict(of: counterexample.operations)))
      #expect(counterexample.operations.allSatisfy(history.contains))
      #expect(hasAppends || counterexample.operations.count <= 12, "\(clients) clients")
    }
  }

  @Test(
    "Rules for appends and left states change no verdict", arguments: [0, 1, 2, 3, 4, 5, 6, 7])
  func agreement(variant: Int) {
    var dice = Dice(UInt64(variant) + 500)
    var violations = 0
    let initial = variant >= 6 ? ValueDigest([250, 250, variant == 6 ? 250 : 1]) : .absent
    for round in 0..<1_500 {
      let mix = Self.mixes[round % Self.mixes.count]
      var history = honestHistory(
        &dice, operations: 7, clients: 2 + round % 6, kinds: mix, opens: variant % 2 == 1,
        repeats: variant == 2 ? 2 : nil, hints: variant != 3, initial: initial)
      if dice.roll(4) > 0 { damage(&history, &dice, hints: variant == 4 || variant == 5) }
      for level in [Consistency.linearizable, .sequential] {
        let verdict = ConsistencyCheck(level).verdict(of: history, initial: [initial])
        let expected = bruteForce(history, programOrder: level == .sequential, initial: initial)
        #expect((verdict == .consistent(level)) == expected, "\(level) \(history)")
        guard case .violated(let counterexample) = verdict else { continue }
        violations += 1
        #expect(
          !bruteForce(
            counterexample.operations, programOrder: level == .sequential, initial: initial),
          "\(counterexample) in \(history)")
      }
    }
    #expect(violations > 200 && violations < 2_500)
  }

  @Test("A key may have an initial value that no operation wrote")
  func initialValue() {
    let first = [ValueDigest](repeating: .absent, count: 7) + [value(9)]
    for level in [Consistency.linearizable, .sequential, .eventual] {
      let check = ConsistencyCheck(level)
      #expect(isViolated(check.verdict(of: [get(9, 0, 1)])))
      #expect(check.verdict(of: [get(9, 0, 1)], initial: first) == .consistent(level))
      #expect(isViolated(check.verdict(of: [get(0, 0, 1)], initial: first)))
      #expect(
        check.verdict(of: [swap(9, 1, 0, 1), get(1, 2, 3)], initial: first) == .consistent(level))
    }
    let late = [get(9, 0, 1), put(1, 2, 3), get(9, 4, 5)]
    #expect(isViolated(ConsistencyCheck().verdict(of: late, initial: first)))
    // A key past the end of the table has no initial value.
    #expect(ConsistencyCheck().verdict(of: [get(0, 0, 1)], initial: [value(9)]) == .linearizable)
  }

  /// Changes the observed values of some operations, or their intervals, or the hints of appends.
  private func damage(_ history: inout [Operation], _ dice: inout Dice, hints: Bool) {
    let values = history.flatMap { [$0.observed, $0.argument, $0.expected] }
    for _ in 0...dice.roll(2) {
      let i = dice.roll(history.count)
      switch dice.roll(hints ? 4 : 3) {
      case 0 where history[i].kind == .get:
        history[i].observed = values[dice.roll(values.count)]
      case 1 where history[i].outcome == .ok:
        history[i].returned = history[i].invoked + Int64(dice.roll(10))
      case 3 where history[i].kind == .append:
        history[i].expected = values[dice.roll(values.count)]
      default:
        history[i].outcome = .failed
      }
    }
  }

  @Test("A correct history from which some operations are left out stays correct")
  func removal() {
    var dice = Dice(31)
    var left = 0
    for round in 0..<600 {
      let mix = Self.mixes[round % Self.mixes.count]
      let history = honestHistory(
        &dice, operations: 24, clients: 2 + round % 6, kinds: mix, opens: round % 3 == 0,
        repeats: round % 4 == 0 && !mix.contains(.append) ? 3 : nil, hints: true)
      for level in [Consistency.linearizable, .sequential] {
        let start = dice.roll(history.count)
        let end = start + dice.roll(history.count - start + 1)
        let kept = dice.roll(2) == 0 ? history[dice.roll(history.count)] : nil
        let gone = Removal(history, level, initial: .absent).removing(start..<end, keeping: kept)
        let rest = history.indices.filter { !gone[$0] }.map { history[$0] }
        left += gone.count { $0 }
        #expect(ConsistencyCheck(level).verdict(of: rest) == .consistent(level), "\(history)")
        if let kept { #expect(rest.contains(kept)) }
      }
    }
    #expect(left > 3_000)
  }

  @Test("A search that gives up names the size of the key, the cause, and a remedy")
  func reason() {
    var dice = Dice(3)
    let hard = honestHistory(
      &dice, operations: 200, clients: 20, kinds: [.get, .put, .append, .delete])
    let check = ConsistencyCheck(budget: SearchBudget(configurations: 20, steps: 1_000))
    guard case .undecided(_, let reason) = check.verdict(of: hard) else {
      Issue.record("decided")
      return
    }
    #expect(
      reason.contains("operations ran out of its budget after 20 states were remembered, because"))
    #expect(reason.contains("of them overlap, with appends, deletes;"))
    for word in ["fewer clients per key", "a mix of", "a larger budget"] {
      #expect(reason.contains(word))
    }
  }
}
