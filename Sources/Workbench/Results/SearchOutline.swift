import Experiments

/// A search as results represent it: its values are the last axis of the sweep, in ascending order,
/// and each row is tried at some of them.
package struct SearchOutline: Sendable, Equatable, Codable {
  /// The number of values.
  package var count: Int
  /// Whether the search is for the largest value or the smallest.
  package var isMaximum: Bool
  /// The condition that a value has to meet.
  package var condition: String
  /// The number of steps that double the value.
  package var stepsPerDoubling: Int

  package init(count: Int, isMaximum: Bool, condition: String, stepsPerDoubling: Int) {
    self.count = count
    self.isMaximum = isMaximum
    self.condition = condition
    self.stepsPerDoubling = stepsPerDoubling
  }

  /// nil for an experiment without a search.
  package init?(_ plan: ExperimentPlan) {
    guard let search = plan.experiment.search else { return nil }
    self.init(
      count: plan.searchedValues, isMaximum: search.isMaximum, condition: search.condition,
      stepsPerDoubling: search.stepsPerDoubling)
  }

  /// A row at one combination of the other swept values.
  struct Row: Sendable {
    var unit: Int
    var row: Int
    /// The first point of the combination.
    var firstPoint: Int
  }

  /// The progress of a search: the trials to run next, or, if there are none, its result.
  struct State: Sendable {
    var places: [TrialPlace] = []
    /// The last value that holds and the first one that fails, as points; nil if none of the tried
    /// values holds or fails.
    var good: Int?
    var bad: Int?
    var tried = 0
    /// How many of the trials hold by themselves, by the steps tried.
    fileprivate var votes: [(step: Int, point: Int, holding: Int, trials: Int)] = []

    /// The last value at which each trial by itself holds, there and at all easier values tried.
    var holdsInAll: Int? {
      votes.sorted { $0.step < $1.step }.prefix { $0.holding == $0.trials }.last?.point
    }

    /// The first value at which no trial by itself holds, there and at all harder values tried.
    var holdsInNone: Int? {
      votes.sorted { $0.step > $1.step }.prefix { $0.holding == 0 }.last?.point
    }
  }

  /// Goes from the easy end in steps that double the value until it fails; then halves the range
  /// between.
  func next(_ row: Row, in outline: RunOutline, _ finished: FinishedTrials) -> State {
    let condition = try? Condition(
      self.condition, ConditionVocabulary(rows: []), source: "find.suchThat")
    var state = State()
    func point(_ step: Int) -> Int {
      row.firstPoint + (isMaximum ? step : count - 1 - step)
    }
    /// nil if trials are missing.
    func holds(_ step: Int) -> Bool? {
      state.places = outline.round(at: point(step), rows: [row.row], finished)
      guard state.places.isEmpty, let group = finished.group(point: point(step), row: row.row)
      else { return nil }
      state.tried += 1
      let holds = condition?.holds { group.value(of: $0) } ?? false
      let holding = group.trials.count { trial in
        condition?.holds { TrialGroup(trials: [trial]).value(of: $0) } ?? false
      }
      state.votes.append((step, point(step), holding, group.trials.count))
      if holds { state.good = point(step) } else { state.bad = point(step) }
      return holds
    }
    var (good, bad) = (-1, count)
    var step = 0
    while bad == count {
      guard let isGood = holds(step) else { return state }
      if isGood { good = step } else { bad = step }
      if isGood, step == count - 1 { return state }
      step = min(step + stepsPerDoubling, count - 1)
    }
    while bad - good > 1, good >= 0 {
      let middle = (good + bad) / 2
      guard let isGood = holds(middle) else { return state }
      if isGood { good = middle } else { bad = middle }
    }
    return state
  }
}

extension RunOutline {
  var searches: [SearchOutline.Row] {
    guard let search else { return [] }
    return stride(from: 0, to: points.count, by: search.count).flatMap { first in
      protocols.indices.map { row in
        SearchOutline.Row(
          unit: first / search.count * protocols.count + row, row: row, firstPoint: first)
      }
    }
  }

  /// The results of the searches of a complete run.
  func found(_ trials: [FinishedTrial]) -> [(row: SearchOutline.Row, state: SearchOutline.State)] {
    guard let search else { return [] }
    let finished = FinishedTrials(trials)
    return searches.map { ($0, search.next($0, in: self, finished)) }
  }

  /// The searched value at a point.
  func searchedValue(_ point: Int?) -> String { point.map { points[$0].last ?? "" } ?? "" }
}

extension ResultFile {
  /// nil for an experiment without a search.
  static func search(_ outline: RunOutline) -> ResultFile? {
    guard let search = outline.search, let path = outline.sweepPaths.last else { return nil }
    let key = Array(outline.keyFields.dropLast())
    let what = search.isMaximum ? "largest" : "smallest"
    return ResultFile(
      name: "search", meaning: "The \(what) \(path) at which each row meets the condition.",
      fields: key + [
        Field(name: "path", kind: .string, meaning: "what was searched"),
        Field(name: "condition", kind: .string, meaning: "what has to hold"),
        Field(
          name: "found", kind: .string,
          meaning: "the \(what) value tried at which it holds; empty if it holds at none",
          isRequired: false),
        Field(
          name: "fails_at", kind: .string,
          meaning:
            "the nearest value tried at which it does not; empty if it holds at all: the threshold "
            + "lies between the two", isRequired: false),
        Field(
          name: "holds_in_all", kind: .string,
          meaning:
            "the \(what) value up to which it holds in each trial by itself; empty if at none",
          isRequired: false),
        Field(
          name: "holds_in_none", kind: .string,
          meaning:
            "the first value from which on it holds in no trial by itself: the thresholds of "
            + "the trials lie between these two; empty if it holds in one at the last value tried",
          isRequired: false),
        Field(name: "tried", kind: .integer, meaning: "how many values were tried"),
      ], primaryKey: key.map(\.name)
    ) { trials in
      outline.found(trials).map { row, state in
        outline.key(TrialPlace(point: row.firstPoint, protocolIndex: row.row, trial: 0)).dropLast()
          + [
            path, search.condition, outline.searchedValue(state.good),
            outline.searchedValue(state.bad), outline.searchedValue(state.holdsInAll),
            outline.searchedValue(state.holdsInNone), String(state.tried),
          ]
      }
    }
  }
}

extension ResultTable {
  var searchResults: (title: String, table: TextTable)? {
    guard let search = outline.search, let path = outline.sweepPaths.last else { return nil }
    var table = TextTable(
      headings: keyHeadings.dropLast()
        + ["holds up to", "fails at", "in every trial", "in no trial", "values tried"].map {
          .init(text: $0)
        },
      keyCount: keyHeadings.count - 1)
    if !search.isMaximum { table.headings[keyHeadings.count - 1].text = "holds down to" }
    table.rows = outline.found(groups.flatMap(\.trials)).map { row, state in
      outline.key(TrialPlace(point: row.firstPoint, protocolIndex: row.row, trial: 0)).dropLast()
        + [
          state.good == nil ? "no value tried" : outline.searchedValue(state.good),
          state.bad == nil ? "no value tried" : outline.searchedValue(state.bad),
          state.holdsInAll == nil ? "no value tried" : outline.searchedValue(state.holdsInAll),
          state.holdsInNone == nil ? "no value tried" : outline.searchedValue(state.holdsInNone),
          String(state.tried),
        ]
    }
    let what = search.isMaximum ? "Largest" : "Smallest"
    return ("\(what) \(path) such that \(search.condition)", table)
  }
}
