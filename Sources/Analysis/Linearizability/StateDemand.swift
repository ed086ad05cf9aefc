/// Tracks the states that a search still needs. This look-ahead makes it possible to decide keys
/// with many overlapping operations.
///
/// Suppose that an answered action that is not taken yet demands the current state. The search may
/// leave that state only if another remaining action can lead back to it in time, because otherwise
/// the first action could never be taken. Without this rule the search notices its mistake only
/// when it reaches the return of that action, after it has tried every order of the actions that
/// overlap it.
struct StateDemand<Model: SequentialModel> {
  /// The actions that demand one state, sorted by return, and the actions that can lead to it,
  /// sorted by call.
  private struct Need {
    var demands: [Int32] = []
    var supplies: [Int32] = []
    /// All actions before these positions are taken.
    var firstDemand = 0
    var firstSupply = 0
  }

  private let model: Model
  private let actions: [TimedAction<Model.Action>]
  private let isRealTime: Bool
  private var needs: [Need] = []
  private var numbers: [Model.State: Int32] = [:]
  /// By action: the state that it demands and its position in `demands`, and the state that it
  /// leads to and its position in `supplies`.
  private var demanded: [(need: Int32, place: Int32)]
  private var supplied: [(need: Int32, place: Int32)]
  private var isTaken: [Bool]
  private var leadsAnywhere: [Bool]
  /// The number of actions that are not taken and whose effect is `any`.
  private var unknownEffects = 0

  /// - Parameter isRealTime: whether an action that returned before another one's call must come
  ///   before it.
  init(_ model: Model, _ actions: [TimedAction<Model.Action>], isRealTime: Bool) {
    self.model = model
    self.actions = actions
    self.isRealTime = isRealTime
    demanded = Array(repeating: (-1, -1), count: actions.count)
    supplied = demanded
    isTaken = [Bool](repeating: false, count: actions.count)
    leadsAnywhere = isTaken
    for i in actions.indices.sorted(by: { actions[$0].returned < actions[$1].returned }) {
      guard let state = model.demand(actions[i].action) else { continue }
      let number = numbers[state] ?? Int32(needs.count)
      if number == needs.count {
        numbers[state] = number
        needs.append(Need())
      }
      demanded[i] = (number, Int32(needs[Int(number)].demands.count))
      needs[Int(number)].demands.append(Int32(i))
    }
    guard !needs.isEmpty else { return }
    for i in actions.indices.sorted(by: { actions[$0].invoked < actions[$1].invoked }) {
      switch model.effect(actions[i].action) {
      case .none: continue
      case .any:
        leadsAnywhere[i] = true
        unknownEffects += 1
      case .state(let state):
        guard let number = numbers[state] else { continue }
        supplied[i] = (number, Int32(needs[Int(number)].supplies.count))
        needs[Int(number)].supplies.append(Int32(i))
      }
    }
  }

  /// Whether the action, which is not taken yet, may lead to another state.
  mutating func mayLeave(_ state: Model.State, by action: Int) -> Bool {
    guard let number = numbers[state] else { return true }
    let need = Int(number)
    guard let demand = firstDemand(need, besides: action) else { return true }
    if unknownEffects > 0 && model.mayReturn(to: state) { return true }
    guard let supply = firstSupply(need) else { return false }
    return !isRealTime || actions[supply].invoked <= actions[demand].returned
  }

  /// The action with the first return among those that demand the state.
  private mutating func firstDemand(_ need: Int, besides action: Int) -> Int? {
    var place = needs[need].firstDemand
    while place < needs[need].demands.count, isTaken[Int(needs[need].demands[place])] { place += 1 }
    needs[need].firstDemand = place
    while place < needs[need].demands.count {
      let demand = Int(needs[need].demands[place])
      if !isTaken[demand] && demand != action { return demand }
      place += 1
    }
    return nil
  }

  /// The action with the first call among those that can lead to the state.
  private mutating func firstSupply(_ need: Int) -> Int? {
    var place = needs[need].firstSupply
    while place < needs[need].supplies.count, isTaken[Int(needs[need].supplies[place])] {
      place += 1
    }
    needs[need].firstSupply = place
    return place < needs[need].supplies.count ? Int(needs[need].supplies[place]) : nil
  }

  mutating func take(_ action: Int) {
    isTaken[action] = true
    if leadsAnywhere[action] { unknownEffects -= 1 }
  }

  mutating func giveBack(_ action: Int) {
    isTaken[action] = false
    if leadsAnywhere[action] { unknownEffects += 1 }
    let (demand, demandPlace) = demanded[action]
    if demand >= 0 {
      needs[Int(demand)].firstDemand = min(needs[Int(demand)].firstDemand, Int(demandPlace))
    }
    let (supply, supplyPlace) = supplied[action]
    if supply >= 0 {
      needs[Int(supply)].firstSupply = min(needs[Int(supply)].firstSupply, Int(supplyPlace))
    }
  }
}
