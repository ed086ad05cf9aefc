/// The search of Wing & Gong 1993 with the memoisation of Lowe 2017 ("Testing for linearizability",
/// §4): depth first over a linked list of calls and returns, without visiting a pair of (set of
/// actions taken, state) twice.
///
/// Deviation: the set is stored as a 128-bit hash instead of a bit set, which is 13 times as fast
/// and small enough for long histories; see `Configuration`. Test: agreement with brute force.
/// Deviation: read-only actions are taken at once; see `SequentialModel.isReadOnly`.
/// Deviation: a state is not left for good while an answer still needs it; see `StateDemand`.
///
/// Cost: at most n · 2ʷ · |states| configurations, where w is the number of actions that overlap.
public struct LinearizationSearch<Model: SequentialModel> {
  private let model: Model
  private let actions: [TimedAction<Model.Action>]

  /// Entry 2i is the call of action i, 2i + 1 its return; the last entry is the head of the list.
  private var next: [Int32] = []
  private var previous: [Int32] = []
  private let head: Int32
  private var unanswered: Int

  private var current: Configuration<Model.State>
  private var visited: Set<Configuration<Model.State>> = []
  private var taken: [Step] = []
  private var demands: StateDemand<Model>
  /// For each return its rank in the order of returns, used to find the latest return that was
  /// reached.
  private var returnRank: [Int32]
  private var furthest: Int32 = -1

  private struct Step {
    var action: Int32
    /// The action was taken because it is read-only, so there is no alternative to try.
    var isForced: Bool
    var stateBefore: Model.State
  }

  private init(model: Model, actions: [TimedAction<Model.Action>]) {
    self.model = model
    self.actions = actions
    head = Int32(2 * actions.count)
    unanswered = 0
    current = Configuration(low: 0, high: 0, state: model.initialState)
    returnRank = [Int32](repeating: -1, count: actions.count)
    demands = StateDemand(model, actions, isRealTime: true)
    link()
  }

  /// Actions may come in any order. The search deducts its work from `budget`, which several
  /// searches can share.
  public static func run(
    _ model: Model, _ actions: [TimedAction<Model.Action>], budget: inout SearchBudget
  ) -> SearchResult {
    var search = LinearizationSearch(model: model, actions: actions)
    return search.search(budget: &budget)
  }

  private mutating func link() {
    var entries: [(time: Int64, entry: Int32)] = []
    entries.reserveCapacity(2 * actions.count)
    for (i, action) in actions.enumerated() {
      entries.append((action.invoked, Int32(2 * i)))
      if !action.isOpen {
        entries.append((max(action.returned, action.invoked), Int32(2 * i + 1)))
        unanswered += 1
      }
    }
    // Calls come before returns of the same time, so that the two operations are concurrent.
    entries.sort { a, b in
      a.time != b.time
        ? a.time < b.time
        : a.entry & 1 != b.entry & 1 ? a.entry & 1 == 0 : a.entry < b.entry
    }
    next = [Int32](repeating: -1, count: Int(head) + 1)
    previous = next
    var last = head
    var rank: Int32 = 0
    for (_, entry) in entries {
      next[Int(last)] = entry
      previous[Int(entry)] = last
      last = entry
      if entry & 1 == 1 {
        returnRank[Int(entry >> 1)] = rank
        rank += 1
      }
    }
    next[Int(last)] = head
    previous[Int(head)] = last
  }

  private mutating func search(budget: inout SearchBudget) -> SearchResult {
    takeReads(budget: &budget)
    var entry = next[Int(head)]
    // Actions without an answer are tried only after all others failed, because few of them took
    // effect late.
    var tryingOpen = false
    while unanswered > 0 {
      budget.steps -= 1
      if budget.isExhausted { return .outOfBudget }
      if entry != head, entry & 1 == 0 {
        let action = entry >> 1
        if actions[Int(action)].isOpen == tryingOpen, advance(action, budget: &budget) {
          takeReads(budget: &budget)
          entry = next[Int(head)]
          tryingOpen = false
        } else {
          entry = next[Int(entry)]
        }
        continue
      }
      // This is the return of an action that is not taken yet: it must be taken before all later
      // calls.
      if entry != head, furthest < 0 || returnRank[Int(entry >> 1)] > returnRank[Int(furthest)] {
        furthest = entry >> 1
      }
      if !tryingOpen {
        tryingOpen = true
        entry = next[Int(head)]
        continue
      }
      guard let undone = backtrack() else { return .refuted(blocked: Int(furthest)) }
      tryingOpen = actions[Int(undone)].isOpen
      entry = next[Int(2 * undone)]
    }
    return .explained(order: taken.map { Int($0.action) })
  }

  /// Takes an action if it is legal and leads to a configuration that was not visited before.
  private mutating func advance(_ action: Int32, budget: inout SearchBudget) -> Bool {
    let timed = actions[Int(action)]
    guard let state = model.apply(timed.action, to: current.state) else { return false }
    // An action without an answer may be left out, so one that changes nothing is not tried.
    if timed.isOpen, state == current.state { return false }
    if state != current.state, !demands.mayLeave(current.state, by: Int(action)) { return false }
    var candidate = current
    candidate.state = state
    candidate.toggle(Int(action))
    guard visited.insert(candidate).inserted else { return false }
    budget.configurations -= 1
    taken.append(Step(action: action, isForced: false, stateBefore: current.state))
    current = candidate
    lift(action)
    return true
  }

  /// Takes every legal read-only action that may come next. A taken read can move the first return
  /// further back, so the same sweep also reaches the calls that this makes available.
  private mutating func takeReads(budget: inout SearchBudget) {
    var entry = next[Int(head)]
    while entry != head, entry & 1 == 0 {
      budget.steps -= 1
      let action = entry >> 1
      let timed = actions[Int(action)]
      var following = next[Int(entry)]
      if !timed.isOpen, model.isReadOnly(timed.action),
        model.apply(timed.action, to: current.state) != nil
      {
        taken.append(Step(action: action, isForced: true, stateBefore: current.state))
        current.toggle(Int(action))
        lift(action)
        if following == entry + 1 { following = next[Int(following)] }
      }
      entry = following
    }
  }

  /// Undoes the last choice and the forced steps after it; nil if no choice is left.
  private mutating func backtrack() -> Int32? {
    while let step = taken.popLast() {
      current.toggle(Int(step.action))
      current.state = step.stateBefore
      unlift(step.action)
      if !step.isForced { return step.action }
    }
    return nil
  }

  private mutating func lift(_ action: Int32) {
    demands.take(Int(action))
    let call = Int(2 * action)
    next[Int(previous[call])] = next[call]
    previous[Int(next[call])] = previous[call]
    guard returnRank[Int(action)] >= 0 else { return }
    let back = call + 1
    next[Int(previous[back])] = next[back]
    previous[Int(next[back])] = previous[back]
    unanswered -= 1
  }

  /// The reverse of `lift`, in reverse order: an unlinked entry still knows its neighbours.
  private mutating func unlift(_ action: Int32) {
    demands.giveBack(Int(action))
    let call = Int(2 * action)
    if returnRank[Int(action)] >= 0 {
      let back = call + 1
      next[Int(previous[back])] = Int32(back)
      previous[Int(next[back])] = Int32(back)
      unanswered += 1
    }
    next[Int(previous[call])] = Int32(call)
    previous[Int(next[call])] = Int32(call)
  }
}
