import Faults
import Foundation
import Histories
import Linearizability
import Measurement
import Replication
import Testing
import Trials

@testable import Results

/// The parts of a Tabular Data Package that the tests read.
private struct Package: Decodable {
  struct Resource: Decodable {
    var name: String
    var path: String
    var format: String
    var schema: Schema
  }
  struct Schema: Decodable {
    var fields: [Field]
    var missingValues: [String]
    var primaryKey: [String]?
  }
  struct Field: Decodable {
    struct Constraints: Decodable {
      var required: Bool?
      var `enum`: [String]?
    }
    var name: String
    var type: String
    var description: String
    var constraints: Constraints?

    func accepts(_ cell: String) -> Bool {
      if cell.isEmpty { return constraints?.required != true }
      if let allowed = constraints?.enum, !allowed.contains(cell) { return false }
      switch type {
      case "string": return true
      case "boolean": return cell == "true" || cell == "false"
      case "integer": return Int(cell) != nil || UInt64(cell) != nil
      case "number":
        return Double(cell) != nil && cell.utf8.allSatisfy { "-.0123456789".utf8.contains($0) }
      default: return false
      }
    }
  }
  var profile: String
  var name: String
  var resources: [Resource]
}

@Suite struct ResultFileTests {
  @Test("distribution.csv has the latencies of all trials together, rising with the percentile")
  func distribution() throws {
    let file = ResultFile.distribution(outline)
    let records = try #require(parseCSV(file.csv(allTrials)))
    #expect(records[0] == file.fields.map(\.name))
    let key = Array(records[1].prefix(3))
    for operation in ["read", "write"] {
      let rows = records.filter { Array($0.prefix(3)) == key && $0[3] == operation }
      #expect(rows.count == 32)
      #expect(rows.first?[4] == "0" && rows.last?[4] == "100")
      let latencies = rows.map { Double($0[5]) ?? -1 }
      #expect(latencies == latencies.sorted() && latencies.first ?? -1 >= 0)
      // The pooled percentiles of summary.csv are the same numbers.
      let summary = try #require(parseCSV(ResultFile.summary(outline).csv(allTrials)))
      let row = try #require(summary.first { Array($0.prefix(3)) == key })
      let column = try #require(summary[0].firstIndex(of: "\(operation)_p99_us_pooled"))
      #expect(rows.first { $0[4] == "99" }?[5] == row[column])
    }
  }

