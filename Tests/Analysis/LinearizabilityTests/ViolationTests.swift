import Histories
import Linearizability
import Testing

/// Hand-made histories, one for each kind of violation.
@Suite struct ViolationTests {
  private func verdict(_ operations: [Operation]) -> Verdict {
    ConsistencyCheck().verdict(of: inOrder(operations))
  }

  @Test("An empty history and a key without a value are linearizable")
  func empty() {
    #expect(verdict([]) == .linearizable)
    #expect(verdict([get(0, 1, 2), get(0, 3, 4)]) == .linearizable)
  }

  @Test("A stale read is a violation, and the counterexample has only the operations that prove it")
  func staleRead() throws {
    let history = [
      put(1, 0, 1), put(2, 10, 11), get(2, 20, 21), get(1, 30, 31), put(3, 40, 41),
    ]
    guard case .violated(let counterexample) = verdict(history) else {
      Issue.record("passed")
      return
    }
    #expect(counterexample.key == 7)
    #expect(counterexample.operations.count <= 4)
    #expect(counterexample.operations.contains(get(1, 30, 31)))
    #expect(counterexample.explanation.contains("before"))
  }

  @Test("A stale read is allowed if only client order counts, until a client reads backwards")
  func staleReadIsSequential() {
    let history = [put(1, 0, 1), put(2, 10, 11), get(1, 30, 31, client: 5)]
    #expect(isViolated(verdict(history)))
    let check = ConsistencyCheck(.sequential)
    #expect(check.verdict(of: history) == .consistent(.sequential))
    let back = [put(1, 0, 1), put(2, 10, 11), get(2, 20, 21), get(1, 30, 31)]
    #expect(isViolated(check.verdict(of: back)))
    #expect(ConsistencyCheck(.eventual).verdict(of: back) == .consistent(.eventual))
  }

