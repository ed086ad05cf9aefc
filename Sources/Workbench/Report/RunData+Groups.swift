import Results

// Files with rows per protocol and sweep point, which not every run has: older versions did not
// write them, or the experiment does not ask for them.
extension RunData {
  static let breakdownName = "breakdown.csv"
  static let distributionName = "distribution.csv"
  static let severityName = "severity.csv"
  static let expectationsName = "expectations.csv"
  static let searchName = "search.csv"

  mutating func readGroups(_ directory: String) throws(ReportError) {
    let shares = ["operation", "part", "mean_us", "share", "slowest_us", "slowest_share"]
    try read(directory, RunData.breakdownName, shares) { group, cells throws(ReportError) in
      group.breakdown.append(
        LatencyShare(
          operation: cells.text(0), part: cells.text(1), meanUs: try cells.number(2),
          share: try cells.number(3), slowestUs: try cells.number(4),
          slowestShare: try cells.number(5)))
    }
    let latencies = LatencyPoint.columns
    try read(directory, RunData.distributionName, latencies) { group, cells throws(ReportError) in
      group.distribution.append(try LatencyPoint(cells))
    }
    let steps = ["path", "milder", "step_percent", "p_holm", "zone"]
    try read(directory, RunData.severityName, steps) { group, cells throws(ReportError) in
      group.severity.append(
        SeverityRow(
          path: cells.text(0), milder: cells.text(1), percent: try cells.number(2),
          p: try cells.number(3), zone: cells.text(4)))
    }
  }

  /// Reads the results of `expect`, if the experiment has any: one row for each row that a
  /// condition names.
  mutating func readExpectations(_ directory: String) throws(ReportError) {
    guard FileStore.kind(FileStore.join(directory, RunData.expectationsName)) == .file else {
      return
    }
    var records = try RunData.records(directory, RunData.expectationsName)
    var columns: [Int] = []
    for name in ["expectation", "place", "holds", "found"] {
      columns.append(try records.column(name))
    }
    while let record = try records.next() {
      let cells = columns.map { record.fields[$0] }
      if expectations.last?.condition != cells[0] {
        expectations.append(ExpectationResult(condition: cells[0]))
      }
      expectations[expectations.count - 1].cases.append(
        .init(place: cells[1], holds: cells[2] == "true", found: cells[3]))
    }
  }

  /// Reads the thresholds that a search has found, if the experiment has one.
  mutating func readSearch(_ directory: String) throws(ReportError) {
    guard FileStore.kind(FileStore.join(directory, RunData.searchName)) == .file else { return }
    var records = try RunData.records(directory, RunData.searchName)
    var columns: [Int] = []
    for name in ["path", "condition", "found", "fails_at"] {
      columns.append(try records.column(name))
    }
    while let record = try records.next() {
      let cells = columns.map { record.fields[$0] }
      searches.append(
        SearchResult(
          protocolName: record.fields[0], place: Array(record.fields[1..<columns[0]]),
          path: cells[0], condition: cells[1], found: cells[2], failsAt: cells[3]))
    }
  }

  /// Passes each record to the group that it belongs to; a file that is absent has none.
  private mutating func read(
    _ directory: String, _ name: String, _ names: [String],
    _ keep: (_ group: inout Group, _ cells: Cells) throws(ReportError) -> Void
  ) throws(ReportError) {
    guard FileStore.kind(FileStore.join(directory, name)) == .file else { return }
    var records = try RunData.records(directory, name)
    var columns: [Int] = []
    for name in names { columns.append(try records.column(name)) }
    while let record = try records.next() {
      guard let index = groupIndex[Array(record.fields[..<keyWidth])] else {
        throw record.wrong(0, allowed: "a protocol and sweep point that summary.csv has")
      }
      try keep(&groups[index], Cells(record: record, columns: columns))
    }
  }
}
