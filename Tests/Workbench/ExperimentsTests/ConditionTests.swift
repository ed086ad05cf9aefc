import Configuration
import Experiments
import Foundation
import Testing

private let vocabulary = ConditionVocabulary(
  rows: ["raft", "raft-without-prevote", "v1.2"],
  sweep: [("replicas", ["3", "5"]), ("faults[0].for", ["1s", "2s"])],
  faults: ["kill", "v1.kill"])

private func condition(_ text: String) throws -> Condition {
  try Condition(text, vocabulary, source: "expect")
}

/// Values are given by the text of a measure, in base units: ns, bytes, per second.
private func holds(_ text: String, _ values: [String: Double]) throws -> Bool? {
  try condition(text).holds { values[$0.text].map { .number($0) } }
}

@Test(
  "Conditions compare measures with numbers in any unit",
  arguments: [
    ("raft.throughput >= 5000/s", ["raft.throughput": 5000.0], true),
    ("raft.throughput > 5000", ["raft.throughput": 5000], false),
    ("raft.throughput > 5e3", ["raft.throughput": 5001], true),
    ("raft.throughput >= 0.5E+4/s", ["raft.throughput": 4999], false),
    ("raft.throughput < 1e9", ["raft.throughput": 999_999_999], true),
    ("p99 < 1.5e-3s", ["p99": 1_499_999], true),
    ("availability > 9.99e1%", ["availability": 0.9989], false),
    ("raft.write_outage_ms < 500", ["raft.write_outage_ms": 499e6], true),
    ("raft.write_outage_ms < 0.4s", ["raft.write_outage_ms": 499e6], false),
    ("500 > raft.write_outage_ms", ["raft.write_outage_ms": 499e6], true),
    ("raft.read_p99_us <= 250", ["raft.read_p99_us": 250e3], true),
    ("p99.9 < 10ms and availability > 99.9%", ["p99.9": 9e6, "availability": 0.9991], true),
    ("p99 < 10ms and availability > 0.999", ["p99": 9e6, "availability": 0.99], false),
    ("p99 < 10ms or not availability > 0.999", ["p99": 11e6, "availability": 0.99], true),
    (
      "raft-without-prevote.p99 <= 1.1 * raft.p99",
      ["raft-without-prevote.p99": 11, "raft.p99": 10], true
    ),
    ("(raft.p99 - v1.2.p99) / raft.p99 < 10%", ["raft.p99": 10, "v1.2.p99": 8], false),
    ("raft.p99 - v1.2.p99 < 3ms", ["raft.p99": 10e6, "v1.2.p99": 8e6], true),
    (
      "raft.write_outage_ms - raft.read_outage_ms < 5",
      ["raft.write_outage_ms": 6e6, "raft.read_outage_ms": 2e6], true
    ),
    ("(raft.p99 < 1ms or raft.p99 > 2ms) and raft.p99 != 3ms", ["raft.p99": 5e6], true),
    (
      "raft[replicas=5].throughput < raft[replicas=3].throughput",
      ["raft[replicas=5].throughput": 1, "raft[replicas=3].throughput": 2], true
    ),
    ("median(raft.write_outage) < 1s", ["median(raft.write_outage)": 2e9], false),
    ("-1 < raft.lost_writes", ["raft.lost_writes": 0], true),
    ("bytes_per_op < 4KiB", ["bytes_per_op": 4095], true),
  ] as [(String, [String: Double], Bool)])
func comparisons(text: String, values: [String: Double], expected: Bool) throws {
  #expect(try holds(text, values) == expected)
}

@Test("A condition with a missing value is undecided unless another part decides it")
func missing() throws {
  #expect(try holds("p99 < 1ms", [:]) == nil)
  #expect(try holds("p99 < 1ms and availability > 0.5", ["availability": 0.1]) == false)
  #expect(try holds("p99 < 1ms or availability > 0.5", ["availability": 0.9]) == true)
  #expect(try holds("not p99 < 1ms", [:]) == nil)
  #expect(try holds("p99 / availability > 1ms", ["p99": 1, "availability": 0]) == nil)
}

@Test("The effects of a fault are named by the fault's name")
func faultNames() throws {
  for text in ["raft.kill.write_outage_ms < 5", "raft[replicas=3].kill.write_outage_ms < 5"] {
    let measure = try condition(text).measures[0]
    #expect(measure.fault == "kill" && measure.row == "raft", "\(text)")
    #expect(measure.name.source == .fault(.writeOutage))
  }
  #expect(try condition("v1.kill.recover < 1s").measures[0].fault == "v1.kill")
  #expect(throws: ExperimentError.self) { try condition("raft.kill.throughput > 5") }
  #expect(throws: ExperimentError.self) { try condition("raft.kil.recover < 5s") }
}

