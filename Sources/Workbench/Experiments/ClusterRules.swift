import Configuration
import Environments
import Faults
import ProtocolList
import Replication

/// Checks the sections that describe simulated machines, which do not exist in the cluster runtime.
/// Such a section is refused unless it has the default values, so that the resolved text of an
/// experiment can be read in either runtime.
enum ClusterRules {
  static func check(
    _ environment: Environment, of section: Section
  ) throws(ExperimentError) {
    let standard = Environment.standard
    if let node = section["network"], environment.network != standard.network {
      throw node.refused(
        "the default (the cluster runtime runs on this machine's own network; use link faults to "
          + "degrade it)")
    }
    if let node = section["cpu"], environment.cpu != standard.cpu {
      throw node.refused(
        "the default (the cluster runtime runs on this machine's own processors; use slow-cpu faults "
          + "to slow them down)")
    }
    guard let node = section["disk"], environment.disk.sync != nil else { return }
    let disk = try Section(node, path: "disk", known: ["fsync", "bandwidth", "groupCommit"])
    if let node = disk["fsync"], environment.disk.sync != standard.disk.sync {
      throw node.refused("the default (a real disk takes its own time), or disk: \"none\"")
    }
    if let node = disk["bandwidth"], environment.disk.bandwidth != standard.disk.bandwidth {
      throw node.refused("the default (a real disk is as fast as it is)")
    }
    if let node = disk["groupCommit"], !environment.disk.groupCommit {
      throw node.refused("true (a real log syncs once for all that wait for it)")
    }
  }
}

/// Checks what an experiment may ask of nodes that the runner did not start.
enum HostsRules {
  static func check(_ sweep: Sweep) throws(ExperimentError) {
    let fixed = ["replicas", "tolerates", "options", "disk", "clocks"]
    for path in sweep.axes.map(\.path) + (sweep.search.map { [$0.path] } ?? []) {
      let key = String(path.prefix { $0 != "." && $0 != "[" })
      guard fixed.contains(key) else { continue }
      throw ExperimentError(
        path: "sweep.\(path)", found: "a sweep over \(key)",
        allowed: "no such sweep with a hosts file, whose nodes are started already")
    }
  }

  static func check(
    _ environment: Environment, of section: Section
  ) throws(ExperimentError) {
    let allowed = "the default (the runner did not start these processes)"
    if let node = section["disk"], environment.disk != Environment.standard.disk {
      throw node.refused(allowed)
    }
    if let node = section["clocks"], environment.clocks != Environment.standard.clocks {
      throw node.refused(allowed)
    }
  }
}

/// Checks that every protocol can do without the disk of a replica if a fault destroys one.
enum LostDiskRules {
  static func check(
    _ faults: FaultScript, of choices: [ProtocolChoice], _ node: ConfigValue?
  ) throws(ExperimentError) {
    let losesDisk = faults.timed.contains {
      if case .crash(_, disk: .lost) = $0.action { true } else { false }
    }
    let unable = choices.map(\.kind).filter { !$0.replacesLostReplicas }.map(\.name)
    guard losesDisk, !unable.isEmpty, let node else { return }
    throw node.refused(
      "disk: \"lost\" only for protocols that replace a replica that lost its disk ("
        + ProtocolKind.allCases.filter(\.replacesLostReplicas).map(\.name).joined(separator: ", ")
        + "); leave \(unable.joined(separator: " and ")) out of protocols",
      found: "disk: \"lost\"")
  }
}
