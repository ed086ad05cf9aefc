import Foundation
import Results

extension RunData {
  static let tableNames = [
    "summary.csv", "trials.csv", "latency.csv", "timeline.csv", "faults.csv", "resources.csv",
  ]

  /// Reads a run directory, finished or interrupted.
  package init(directory: String) throws(ReportError) {
    switch FileStore.kind(directory) {
    case .nothing: throw ReportError("\(directory): there is no such directory")
    case .file:
      throw ReportError(
        "\(directory): found a file, allowed the directory of a run, such as results/quickstart-1")
    case .directory: break
    }
    let missing = (RunData.tableNames + RunFacts.fileNames).filter {
      FileStore.kind(FileStore.join(directory, $0)) != .file
    }
    guard !missing.contains("summary.csv") || missing.count < RunData.tableNames.count else {
      throw ReportError(
        "\(directory): found no file of a run, allowed a directory that 'rsmbench run' has written")
    }
    if let first = missing.first {
      throw ReportError(
        "\(FileStore.join(directory, first)): it is missing; run the experiment again")
    }
    self.init(
      label: FileStore.split(directory).name, about: try RunFacts(directory: directory))
    try readSummary(RunData.records(directory, "summary.csv"))
    var places = try readTrials(RunData.records(directory, "trials.csv"))
    try readLatency(RunData.records(directory, "latency.csv"), &places)
    try readTimeline(RunData.records(directory, "timeline.csv"), &places)
    try readFaults(RunData.records(directory, "faults.csv"), &places)
    try readResources(RunData.records(directory, "resources.csv"), &places)
    try readGroups(directory)
    try readExpectations(directory)
    try readSearch(directory)
    for index in groups.indices where groups[index].trials.isEmpty {
      throw ReportError(
        "\(FileStore.join(directory, "trials.csv")): found no trial of \(groups[index].name), "
          + "which summary.csv has")
    }
  }

  static func records(
    _ directory: String, _ name: String
  ) throws(ReportError) -> CSVRecords {
    let path = FileStore.join(directory, name)
    return try CSVRecords(RunData.bytes(path), file: path)
  }

  static func bytes(_ path: String) throws(ReportError) -> [UInt8] {
    do {
      return Array(try FileStore.read(path))
    } catch {
      throw ReportError("\(error)")
    }
  }

  /// Finds the place of a trial's rows. Rows of one trial follow each other in every file, so the
  /// last place is remembered.
  fileprivate struct Places {
    var index: [[String]: (group: Int, trial: Int)] = [:]
    private var key: [String] = []
    private var last: (group: Int, trial: Int)?

    mutating func find(
      _ record: CSVRecord, width: Int
    ) throws(ReportError) -> (group: Int, trial: Int) {
      if let last, record.fields[..<width].elementsEqual(key) { return last }
      key = Array(record.fields[..<width])
      guard let place = index[key] else {
        throw ReportError(
          "\(record.file): line \(record.line): found trial \(key.joined(separator: ", ")), which "
            + "trials.csv does not have")
      }
      last = place
      return place
    }
  }

  private mutating func readSummary(_ records: CSVRecords) throws(ReportError) {
    var records = records
    let first = try records.column("protocol")
    let metrics = try records.column("throughput_mean")
    let verdict = try records.column("verdict")
    guard first == 0 else {
      throw ReportError("\(records.file): found \(records.columns[0]), allowed protocol first")
    }
    for metric in Metric.all { _ = try records.column("\(metric.name)_mean") }
    sweepPaths = Array(records.columns[1..<metrics])
    summaryColumns = Array(records.columns[metrics...])
    var points: [[String]: Int] = [:]
    while let record = try records.next() {
      let name = record.fields[0]
      let values = Array(record.fields[1..<metrics])
      let point = points[values] ?? self.points.count
      if point == self.points.count {
        points[values] = point
        self.points.append(values)
      }
      let index = protocols.firstIndex(of: name) ?? protocols.count
      if index == protocols.count { protocols.append(name) }
      var cells: [String: Double] = [:]
      for column in metrics..<verdict {
        cells[records.columns[column]] = try record.number(column)
      }
      groups.append(
        Group(
          protocolIndex: index, name: name, point: point, summary: cells,
          verdict: record.fields[verdict]))
    }
    guard !groups.isEmpty else {
      throw ReportError("\(records.file): found no row, so there is nothing to report")
    }
  }

  /// The number of columns that name a protocol and a sweep point.
  var keyWidth: Int { 1 + sweepPaths.count }

  /// The place of each group by the columns that name it.
  var groupIndex: [[String]: Int] {
    let keys = groups.enumerated().map { index, group in
      ([group.name] + points[group.point], index)
    }
    return Dictionary(keys) { first, _ in first }
  }

  private func checkKey(_ records: CSVRecords) throws(ReportError) {
    let expected = ["protocol"] + sweepPaths + ["trial"]
    guard Array(records.columns.prefix(expected.count)) == expected else {
      throw ReportError(
        "\(records.file): found columns \(records.columns.prefix(expected.count)), allowed "
          + "\(expected) as in summary.csv")
    }
  }