  @Test("A lost write is a violation")
  func lostWrite() { #expect(isViolated(verdict([put(1, 0, 1), get(0, 5, 6)]))) }

  @Test("A value that was never written is a violation at every level")
  func unwritten() {
    let history = [put(1, 0, 1), get(9, 5, 6)]
    for level in [Consistency.linearizable, .sequential, .eventual] {
      #expect(isViolated(ConsistencyCheck(level).verdict(of: history)))
    }
    #expect(ConsistencyCheck(.none).verdict(of: history).name == "unchecked")
  }

  @Test("A failed write explains no read")
  func failedWrite() {
    var write = put(1, 0, 1)
    write.outcome = .failed
    #expect(isViolated(verdict([write, get(1, 5, 6)])))
    #expect(verdict([write, get(0, 5, 6)]) == .linearizable)
  }

  @Test("Reading new then old during one write is a violation; old then new is not")
  func newThenOld() {
    let write = put(1, 0, 100)
    #expect(isViolated(verdict([write, get(1, 10, 20), get(0, 30, 40)])))
    #expect(verdict([write, get(0, 10, 20), get(1, 30, 40)]) == .linearizable)
  }

  @Test("A read from the future is a violation")
  func future() { #expect(isViolated(verdict([get(1, 0, 1), put(1, 2, 3)]))) }

  @Test("Operations that meet at equal times are concurrent")
  func equalTimes() {
    #expect(verdict([put(1, 0, 5), get(0, 5, 6)]) == .linearizable)
    #expect(verdict([get(1, 0, 2), put(1, 2, 3)]) == .linearizable)
    #expect(isViolated(verdict([put(1, 0, 4), get(0, 5, 6)])))
  }

  @Test("A write without an answer may take effect late, once, or never")
  func openWrites() {
    #expect(verdict([put(1, 0, nil), get(0, 50, 51), get(1, 2_000, 2_001)]) == .linearizable)
    #expect(verdict([put(1, 0, nil), get(0, 50, 51)]) == .linearizable)
    #expect(
      isViolated(
        verdict([put(1, 0, nil), get(1, 10, 11), put(2, 20, 21), get(2, 30, 31), get(1, 40, 41)])))
    #expect(isViolated(verdict([get(1, 0, 1), put(1, 5, nil)])))
  }

  @Test("Swaps form a chain: forks, gaps and backward steps are violations")
  func swapChains() {
    let start = put(1, 0, 1)
    #expect(
      verdict([start, swap(1, 2, 5, 6), swap(2, 3, 10, 11), get(3, 20, 21)]) == .linearizable)
    #expect(isViolated(verdict([start, swap(1, 2, 5, 6), swap(1, 3, 10, 11)])))
    #expect(isViolated(verdict([start, swap(8, 2, 5, 6)])))
    #expect(isViolated(verdict([start, swap(1, 2, 5, 6), get(1, 10, 11)])))
    #expect(isViolated(verdict([swap(2, 1, 0, 9), swap(1, 2, 0, 9)])))
    // In real time a put lies between two links of the chain.
    #expect(isViolated(verdict([start, put(2, 5, 6), get(2, 7, 8), swap(1, 3, 10, 11)])))
    // An unanswered swap whose value was seen did happen, and so did the one before it.
    #expect(
      verdict([start, swap(1, 2, 5, nil), swap(2, 3, 6, nil), get(3, 9, 10)]) == .linearizable)
    #expect(
      isViolated(
        verdict([start, swap(1, 2, 5, nil), swap(2, 3, 6, nil), get(3, 9, 10), get(2, 20, 21)])))
  }

  @Test("A failed swap reads the value it found, or shows only that the value differed")
  func refusals() {
    #expect(verdict([put(1, 0, 1), refused(2, found: 1, 5, 6)]) == .linearizable)
    #expect(isViolated(verdict([put(1, 0, 1), refused(2, found: 0, 5, 6)])))
    #expect(isViolated(verdict([put(1, 0, 1), refused(1, found: 1, 5, 6)])))
    #expect(verdict([put(1, 0, 1), refused(2, found: nil, 5, 6)]) == .linearizable)
    #expect(isViolated(verdict([put(1, 0, 1), refused(1, found: nil, 5, 6)])))
    // Only an unanswered write that was never read explains this failure.
    #expect(
      verdict([put(1, 0, 1), put(2, 2, nil), refused(1, found: nil, 5, 6)]) == .linearizable)
  }

  @Test("A value shows the order, loss and duplication of appends")
  func appends() {
    func read(_ parts: [UInt8], _ from: Int64, _ to: Int64) -> Operation {
      Operation(
        client: 1, kind: .get, key: 7, observed: ValueDigest(parts), outcome: .ok, invoked: from,
        returned: to)
    }
    let both = [append(1, 0, 1), append(2, 5, 6)]
    #expect(verdict(both + [read([1, 2], 10, 11)]) == .linearizable)
    #expect(isViolated(verdict(both + [read([2, 1], 10, 11)])))
    #expect(isViolated(verdict(both + [read([1], 10, 11)])))
    #expect(isViolated(verdict(both + [read([1, 2, 2], 10, 11)])))
    #expect(verdict([append(1, 0, 9), append(2, 0, 9), read([2, 1], 10, 11)]) == .linearizable)
    #expect(verdict([append(1, 0, nil), append(2, 5, 6), read([2], 10, 11)]) == .linearizable)
  }

  @Test("Keys are checked separately, and the violation names its key")
  func keys() {
    var other = [put(1, 0, 1), get(0, 5, 6)]
    for i in other.indices { other[i].key = 4_000_000_000 }
    guard case .violated(let counterexample) = verdict([put(2, 0, 1), get(2, 5, 6)] + other) else {
      Issue.record("passed")
      return
    }
    #expect(counterexample.key == 4_000_000_000)
  }

  @Test("A search without remaining budget says so, but still reports violations that it can find")
  func budget() {
    var dice = Dice(3)
    var hard = honestHistory(&dice, operations: 200, clients: 20, kinds: [.get, .put, .append])
    let small = ConsistencyCheck(budget: SearchBudget(configurations: 20, steps: 1_000))
    guard case .undecided(let key, let reason) = small.verdict(of: hard) else {
      Issue.record("decided")
      return
    }
    #expect(key == 0)
    #expect(reason.contains("budget"))
    #expect(small.verdict(of: hard).name == "undecided")
    hard += [put(1, 0, 1), get(0, 5, 6)]
    #expect(isViolated(small.verdict(of: inOrder(hard))))
  }

  @Test("Any sequential model can be searched, such as a queue")
  func otherModels() {
    struct Queue: SequentialModel {
      enum Action: Sendable { case push(Int), pop(Int?) }
      var initialState: [Int] { [] }
      func apply(_ action: Action, to state: [Int]) -> [Int]? {
        switch action {
        case .push(let n): state + [n]
        case .pop(let n): state.first == n ? Array(state.dropFirst()) : nil
        }
      }
      func isReadOnly(_ action: Action) -> Bool { false }
    }
    func action(_ action: Queue.Action, _ from: Int64, _ to: Int64) -> TimedAction<Queue.Action> {
      TimedAction(process: 0, action: action, invoked: from, returned: to)
    }
    var budget = SearchBudget()
    let pushes = [action(.push(1), 0, 1), action(.push(2), 2, 3)]
    let good = LinearizationSearch.run(
      Queue(), pushes + [action(.pop(1), 4, 5), action(.pop(2), 6, 7)], budget: &budget)
    #expect(good == .explained(order: [0, 1, 2, 3]))
    let bad = LinearizationSearch.run(
      Queue(), pushes + [action(.pop(2), 4, 5), action(.pop(1), 6, 7)], budget: &budget)
    #expect(bad == .refuted(blocked: 2))
  }
}
