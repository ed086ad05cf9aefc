import Linearizability
import Clients
import Configuration
import Environments
import Faults
import ProtocolList
import Replication
import Workloads

extension Experiment {
  static let keyNames = [
    "format", "name", "description", "runtime", "protocols", "baseline", "target", "replicas",
    "tolerates", "options",
    "workload", "probe", "trace", "overload", "sessionExpiry", "network", "disk", "cpu", "clocks",
    "faults",
    "warmUp",
    "duration",
    "window",
    "slo", "trials", "seed", "check", "expect", "find", "sweep",
  ]
  private static let mostWindows: Int64 = 100_000
  /// Operations that may come due in one trial of an open loop.
  private static let mostOperations = 50_000_000.0

  /// Reads all sections but the sweep, which needs the whole file for each of its points.
  /// - Parameter trace: the operations of `workload.trace`.
  init(
    reading root: JSONValue, hosts: HostsFile?, trace: OperationTrace?
  ) throws(ExperimentError) {
    let node = ConfigValue(path: "", value: root)
    guard case .object = root else {
      throw node.refused("an object, such as { name: \"hello\" }")
    }
    let section = try Section(node, path: "", known: Experiment.keyNames)
    if let node = section["format"] { try Experiment.checkFormat(node) }
    name = try section["name"]?.name() ?? name
    description = try section["description"].map(Experiment.description) ?? description
    runtime = try section["runtime"]?.choice(of: ExperimentRuntime.self) ?? runtime
    if hosts != nil { runtime = .cluster }
    targets = try TargetSection(runtime: runtime, taken: ProtocolKind.names).read(section["target"])
    let protocols = try ProtocolSection(
      reading: section, mayBeEmpty: !targets.isEmpty, hosts: hosts)
    size = protocols.size
    self.protocols = protocols.choices
    sharedOptions = protocols.shared
    try TargetRules.checkNames(targets, self.protocols)
    baseline = try section["baseline"].map { (node) throws(ExperimentError) in
      try node.choice(of: contenders.map(\.name))
    }
    workload = try WorkloadSpec(reading: section["workload"], trace: trace)
    let injector: FaultInjector =
      hosts != nil ? .othersProcesses : runtime == .cluster ? .ownProcesses : .simulation
    probeRate = try section["probe"].map(ProbeSection.rate) ?? probeRate
    if let node = section["trace"] { traceEvery = try TimeTraceSection.every(node, hosts: hosts) }
    overload =
      try section["overload"].map { (node) throws(ExperimentError) in
        try OverloadSection.read(node, of: targets.isEmpty ? injector : nil)
      } ?? overload
    sessionExpiry =
      try section["sessionExpiry"].map { (node) throws(ExperimentError) in
        try SessionExpiry.read(node, timeout: workload.timeout)
      } ?? max(sessionExpiry, SessionExpiry.shortest(timeout: workload.timeout))
    environment = Environment(
      network: try NetworkModel(reading: section["network"], replicas: protocols.fewestReplicas),
      disk: try DiskModel(reading: section["disk"]), cpu: try CPUModel(reading: section["cpu"]),
      clocks: try ClockModel(reading: section["clocks"]))
    try ClientGroupSection.check(
      section, workload, replicas: protocols.fewestReplicas,
      hasPlaces: environment.network.places != nil)
    if runtime == .cluster { try ClusterRules.check(environment, of: section) }
    if hosts != nil { try HostsRules.check(environment, of: section) }
    try TargetRules.check(targets, workload.mix)
    try readTimes(section)
    faults = try FaultSection(
      replicas: protocols.fewestReplicas, authority: protocols.mostAuthorityNodes,
      warmUp: warmUp, duration: duration,
      injector: injector,
      transport: environment.network.transport
    ).read(section["faults"])
    try TargetRules.check(targets, section["faults"])
    try LostDiskRules.check(faults, of: self.protocols, section["faults"])
    if let node = section["trials"] { (trials, stopping) = try StoppingRule.read(node) }
    seed = try section["seed"]?.seed() ?? seed
    check = try section["check"]?.choice(of: Consistency.self) ?? check
    try ScanRules.check(check, beside: workload.mix, section["check"])
    expect = try section["expect"].map(Experiment.conditions) ?? expect
  }

  /// Reads the conditions' texts; the names in them are checked when the sweep points are known.
  private static func conditions(_ node: ConfigValue) throws(ExperimentError) -> [String] {
    let allowed = #"a list of conditions, such as ["raft.write_outage_ms < 500"]"#
    var texts: [String] = []
    for element in try node.elements(allowed) {
      texts.append(try element.string(#"a condition in quotes, such as "p99 < 10ms""#))
    }
    return texts
  }

  private mutating func readTimes(_ section: Section) throws(ExperimentError) {
    let hour = Interval.hour
    warmUp = try section["warmUp"]?.interval(in: .zero...hour) ?? warmUp
    duration = try section["duration"]?.interval(in: .milliseconds(1)...hour) ?? duration
    guard duration > warmUp else {
      throw ExperimentError(
        path: section["duration"] == nil ? "warmUp" : "duration", found: "duration \(duration)",
        allowed: "a duration longer than the warmUp it includes (\(warmUp))")
    }
    let measured = duration - warmUp
    let window = try section["window"]?.interval(in: .nanoseconds(1)...hour)
    // If the measured interval is shorter than the default window, the window shrinks to it; a
    // window given in the file does not shrink.
    self.window = window ?? min(self.window, measured)
    guard self.window <= measured else {
      throw ExperimentError(
        path: "window", found: "\(self.window)",
        allowed: "a window no longer than the measured interval (\(measured))")
    }
    guard duration.nanoseconds / self.window.nanoseconds <= Experiment.mostWindows else {
      throw ExperimentError(
        path: "window", found: "\(self.window)",
        allowed: "at most \(Experiment.mostWindows) windows in \(duration)")
    }
    let slo = try Section(section["slo"], path: "slo", known: ["latency"])
    sloLatency = try slo["latency"]?.interval(in: .nanoseconds(1)...hour) ?? sloLatency
    try checkOperations()
  }

  private func checkOperations() throws(ExperimentError) {
    let (path, found): (String, String)
    switch workload.arrival {
    case .closed: return
    case .open(let rate, _):
      guard rate * duration.seconds > Experiment.mostOperations else { return }
      (path, found) = ("open", "\(ConfigValue.plain(rate))/s for \(duration)")
    case .varying(let curve, _):
      let count = curve.count(until: duration)
      guard count > Experiment.mostOperations else { return }
      (path, found) = ("phases", "\(Int(count)) operations in \(duration)")
    }
    throw ExperimentError(
      path: "workload.arrival.\(path)", found: found,
      allowed: "at most \(ConfigValue.plain(Experiment.mostOperations)) operations in a trial")
  }

  private static func checkFormat(_ node: ConfigValue) throws(ExperimentError) {
    guard node.value == .integer(Int128(format)) else {
      throw node.refused("\(format), the format that this version reads")
    }
  }

  private static func description(_ node: ConfigValue) throws(ExperimentError) -> String {
    let text = try node.string()
    guard text.unicodeScalars.count <= 10_000 else {
      throw node.refused("at most 10000 characters")
    }
    return text
  }
}