  private mutating func readTrials(_ records: CSVRecords) throws(ReportError) -> Places {
    var records = records
    try checkKey(records)
    let seed = try records.column("seed")
    let verdict = try records.column("verdict")
    for metric in Metric.all { _ = try records.column(metric.name) }
    var places = Places()
    let groupOf = groupIndex
    while let record = try records.next() {
      guard let group = groupOf[Array(record.fields[..<keyWidth])] else {
        throw record.wrong(0, allowed: "a protocol and sweep point that summary.csv has")
      }
      var metrics: [String: Double] = [:]
      for column in (seed + 1)..<verdict {
        metrics[records.columns[column]] = try record.number(column)
      }
      let number = try record.requiredNumber(keyWidth)
      places.index[Array(record.fields[...keyWidth])] = (group, groups[group].trials.count)
      groups[group].trials.append(
        Trial(
          number: Int(exactly: number) ?? 0, seed: record.fields[seed], metrics: metrics,
          verdict: record.fields[verdict]))
    }
    return places
  }

  /// The cells of the columns that are read from a file.
  struct Cells {
    let record: CSVRecord
    /// `nil` for a column that the file of an earlier version lacks.
    let columns: [Int?]

    func text(_ index: Int) -> String { columns[index].map { record.fields[$0] } ?? "" }
    func number(_ index: Int) throws(ReportError) -> Double? {
      guard let column = columns[index] else { return nil }
      return try record.number(column)
    }
    func required(_ index: Int) throws(ReportError) -> Double {
      try record.requiredNumber(columns[index] ?? 0)
    }
    func flag(_ index: Int) throws(ReportError) -> Bool { try record.flag(columns[index] ?? 0) }
  }

  /// Passes each record of a file to the trial that it belongs to.
  /// - Parameter laterNames: columns that earlier versions did not write; their cells are then
  ///   empty.
  private mutating func read(
    _ records: CSVRecords, _ names: [String], later laterNames: [String] = [],
    _ places: inout Places,
    _ keep: (_ trial: inout Trial, _ cells: Cells) throws(ReportError) -> Void
  ) throws(ReportError) {
    var records = records
    try checkKey(records)
    var columns: [Int?] = []
    for name in names { columns.append(try records.column(name)) }
    columns += laterNames.map { records.columns.firstIndex(of: $0) }
    while let record = try records.next() {
      let place = try places.find(record, width: keyWidth + 1)
      try keep(
        &groups[place.group].trials[place.trial], Cells(record: record, columns: columns))
    }
  }

  private mutating func readLatency(
    _ records: CSVRecords, _ places: inout Places
  ) throws(ReportError) {
    try read(records, LatencyPoint.columns, &places) { trial, cells throws(ReportError) in
      trial.latency.append(try LatencyPoint(cells))
    }
  }

  private mutating func readTimeline(
    _ records: CSVRecords, _ places: inout Places
  ) throws(ReportError) {
    let names = ["window_start_ms", "window_ms", "ok", "leader_changes"]
    try read(records, names, later: Window.latencyColumns, &places) {
      trial, cells throws(ReportError) in
      var latencies: [String: Double] = [:]
      for (place, name) in Window.latencyColumns.enumerated() {
        latencies[name] = try cells.number(names.count + place)
      }
      trial.windows.append(
        Window(
          startMs: try cells.required(0), lengthMs: try cells.required(1),
          ok: try cells.required(2), latencies: latencies, leaderChanges: try cells.required(3)))
    }
  }

  private mutating func readFaults(
    _ records: CSVRecords, _ places: inout Places
  ) throws(ReportError) {
    let names = ["kind", "target", "node", "start_ms", "end_ms", "recovery"]
    try read(records, names + Fault.columns, later: ["name", "disk"], &places) {
      trial, cells throws(ReportError) in
      var times: [String: Double] = [:]
      for (place, name) in Fault.columns.enumerated() {
        times[name] = try cells.number(names.count + place)
      }
      trial.faults.append(
        Fault(
          kind: cells.text(0), target: cells.text(1), node: cells.text(2),
          startMs: try cells.required(3), endMs: try cells.number(4), times: times,
          recovery: cells.text(5), givenName: cells.text(names.count + Fault.columns.count),
          disk: cells.text(names.count + Fault.columns.count + 1)))
    }
  }

  private mutating func readResources(
    _ records: CSVRecords, _ places: inout Places
  ) throws(ReportError) {
    let names = ["node", "role", "messages_sent", "cpu_busy_share"]
    try read(records, names, &places) { trial, cells throws(ReportError) in
      trial.nodes.append(
        NodeUse(
          node: cells.text(0), role: cells.text(1),
          messagesSent: try cells.required(2), busyShare: try cells.number(3)))
    }
  }
}

extension LatencyPoint {
  static let columns = [
    "operation", "percentile", "latency_us", "is_lower_bound", "count", "censored",
  ]

  init(_ cells: RunData.Cells) throws(ReportError) {
    self.init(
      operation: cells.text(0), percentile: try cells.required(1),
      microseconds: try cells.required(2), isLowerBound: try cells.flag(3),
      count: try cells.required(4), censored: try cells.required(5))
  }
}
