import Experiments

/// The outcome of one condition of `expect`.
package struct ExpectedCondition: Sendable, Equatable {
  /// The condition's outcome for one row and one point of the sweep, if it applies to every row or
  /// point.
  package struct Case: Sendable, Equatable {
    /// `raft, workload.clients=64`; empty if the condition names its row and point itself.
    package var place: String
    /// nil if a value is missing; the condition then counts as failed.
    package var holds: Bool?
    /// The figures found, in the order of the condition.
    package var found: String
    /// The rows and points whose figures these are, in the same order.
    var places: [TrialPlace]
  }

  package var text: String
  package var cases: [Case]

  package var holds: Bool { !cases.isEmpty && cases.allSatisfy { $0.holds == true } }

  /// The outcomes of all conditions in the outline's `expect`.
  package static func all(_ outline: RunOutline, _ trials: [FinishedTrial]) -> [ExpectedCondition] {
    guard !outline.expect.isEmpty else { return [] }
    var groups: [TrialPlace: TrialGroup] = [:]
    for group in TrialGroup.groups(trials) { groups[group.place.ofRow] = group }
    let vocabulary = ConditionVocabulary(outline)
    return outline.expect.map { text in
      // Reading the experiment has already refused conditions that cannot be parsed.
      guard let condition = try? Condition(text, vocabulary, source: "expect") else {
        return ExpectedCondition(text: text, cases: [])
      }
      return ExpectedCondition(text: text, cases: cases(of: condition, outline, groups))
    }
  }

  private static func cases(
    of condition: Condition, _ outline: RunOutline, _ groups: [TrialPlace: TrialGroup]
  ) -> [Case] {
    let measures = condition.measures
    let isForEveryRow = measures.contains { $0.row == nil }
    var seen: Set<[TrialPlace]> = []
    var cases: [Case] = []
    for point in outline.points.indices {
      for row in isForEveryRow ? Array(outline.protocols.indices) : [0] {
        let places = measures.map { outline.place(of: $0, row: row, point: point) }
        // A combination of pinned values that the sweep does not contain has no case.
        let known = places.compactMap { $0 }
        guard known.count == places.count, seen.insert(known).inserted else { continue }
        let found = zip(measures, known).map { ($0, groups[$1]) }
        // A search tries only some points with each row.
        if outline.search != nil, found.contains(where: { $0.1 == nil }) { continue }
        let holds = condition.holds { measure in
          found.first { $0.0 == measure }?.1?.value(of: measure)
        }
        cases.append(
          Case(
            place: outline.placeText(measures, row: isForEveryRow ? row : nil, point: point),
            holds: holds,
            found: found.map { "\($0.text) \($1?.text(of: $0) ?? "not run")" }
              .joined(separator: ", "), places: known))
      }
    }
    return cases
  }
}

extension ConditionVocabulary {
  init(_ outline: RunOutline) {
    self.init(
      rows: outline.protocols,
      sweep: outline.sweepPaths.enumerated().map { index, path in
        var seen: Set<String> = []
        return (path, outline.points.map { $0[index] }.filter { seen.insert($0).inserted })
      }, faults: outline.faults)
  }
}

extension TrialPlace {
  /// Stands for all trials of a row at a point.
  var ofRow: TrialPlace {
    TrialPlace(point: point, protocolIndex: protocolIndex, trial: 0)
  }
}

extension RunOutline {
  /// Where a measure is found if every row means `row` and every point `point`; nil if the sweep
  /// has no such point.
  fileprivate func place(of measure: Measure, row: Int, point: Int) -> TrialPlace? {
    var values = points[point]
    for pin in measure.pins {
      guard let axis = sweepPaths.firstIndex(of: pin.path) else { return nil }
      values[axis] = pin.value
    }
    guard let index = measure.pins.isEmpty ? point : points.firstIndex(of: values) else {
      return nil
    }
    let named = measure.row.flatMap { protocols.firstIndex(of: $0) }
    return TrialPlace(point: index, protocolIndex: named ?? row, trial: 0)
  }

  /// The parts of a place that the condition does not name: the row, and the swept values that not
  /// all its measures pin.
  fileprivate func placeText(_ measures: [Measure], row: Int?, point: Int) -> String {
    let open = zip(sweepPaths, points[point]).filter { path, _ in
      !measures.allSatisfy { $0.pins.contains { $0.path == path } }
    }
    return ((row.map { [protocols[$0]] } ?? []) + open.map { "\($0)=\($1)" })
      .joined(separator: ", ")
  }
}

extension ResultFile {
  static func expectations(_ outline: RunOutline) -> ResultFile {
    ResultFile(
      name: "expectations",
      meaning:
        "Each condition that the experiment expects to hold, for each row and point it is about.",
      fields: [
        Field(name: "expectation", kind: .string, meaning: "the condition"),
        Field(
          name: "place", kind: .string,
          meaning: "row and swept values it was tried at; empty if it names them all itself",
          isRequired: false),
        Field(name: "holds", kind: .boolean, meaning: "whether it holds; false without a value"),
        Field(name: "found", kind: .string, meaning: "the figures found"),
      ], primaryKey: ["expectation", "place"]
    ) { trials in
      ExpectedCondition.all(outline, trials).flatMap { expectation in
        expectation.cases.map {
          [expectation.text, $0.place, $0.holds == true ? "true" : "false", $0.found]
        }
      }
    }
  }
}
