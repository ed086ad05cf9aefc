/// Looks for one order of all actions that explains every answer and keeps each process's own
/// order; real time does not count. Depth first, with the same memoisation and look-ahead as
/// `LinearizationSearch`.
///
/// An action without an answer is not ordered relative to the other actions of its process: it may
/// take effect at any point. This accepts slightly more histories than the definition, never fewer.
public struct ProgramOrderSearch<Model: SequentialModel> {
  private let model: Model
  private let actions: [TimedAction<Model.Action>]
  /// The actions of each process in its own order; every open action has a lane to itself.
  private var lanes: [[Int32]] = []
  private var position: [Int] = []
  private var unanswered = 0
  private var current: Configuration<Model.State>
  private var visited: Set<Configuration<Model.State>> = []
  private var taken: [Step] = []
  private var demands: StateDemand<Model>
  private var longest = -1
  private var blocked = 0

  private struct Step {
    var lane: Int
    var isForced: Bool
    var stateBefore: Model.State
  }

  /// Each process's actions must be given in its own order.
  public static func run(
    _ model: Model, _ actions: [TimedAction<Model.Action>], budget: inout SearchBudget
  ) -> SearchResult {
    var search = ProgramOrderSearch(model: model, actions: actions)
    return search.search(budget: &budget)
  }

  private init(model: Model, actions: [TimedAction<Model.Action>]) {
    self.model = model
    self.actions = actions
    current = Configuration(low: 0, high: 0, state: model.initialState)
    demands = StateDemand(model, actions, isRealTime: false)
    var laneOf: [UInt32: Int] = [:]
    for (i, action) in actions.enumerated() {
      if action.isOpen {
        lanes.append([Int32(i)])
        continue
      }
      unanswered += 1
      if let lane = laneOf[action.process] {
        lanes[lane].append(Int32(i))
      } else {
        laneOf[action.process] = lanes.count
        lanes.append([Int32(i)])
      }
    }
    position = [Int](repeating: 0, count: lanes.count)
  }

  private mutating func search(budget: inout SearchBudget) -> SearchResult {
    takeReads(budget: &budget)
    var lane = 0
    while unanswered > 0 {
      budget.steps -= 1
      if budget.isExhausted { return .outOfBudget }
      if lane < lanes.count {
        if advance(lane, budget: &budget) {
          takeReads(budget: &budget)
          lane = 0
        } else {
          lane += 1
        }
        continue
      }
      noteBlocked()
      guard let undone = backtrack() else { return .refuted(blocked: blocked) }
      lane = undone + 1
    }
    var cursor = [Int](repeating: 0, count: lanes.count)
    return .explained(
      order: taken.map { step in
        cursor[step.lane] += 1
        return Int(lanes[step.lane][cursor[step.lane] - 1])
      })
  }

  private mutating func advance(_ lane: Int, budget: inout SearchBudget) -> Bool {
    guard position[lane] < lanes[lane].count else { return false }
    let action = Int(lanes[lane][position[lane]])
    guard let state = model.apply(actions[action].action, to: current.state) else { return false }
    // An action without an answer that changes nothing need not have happened.
    if actions[action].isOpen, state == current.state { return false }
    if state != current.state, !demands.mayLeave(current.state, by: action) { return false }
    var candidate = current
    candidate.state = state
    candidate.toggle(action)
    guard visited.insert(candidate).inserted else { return false }
    budget.configurations -= 1
    taken.append(Step(lane: lane, isForced: false, stateBefore: current.state))
    current = candidate
    move(lane, by: 1)
    return true
  }

  private mutating func takeReads(budget: inout SearchBudget) {
    for lane in lanes.indices {
      budget.steps -= 1
      while position[lane] < lanes[lane].count {
        let action = Int(lanes[lane][position[lane]])
        guard !actions[action].isOpen, model.isReadOnly(actions[action].action),
          model.apply(actions[action].action, to: current.state) != nil
        else { break }
        taken.append(Step(lane: lane, isForced: true, stateBefore: current.state))
        current.toggle(action)
        move(lane, by: 1)
      }
    }
  }

  private mutating func backtrack() -> Int? {
    while let step = taken.popLast() {
      move(step.lane, by: -1)
      current.toggle(Int(lanes[step.lane][position[step.lane]]))
      current.state = step.stateBefore
      if !step.isForced { return step.lane }
    }
    return nil
  }

  private mutating func move(_ lane: Int, by step: Int) {
    if !actions[Int(lanes[lane][0])].isOpen { unanswered -= step }
    if step < 0 {
      position[lane] -= 1
      demands.giveBack(Int(lanes[lane][position[lane]]))
    } else {
      demands.take(Int(lanes[lane][position[lane]]))
      position[lane] += 1
    }
  }

  /// For the longest order tried so far, records the earliest invoked action that could not be
  /// next.
  private mutating func noteBlocked() {
    guard taken.count > longest else { return }
    longest = taken.count
    var earliest = Int64.max
    for lane in lanes.indices where position[lane] < lanes[lane].count {
      let action = Int(lanes[lane][position[lane]])
      guard !actions[action].isOpen, actions[action].invoked < earliest else { continue }
      earliest = actions[action].invoked
      blocked = action
    }
  }
}