  @Test("faults.csv says what survives of a crashed node's disk, and nothing of other faults")
  func diskFate() throws {
    let file = try #require(ResultFile.all(outline).first { $0.name == "faults" })
    let records = try #require(parseCSV(file.csv(allTrials)))
    let (kind, disk) = (records[0].firstIndex(of: "kind"), records[0].firstIndex(of: "disk"))
    let pairs = try Set(records.dropFirst().map { try [$0[#require(kind)], $0[#require(disk)]] })
    #expect(pairs == [["crash", "torn"], ["partition", ""]])
    #expect(FaultAction.crash(.leader, disk: .lost).diskFate == .lost)
    #expect(FaultAction.pause(.leader).diskFate == nil)
  }

  @Test("timeline.csv has the latencies of reads and of writes apart")
  func readsAndWrites() throws {
    let file = try #require(ResultFile.all(outline).first { $0.name == "timeline" })
    let records = try #require(parseCSV(file.csv(allTrials)))
    let columns = ["read_p50_us", "read_p99_us", "write_p50_us", "write_p99_us"]
    #expect(Array(records[0].suffix(4)) == columns)
    let first = try #require(finished(outline.places[0]).timelineCells.first)
    #expect(records[1].suffix(4) == first.suffix(4) && !first.suffix(4).contains(""))
  }

  @Test("Every cell of every file satisfies the schema in datapackage.json")
  func schema() throws {
    var outline = outline
    outline.expect = ["*.throughput > 0"]
    let text = DataPackage(outline: outline).text
    let package = try JSONDecoder().decode(Package.self, from: Data(text.utf8))
    #expect(package.name == "leader-crash-7" && package.profile == "tabular-data-package")
    let files = ResultFile.all(outline)
    #expect(
      package.resources.map(\.path) == [
        "summary.csv", "trials.csv", "latency.csv", "timeline.csv", "faults.csv", "resources.csv",
        "distribution.csv", "differences.csv", "expectations.csv",
      ])
    for (file, resource) in zip(files, package.resources) {
      let records = try #require(parseCSV(file.csv(allTrials)))
      let fields = resource.schema.fields
      #expect(records[0] == fields.map(\.name), "\(file.name)")
      #expect(Set(records[0]).count == records[0].count && resource.schema.missingValues == [""])
      #expect(records.count > 4 && fields.allSatisfy { !$0.description.isEmpty })
      for record in records.dropFirst() {
        #expect(record.count == fields.count)
        for (field, cell) in zip(fields, record) where !field.accepts(cell) {
          Issue.record("\(file.name): \(field.name) may not be '\(cell)'")
        }
      }
      guard let key = resource.schema.primaryKey else { continue }
      let indices = key.compactMap { name in records[0].firstIndex(of: name) }
      #expect(indices.count == key.count)
      let keys = records.dropFirst().map { record in indices.map { record[$0] } }
      #expect(Set(keys).count == keys.count, "\(file.name): the primary key is not unique")
    }
  }

  @Test("Rows follow sweep point, protocol and trial, in whatever order the trials finished")
  func order() throws {
    let reversed = Array(allTrials.reversed())
    for file in ResultFile.all(outline).dropFirst() {
      #expect(file.csv(allTrials) == file.csv(reversed))
    }
    let records = try #require(parseCSV(ResultFile.all(outline)[1].csv(reversed)))
    #expect(
      records[0].prefix(5) == [
        "protocol", "workload.clients", "workload.valueSize", "trial", "seed",
      ])
    #expect(records[1].prefix(5) == ["raft", "8", "128B", "1", "18446744073709551361"])
    #expect(records[4].prefix(4) == ["chain-replication", "8", "128B", "1"])
    #expect(records[7].prefix(4) == ["raft", "64", "1KiB", "1"])
    #expect(records.count == 13)
  }

  @Test("A sweep over numbers is a column of numbers, any other a column of text")
  func sweepKinds() {
    func kind(_ texts: [String]) -> Field.Kind {
      RunOutline(
        name: "", seed: 0, protocols: ["raft"], trials: 1, sweepPaths: ["x"],
        points: texts.map { [$0] }
      ).keyFields[1].kind
    }
    #expect(kind(["8", "64"]) == .integer && kind(["0.5", "1e-3"]) == .number)
    #expect(kind(["8", "128B"]) == .string && kind(["inf"]) == .string)
  }

  @Test("The summary holds mean and interval of every metric, and the worst verdict")
  func summary() throws {
    var trials = allTrials
    trials[1].verdict = TrialVerdict(word: .undecided)
    trials[3].verdict = TrialVerdict(word: .undecided)
    trials[4].verdict = TrialVerdict(word: .violated)
    let records = try #require(parseCSV(ResultFile.all(outline)[0].csv(trials.reversed())))
    #expect(records.count == 5)
    #expect(
      records.map(\.last) == ["verdict", "undecided", "violated", "linearizable", "linearizable"])
    let column = try #require(records[0].firstIndex(of: "throughput_mean"))
    let estimate = Estimate(trials[0..<3].map { $0.metric("throughput") })
    #expect(
      Array(records[1][column...(column + 2)])
        == [estimate.mean, estimate.low, estimate.high].map { DecimalText.text($0) })
    for metric in MetricColumn.all {
      let names = ["mean", "ci95_low", "ci95_high"].map { "\(metric.name)_\($0)" }
      let first = try #require(records[0].firstIndex(of: names[0]))
      #expect(Array(records[0][first..<(first + 3)]) == names)
    }
    let file = ResultFile.all(outline)[0]
    func meaning(_ name: String) -> String? { file.fields.first { $0.name == name }?.meaning }
    #expect(meaning("throughput_ci95_low")?.contains("95 % interval (Student's t)") == true)
    #expect(meaning("availability_ci95_low")?.contains("95 % interval (bootstrap-t") == true)
  }

