import Clients
import Configuration
import Replication

/// `phases` of `workload.arrival`, which follow each other from the start of the trial:
///
///     arrival: { phases: [{ for: "5s", open: "1000/s" },
///                         { for: "5s", ramp: ["1000/s", "8000/s"] },
///                         { for: "500ms", open: "20000/s" }], repeat: true }
///
/// Without `repeat` the last rate stays. A burst is a short phase, a staircase is one phase per
/// step, and `"0/s"` is a pause.
extension LoadCurve {
  init(reading node: ConfigValue, _ repeating: ConfigValue?) throws(ExperimentError) {
    let allowed =
      #"a list of phases such as { for: "5s", open: "1000/s" } or { for: "5s", ramp: ["1000/s", "8000/s"] }"#
    var phases: [Phase] = []
    for element in try node.elements(allowed) {
      phases.append(try Phase(reading: element, allowed))
    }
    self.init(phases: phases, repeats: try repeating?.flag() ?? false)
    guard !isSilent else { throw node.refused("a rate above 0/s in one of the phases") }
  }
}

extension LoadCurve.Phase {
  fileprivate init(reading node: ConfigValue, _ allowed: String) throws(ExperimentError) {
    guard case .object = node.value else { throw node.refused(allowed) }
    let section = try Section(node, path: node.path, known: ["for", "open", "ramp"])
    let length = try section.required("for", #"how long the phase lasts, such as "5s""#)
      .interval(in: .milliseconds(1)...Interval.hour)
    let range = 0.0...10_000_000
    switch (section["open"], section["ramp"]) {
    case (let open?, nil):
      let rate = try open.rate(in: range)
      self.init(length: length, from: rate, to: rate)
    case (nil, let ramp?):
      let both = #"the rates at its start and its end, such as ["1000/s", "8000/s"]"#
      let ends = try ramp.elements(both)
      guard ends.count == 2 else { throw ramp.refused(both) }
      self.init(length: length, from: try ends[0].rate(in: range), to: try ends[1].rate(in: range))
    default: throw node.refused("exactly one of open and ramp")
    }
  }

  var json: JSONValue {
    .object([
      .init("for", .interval(length)),
      from == to
        ? .init("open", .rate(from)) : .init("ramp", .array([.rate(from), .rate(to)])),
    ])
  }
}

extension JSONValue {
  /// A rate per second.
  static func rate(_ value: Double) -> JSONValue { .string("\(ConfigValue.plain(value))/s") }
}