@Test("A condition may be as deep as it may be long")
func depth() throws {
  let brackets = (String(repeating: "(", count: 98), String(repeating: ")", count: 98))
  #expect(try holds("\(brackets.0)throughput > 1\(brackets.1)", ["throughput": 2]) == true)
  #expect(try holds("\(brackets.0)throughput\(brackets.1) > 1", ["throughput": 2]) == true)
  let not = String(repeating: "not ", count: 196)
  #expect(try holds("\(not)throughput > 1", ["throughput": 2]) == true)
}

@Test("Verdicts are compared by name")
func verdicts() throws {
  let verdict = try condition("*.verdict == linearizable")
  #expect(verdict.holds { _ in .word("linearizable") } == true)
  #expect(verdict.holds { _ in .word("undecided") } == false)
  #expect(verdict.measures.map(\.row) == [nil])
}

@Test("Every column and every measure of a fault has a name, and every name is unambiguous")
func names() {
  #expect(Set(MeasureName.all.map(\.name)).count == MeasureName.all.count)
  #expect(MeasureName.named("write_outage_ms")?.source == .fault(.writeOutage))
  #expect(MeasureName.named("p99")?.source == .metric("all_p99_us"))
  #expect(MeasureName.named("read_p99.9")?.source == .metric("read_p999_us"))
}

@Test(
  "The error for a mistake in a condition suggests the nearest word",
  arguments: [
    ("raft.throughputt > 3", #"found "throughputt", allowed a metric *did you mean "throughput"?"#),
    (
      "rafd.throughput > 3",
      #"found "rafd", allowed a row *raft-without-prevote, v1.2, *did you mean "raft"?"#
    ),
    ("throughput > 10ms", #"found throughput > 10ms, allowed a rate such as "5000/s""#),
    ("p99 < 10", "found 10 beside p99, allowed a time such as \"10ms\" with its unit"),
    ("p99 < 10msec", #"found "10msec", allowed a number, or one with a unit"#),
    ("p99 < 10e", #"found "10e", allowed a number, or one with a unit"#),
    ("p99 < 1e5e3", #"found "1e5e", allowed a number, or one with a unit"#),
    ("throughput < 1e999", #"found "1e999", allowed a number up to 1.79"#),
    ("throughput < -1e999/s", #"found "1e999/s", allowed a number up to"#),
    ("raft.verdict == linear", #"found "linear", allowed a verdict: linearizable"#),
    ("raft.verdict < violated", "found <, allowed == or !="),
    ("raft.verdict + 1 == violated", "allowed numbers in a calculation"),
    ("throughput = 3", "found =, allowed == for equal"),
    ("p99 < 1ms && p50 < 1ms", "found &&, allowed and"), ("!p99 < 1ms", "found !, allowed not"),
    ("p99 < 1ms || p50 < 1ms", "found ||, allowed or"),
    ("throughput", "found throughput alone, allowed a comparison"),
    ("throughput > 3 and", "found the end of the condition, allowed a number or a metric"),
    ("throughput > 3 p99", #"found "p99", allowed and, or"#),
    ("raft > 3", #"found "raft", allowed a metric of it, such as raft.throughput"#),
    ("raft[replica=5].p99 < 1s", #"found "replica", *did you mean "replicas"?"#),
    ("raft[replicas=7].p99 < 1s", "found replicas=7, allowed a value of the sweep: 3, 5"),
    ("raft[replicas].p99 < 1s", #"found "replicas", allowed sweep values in brackets"#),
    ("raft[replicas=5 < 3", "found a [ without its ]"),
    ("p99 * p99 < 1s", "allowed products with plain numbers"),
    ("mean(throughput > 3", "allowed mean(...) of one metric"),
    ("raft.kil.write_outage_ms < 5", #"found "kil", allowed the name *did you mean "kill"?"#),
    ("*.kil.recover < 5s", #"found "kil", allowed the name of a fault: kill, v1.kill"#),
    ("raft[replicas=3].kil.recover < 5s", #"found "kil", allowed the name of a fault"#),
    ("raft.kill.write_outge_ms < 5", #"found "kill.write_outge_ms", allowed a metric"#),
    ("throughput / 0 > 1", "found throughput / 0, allowed a divisor other than 0"),
    (
      String(repeating: "(", count: 5000) + "throughput > 1",
      "found 5003 words, numbers and signs, allowed at most 200"
    ),
    ("throughput ? 3", #"found "?", allowed a comparison"#), ("", "found the end of the condition"),
  ])
func mistakes(text: String, expected: String) {
  do {
    _ = try condition(text)
    Issue.record("accepted: \(text)")
  } catch {
    var rest = "\(error)"[...]
    for part in expected.split(separator: "*") {
      guard let range = rest.firstRange(of: part) else {
        Issue.record("\(error)\nlacks: \(part)")
        return
      }
      rest = rest[range.upperBound...]
    }
  }
}