  @Test("Percentiles, maxima, availability and nines are over all trials' operations together")
  func pooled() throws {
    let place = outline.places[0]
    func trial(_ number: Int, slow: Int, answered: Int) -> FinishedTrial {
      let operations = (0..<1_000).map { i in
        let isSlow = i < slow
        return Operation(
          client: 0, kind: .get, key: 1, outcome: i < answered ? .ok : .failed,
          invoked: Int64(i) * ms, returned: Int64(i) * ms + (isSlow ? 100 : 1) * ms)
      }
      let seen = TrialRecord(
        operations: operations, warmUpEndNs: 0, measuredEndNs: 2_000 * ms, clients: 1)
      let settings = MeasurementSettings(
        window: .milliseconds(50), sloLatency: .milliseconds(20), isOpenLoop: true)
      return FinishedTrial(
        place: TrialPlace(point: 0, protocolIndex: 0, trial: number), seed: 1, observation: seen,
        metrics: TrialMetrics(seen, settings), verdict: TrialVerdict(word: .linearizable))
    }
    #expect(place == TrialPlace(point: 0, protocolIndex: 0, trial: 1))
    // The first trial's p99 is 100 ms, the mean of both is 50.5 ms; over all operations 15 in 2,000
    // are slow.
    let trials = [trial(1, slow: 15, answered: 1_000), trial(2, slow: 0, answered: 1_000)]
    let records = try #require(parseCSV(ResultFile.all(outline)[0].csv(trials)))
    func cell(_ name: String) throws -> Double {
      let column = try #require(records[0].firstIndex(of: name))
      return try #require(Double(records[1][column]))
    }
    #expect(try abs(cell("read_p99_us_pooled") - 1_000) < 1)
    #expect(try cell("read_p99_us_mean") == 50_500)
    #expect(try cell("read_max_us_pooled") == 100_000 && cell("all_max_us_pooled") == 100_000)
    #expect(try cell("read_count") == 2_000 && cell("read_censored") == 0)
    // 15 operations in 2,000 are late. The mean of the two trials' nines would be 2.4.
    #expect(try cell("availability_pooled") == 0.9925)
    #expect(try abs(cell("nines_pooled") - 2.12493874) < 1e-8)
    #expect(try cell("write_count") == 0 && records[1].contains(""))
  }

  @Test("Trials that never recover are counted")
  func neverRecovered() throws {
    var trials = Array(allTrials.prefix(3))
    func cell() throws -> String {
      let records = try #require(parseCSV(ResultFile.all(outline)[0].csv(trials)))
      return records[1][try #require(records[0].firstIndex(of: "never_recovered"))]
    }
    for index in trials.indices {
      for fault in trials[index].faults.indices { trials[index].faults[fault].timeToRecoverNs = 1 }
    }
    #expect(try cell() == "0")
    trials[1].faults[0].timeToRecoverNs = nil
    #expect(try cell() == "1")
    for index in trials.indices { trials[index].faults = [] }
    #expect(try cell() == "")
  }

  @Test("A field with a comma, a quote or a line break is quoted, and no other field is")
  func quoting() {
    var text = CSVText(header: ["a", "b c"])
    text.append(["1,2", "say \"x\""])
    text.append(["", "two\r\nlines"])
    #expect(
      String(decoding: text.bytes, as: UTF8.self)
        == "a,b c\r\n\"1,2\",\"say \"\"x\"\"\"\r\n,\"two\r\nlines\"\r\n")
    #expect(parseCSV(text.bytes) == [["a", "b c"], ["1,2", "say \"x\""], ["", "two\r\nlines"]])
  }

  @Test("A trial read back from its fragment is equal to the last bit")
  func roundTrip() throws {
    var trial = allTrials[0]
    trial.metrics = [
      1.0 / 3, nil, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.1, -0.0, 1e22 / 7,
    ]
    trial.verdict = TrialVerdict(word: .violated, explanation: "line\n\"quoted\" \u{1F600}")
    let data = try JSONEncoder().encode(trial)
    let back = try JSONDecoder().decode(FinishedTrial.self, from: data)
    #expect(back == trial)
    #expect(back.metrics.map { $0?.bitPattern } == trial.metrics.map { $0?.bitPattern })
  }

  @Test("A promise that the runtime saw broken makes the verdict violated")
  func safetyViolation() {
    var seen = observation(outline.places[0])
    seen.safetyViolations = ["logs differ at 3"]
    let settings = MeasurementSettings(
      window: .milliseconds(50), sloLatency: .milliseconds(20), isOpenLoop: true)
    let trial = FinishedTrial(
      place: outline.places[0], seed: 1, observation: seen,
      metrics: TrialMetrics(seen, settings), verdict: TrialVerdict(word: .linearizable))
    #expect(trial.verdict == TrialVerdict(word: .violated, explanation: "logs differ at 3"))
  }

  @Test("A counterexample is a few readable lines")
  func counterexample() {
    let put = Operation(
      client: 1, kind: .put, key: 4, argument: ValueDigest([1]), outcome: .ok, invoked: ms,
      returned: 2 * ms)
    let get = Operation(
      client: 2, kind: .get, key: 4, outcome: .ok, invoked: 3 * ms, returned: 4 * ms)
    let text = TrialVerdict(
      .violated(
        Counterexample(key: 4, operations: [put, get], culprit: get, explanation: "A lost write.")),
      in: TrialRecord(operations: [put, get], warmUpEndNs: 0, measuredEndNs: 5 * ms, clients: 2)
    ).explanation
    #expect(
      text == """
        A lost write.
          [1 .. 2 ms] client 1: put key 4 #00000000 -> ok
        > [3 .. 4 ms] client 2: get key 4 -> nothing
        """)
  }
}
