import Configuration
import Experiments
import Linearizability
import Replication

// Advice: which protocol, and which order of places, suits a request. A file states the request;
// experiments are made from it, run as all others are, and their trials ranked.
//
// The ranking uses measured results and says which changes would alter it: four times the load, the
// other mix of reads and writes, and larger values are measured too.

/// The user's requirements.
package struct AdviceRequest: Equatable {
  /// The metric that decides among configurations that meet all requirements.
  package enum Preference: String, CaseIterable { case latency, availability, cost }

  package var name = "advice"
  /// The longest round trip between two nodes; timers are a multiple of it.
  package var roundTrip: Interval
  /// The section `network` of an experiment.
  var network: JSONValue
  /// Orders of places to try for the replicas; empty if there is one place, or if the file sets the
  /// order.
  var placements: [[String]] = []
  package var reads = 0.5
  package var rate = 1_000.0
  package var valueSize = 128
  package var failures = 1
  package var consistency = Consistency.linearizable
  /// The limits for the latency at `percentile`, of reads and of writes; `nil` for no limit.
  package var readLatency: Interval?
  package var writeLatency: Interval?
  package var percentile = 99.0
  /// The limit for the outage when the node in charge dies; `nil` for no limit.
  package var outage: Interval?
  package var preference = Preference.latency
  package var trials = 5

  static let percentiles: [(value: Double, label: String)] = [
    (50, "p50"), (95, "p95"), (99, "p99"), (99.9, "p999"), (100, "max"),
  ]

  var percentileLabel: String {
    AdviceRequest.percentiles.first { $0.value == percentile }?.label ?? "p99"
  }

  /// The latency that decides: that of all operations, or of the only ones that have a limit.
  var latencyMetric: String {
    let operations =
      readLatency != nil && writeLatency == nil
      ? "read" : readLatency == nil && writeLatency != nil ? "write" : "all"
    return "\(operations)_\(percentileLabel)_us"
  }

  package static func read(file: String) throws(ExperimentError) -> AdviceRequest {
    let text = try SourceText.contents(of: file, "a readable file of what is needed")
    do throws(ExperimentError) {
      return try AdviceRequest(text: text)
    } catch {
      var error = error
      error.file = file
      throw error
    }
  }

  static let keys = [
    "name", "roundTrip", "places", "reads", "rate", "valueSize", "failures", "consistency", "slo",
    "prefer", "trials",
  ]

  init(text: String) throws(ExperimentError) {
    let tree = try SourceText.parse(text, example: "{ roundTrip: \"1ms\", reads: 0.95 }")
    let section = try Section(
      ConfigValue(path: "", value: tree), path: "", known: AdviceRequest.keys)
    if let places = section["places"] {
      if let node = section["roundTrip"] {
        throw node.refused("either roundTrip or places, which have round trips of their own")
      }
      (network, roundTrip, placements) = try AdviceRequest.places(places)
    } else {
      roundTrip =
        try section["roundTrip"]?.interval(in: .microseconds(1)...Interval.seconds(10))
        ?? .microseconds(200)
      let oneWay = JSONValue.interval(Interval(nanoseconds: roundTrip.nanoseconds / 2))
      network = .object([.init("latency", oneWay)])
    }
    name = try section["name"]?.name() ?? name
    reads = try section["reads"]?.probability() ?? reads
    rate = try section["rate"]?.rate(in: 1...200_000) ?? rate
    valueSize = try section["valueSize"]?.size(in: 8...(1 << 20)) ?? valueSize
    failures = try section["failures"]?.integer(in: 1...3) ?? failures
    consistency = try section["consistency"]?.choice(of: Consistency.self) ?? consistency
    preference = try section["prefer"]?.choice(of: Preference.self) ?? preference
    trials = try section["trials"]?.integer(in: 3...100) ?? trials
    try readObjectives(section["slo"])
  }

  private mutating func readObjectives(_ node: ConfigValue?) throws(ExperimentError) {
    let slo = try Section(
      node, path: "slo", known: ["latency", "reads", "writes", "percentile", "outage"])
    let range = Interval.microseconds(1)...Interval.hour
    let latency = try slo["latency"]?.interval(in: range)
    readLatency = try slo["reads"]?.interval(in: range) ?? latency
    writeLatency = try slo["writes"]?.interval(in: range) ?? latency
    outage = try slo["outage"]?.interval(in: range)
    guard let node = slo["percentile"] else { return }
    percentile = try node.number(in: 0...100)
    guard AdviceRequest.percentiles.contains(where: { $0.value == percentile }) else {
      throw node.refused("50, 95, 99, 99.9 or 100")
    }
  }

  // MARK: Places

  private static func places(
    _ node: ConfigValue
  ) throws(ExperimentError) -> (JSONValue, Interval, [[String]]) {
    let section = try Section(node, path: "places", known: ["latency", "replicas", "clients"])
    let table = try section.required(
      "latency", "one-way latencies such as { \"eu-us\": \"40ms\" }")
    var names: [String] = []
    var longest = Interval.microseconds(200)
    for member in try Section.members(of: table, "an object of one-way latencies") {
      let node = ConfigValue(
        path: ConfigValue.path("places.latency", member.key), value: member.value)
      let oneWay = try node.interval(in: .zero...Interval.seconds(10))
      longest = max(longest, Interval(nanoseconds: oneWay.nanoseconds * 2))
      for name in member.key.split(whereSeparator: { $0 == "-" || $0 == ">" }).map(String.init)
      where !names.contains(name) {
        names.append(name)
      }
    }
    let members: [JSONValue.Member] = ["latency", "replicas", "clients"].compactMap { key in
      section[key].map { .init(key, $0.value) }
    }
    let network = JSONValue.object([.init("places", .object(members))])
    // The order of the replicas determines the first leader and the order of a chain.
    let rotations = (0..<min(names.count, mostPlacements)).map { first in
      Array(names[first...] + names[..<first])
    }
    return (network, longest, section["replicas"] == nil && names.count > 1 ? rotations : [])
  }

  private static let mostPlacements = 5
}
