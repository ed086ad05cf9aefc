import Configuration
import Environments
import Faults
import Replication

/// Reads `faults`.
struct FaultSection {
  /// The fewest replicas of any protocol of the experiment, because a target must exist in all of
  /// them.
  let replicas: Int
  /// The number of authority nodes, if a protocol of the experiment has an authority.
  let authority: Int
  let warmUp: Interval
  let duration: Interval
  let injector: FaultInjector
  /// The transport of the simulated network.
  let transport: NetworkTransport

  func read(_ node: ConfigValue?) throws(ExperimentError) -> FaultScript {
    var script = FaultScript()
    for entry in try node?.elements("a list of faults") ?? [] {
      let kind = try kind(of: entry)
      if kind == "chaos" {
        script.chaos.append(try chaos(entry, after: script.timed))
      } else {
        script.timed += try timed(entry, kind: kind, after: script.timed)
      }
    }
    guard script.timed.count <= FaultSection.mostFaults else {
      throw ExperimentError(
        path: "faults", found: "\(script.timed.count) faults",
        allowed: "at most \(FaultSection.mostFaults), repetitions included")
    }
    return script
  }

  private static let mostFaults = 1000

  /// Exactly one kind is named. `disk` beside `crash` says how a crash damages the disk.
  private func kind(of entry: ConfigValue) throws(ExperimentError) -> String {
    let kinds = FaultTable.kinds
    let oneKind = "exactly one of \(kinds.joined(separator: ", "))"
    let members = try Section.members(
      of: entry, "a fault, such as { at: \"5s\", crash: \"leader\" }")
    let keys = members.map(\.key)
    for key in keys {
      guard let reason = FaultTable.refusal(of: key, by: injector) else { continue }
      let possible = kinds.filter { FaultTable.refusal(of: $0, by: injector) == nil }
      throw ExperimentError(
        path: ConfigValue.path(entry.path, key), found: "\"\(key)\"",
        allowed: possible.joined(separator: ", ") + " (\(reason))")
    }
    let named = keys.filter { kinds.contains($0) }
      .filter { !($0 == "disk" && keys.contains("crash")) }
    if let kind = named.first, named.count == 1 { return kind }
    if named.isEmpty {
      let other = keys.first {
        !["at", "for", "from", "until", "target", "every", "name"].contains($0)
      }
      guard let other else { throw entry.refused(oneKind) }
      throw ExperimentError(
        path: ConfigValue.path(entry.path, other), found: "an unknown key", allowed: oneKind,
        suggestion: nearest(to: other, among: kinds))
    }
    throw entry.refused(oneKind, found: named.joined(separator: " and "))
  }

