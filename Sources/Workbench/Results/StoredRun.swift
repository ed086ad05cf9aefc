import Experiments
import Foundation
import Measurement

/// A finished run, read from its files, from any machine and version.
package struct StoredRun: Sendable {
  /// A row of the comparison at a sweep point, with its trials in the order of the file.
  struct Row: Sendable {
    var trials: [Trial] = []
  }

  struct Trial: Sendable {
    var seed: String
    var verdict: TrialVerdict.Word
    /// Values by column name.
    var metrics: [String: Double]
    /// The values of each fault of the trial, by column name.
    var faults: [[String: Double]] = []
  }

  /// `raft, workload.clients=8`
  struct Key: Hashable, Sendable {
    var name: String
    var values: [String]
  }

  package let path: String
  let sweepPaths: [String]
  private(set) var keys: [Key] = []
  private(set) var rows: [Key: Row] = [:]

  /// Reads `trials.csv` and `faults.csv`. The error for a directory without them is one line.
  package init(_ path: String) throws(RunDirectoryError) {
    self.path = path
    let file = FileStore.join(path, "trials.csv")
    guard FileStore.kind(file) == .file else { throw .noResults(path: path) }
    let (header, records) = try StoredRun.table(file)
    guard let trial = header.firstIndex(of: "trial"), let seed = header.firstIndex(of: "seed"),
      let verdict = header.firstIndex(of: "verdict"), header.first == "protocol", trial < seed
    else { throw .cannotRead(path: file, reason: "it has not the columns of a run") }
    sweepPaths = Array(header[1..<trial])
    var places: [[String]: (Key, Int)] = [:]
    for record in records {
      let key = Key(name: record[0], values: Array(record[1..<trial]))
      if rows[key] == nil { keys.append(key) }
      var metrics: [String: Double] = [:]
      for (name, text) in zip(header, record).dropFirst(seed + 1) { metrics[name] = Double(text) }
      places[Array(record[0...trial])] = (key, rows[key]?.trials.count ?? 0)
      rows[key, default: Row()].trials.append(
        Trial(
          seed: record[seed], verdict: TrialVerdict.Word(rawValue: record[verdict]) ?? .unchecked,
          metrics: metrics))
    }
    let faults = FileStore.join(path, "faults.csv")
    guard FileStore.kind(faults) == .file else { return }
    let (names, lines) = try StoredRun.table(faults)
    for line in lines {
      guard names.count > trial, let (key, index) = places[Array(line[0...trial])] else { continue }
      var cells: [String: Double] = [:]
      for (name, text) in zip(names, line) { cells[name] = Double(text) }
      rows[key]?.trials[index].faults.append(cells)
    }
  }

  private static func table(
    _ file: String
  ) throws(RunDirectoryError) -> (header: [String], records: [[String]]) {
    let bytes = Array(try FileStore.read(file))
    do throws(RunFileError) {
      var records = try CSVRecords(bytes, file: file)
      var rows: [[String]] = []
      while let record = try records.next() { rows.append(record.fields) }
      return (records.columns, rows)
    } catch {
      throw .cannotRead(path: file, reason: "it is no CSV file of a run")
    }
  }
}

extension StoredRun.Row {
  var verdict: TrialVerdict.Word { trials.map(\.verdict).max() ?? .unchecked }

  func values(of name: MeasureName) -> [Double?] {
    trials.map { trial in
      switch name.source {
      case .metric(let column): trial.metrics[column].map { $0 * name.unitInBase }
      case .fault(let measure): trial.value(of: measure)
      case .verdict: nil
      }
    }
  }
}

extension StoredRun.Trial {
  /// The largest value over the faults, ns; without faults, outages are those of the whole trial.
  fileprivate func value(of measure: FaultMeasure) -> Double? {
    func time(_ cells: [String: Double]) -> Double? {
      guard measure == .outage else { return cells["\(measure.rawValue)_ms"] }
      return [cells["read_outage_ms"], cells["write_outage_ms"]].compactMap { $0 }.max()
    }
    guard !faults.isEmpty else {
      guard [.outage, .readOutage, .writeOutage].contains(measure) else { return nil }
      return metrics["longest_\(measure.rawValue)_ms"].map { $0 * 1e6 }
    }
    let times = faults.map(time)
    if [.recover, .firstAck].contains(measure), times.contains(nil) { return nil }
    return times.compactMap { $0 }.max().map { $0 * 1e6 }
  }
}