  /// - Parameter earlier: the faults to which times and names may refer.
  private func timed(
    _ entry: ConfigValue, kind: String, after earlier: [TimedFault]
  ) throws(ExperimentError) -> [TimedFault] {
    let parameters: [String: [String]] = [
      "crash": ["disk"], "slow-cpu": ["factor"], "partition": ["target", "direction"],
      "link": ["loss", "duplicate", "reorder", "corrupt", "latency", "bandwidth"],
      "clock": ["jump", "drift"],
      "disk": FaultSection.diskFaults.map(\.name),
    ]
    let section = try Section(
      entry, path: entry.path,
      known: ["name", "at", kind] + (parameters[kind] ?? []) + ["for", "every", "until"])
    let name = try section["name"].map { (node) throws(ExperimentError) in
      let name = try node.name()
      guard name != "warmUp", !name.hasSuffix(".end") else {
        throw node.refused("a name other than warmUp and without .end, which times use")
      }
      guard !earlier.contains(where: { $0.name == name }) else {
        throw node.refused("a name that no other fault has")
      }
      return name
    }
    let at = try moment(
      section.required("at", #"when the fault starts: a duration such as "5s""#), after: earlier)
    let length = try section["for"]?.interval(in: .nanoseconds(1)...Interval.hour)
    let what = try section.required(kind, "a target")
    let first = TimedFault(
      at: at, duration: length, action: try action(kind, what, section), name: name)
    return try repeated(first, section, after: earlier)
  }

  private func action(
    _ kind: String, _ what: ConfigValue, _ section: Section
  ) throws(ExperimentError) -> FaultAction {
    switch kind {
    case "crash":
      return .crash(try target(what), disk: try diskFate(section["disk"]))
    case "pause": return .pause(try target(what))
    case "slow-cpu":
      let factor = try section["factor"]?.number(in: 1...1_000_000) ?? 10
      return .slowCPU(try target(what), factor: factor)
    case "partition": return .partition(try shape(what, section))
    case "link": return .link(try target(what), try degradation(section))
    case "clock": return .clock(try target(what), try clockFault(section))
    default: return .disk(try target(what), try diskFault(section))
    }
  }

  private func diskFate(_ node: ConfigValue?) throws(ExperimentError) -> DiskFate {
    guard let node else { return .kept }
    let possible = DiskFate.allCases.map(\.rawValue).filter {
      FaultTable.refusal(of: "crash", $0, by: injector) == nil
    }
    if case .string(let name) = node.value, DiskFate(rawValue: name) != nil,
      let reason = FaultTable.refusal(of: "crash", name, by: injector)
    {
      throw node.refused(ConfigValue.list(possible) + " (\(reason))")
    }
    let name = try node.choice(of: possible)
    return DiskFate(rawValue: name) ?? .kept
  }

  private func degradation(_ section: Section) throws(ExperimentError) -> LinkDegradation {
    var result = LinkDegradation()
    result.loss = try section["loss"]?.probability() ?? 0
    // Nodes of a real cluster duplicate and reorder messages before they reach TCP.
    let transport = injector == .simulation ? transport : .datagram
    result.duplicate = try section["duplicate"]?.datagramShare(over: transport) ?? 0
    result.reorder = try section["reorder"]?.datagramShare(over: transport) ?? 0
    result.corrupt = try section["corrupt"]?.probability() ?? 0
    result.extraLatency = try section["latency"]?.interval(in: .zero...Interval.hour) ?? .zero
    result.bandwidth = try section["bandwidth"]?.limit()
    guard result != LinkDegradation() else {
      throw ExperimentError(
        path: section.path, found: "a link fault that changes nothing",
        allowed: "at least one of loss, duplicate, reorder, corrupt, latency, bandwidth")
    }
    return result
  }

  private func clockFault(_ section: Section) throws(ExperimentError) -> ClockFault {
    let hour = Interval.hour
    switch (section["jump"], section["drift"]) {
    case (let jump?, nil): return .jump(try jump.interval(in: (Interval.zero - hour)...hour))
    case (nil, let drift?): return .drift(try drift.number(in: -0.9...9))
    default: throw chooseOne("jump and drift", section)
    }
  }

  /// All but the first take no parameter: `error: true`.
  private static let diskFaults: [DiskFault] = [.slow(.zero), .stall, .error, .full, .bitRot]

  private func diskFault(_ section: Section) throws(ExperimentError) -> DiskFault {
    func refusal(_ fault: DiskFault) -> String? {
      FaultTable.refusal(of: "disk", fault.name, by: injector)
    }
    let possible = FaultSection.diskFaults.filter { refusal($0) == nil }
    let names = possible.map(\.name)
    for fault in FaultSection.diskFaults {
      guard let node = section[fault.name], let reason = refusal(fault) else { continue }
      throw node.refused(
        names.joined(separator: " or ") + " (\(reason))", found: "\"\(fault.name)\"")
    }
    let named = possible.compactMap { fault in section[fault.name].map { (fault, $0) } }
    guard let (fault, node) = named.first, named.count == 1 else {
      throw chooseOne(
        "\(names.dropLast().joined(separator: ", ")) and \(names[names.count - 1])", section)
    }
    if case .slow = fault { return .slow(try node.interval(in: .nanoseconds(1)...Interval.hour)) }
    guard try node.flag() else { throw node.refused("true") }
    return fault
  }

  private func chooseOne(_ names: String, _ section: Section) -> ExperimentError {
    let found = section.node.map { ConfigValue.shown($0.value) } ?? "nothing"
    return ExperimentError(
      path: section.path, found: found, allowed: "exactly one of \(names)")
  }
}
