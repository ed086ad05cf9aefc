import CLinux
import ClusterControl
import ClusterMessages
import Configuration
import Foundation
import Primitives
import ProtocolList
import Replication
import Sockets
import StateMachines
import Synchronization

/// The nodes that a service starts itself.
package struct OwnNodes: Sendable {
  package var kind: ProtocolKind
  package var replicas: Int
  /// `OPTION=VALUE`, as typed.
  package var settings: [String]
  /// The directory of logs that outlive this service; `nil` for a directory that is removed with
  /// it.
  package var data: String?
  package var syncs: Bool
  /// Nodes that have lost their logs and get new ones.
  package var replaced: [Int]
  /// What the nodes are told with `--session-expiry`; `nil` for the default.
  package var sessionExpiry: String?

  package init(
    kind: ProtocolKind, replicas: Int, settings: [String], data: String?, syncs: Bool,
    replaced: [Int] = [], sessionExpiry: String? = nil
  ) {
    self.replaced = replaced
    self.sessionExpiry = sessionExpiry
    self.kind = kind
    self.replicas = replicas
    self.settings = settings
    self.data = data
    self.syncs = syncs
  }
}

/// The arguments of `rsmbench serve`.
package struct ServeRequest: Sendable {
  package enum Nodes: Sendable {
    case own(OwnNodes)
    case running(HostsFile)
  }

  package var nodes: Nodes?
  package var address = "127.0.0.1"
  package var port: UInt16 = 6379
  /// Bytes that the node in charge may have allocated before writes are refused; 0 for no limit.
  package var maxMemory = 0
  /// How long a client may say nothing before its connection is closed; zero for ever.
  package var idleLimit = Interval.zero
  package var version: String

  package init(version: String) { self.version = version }

  private var endpoint: Endpoint { Endpoint(host: address, port: port) }

  package var hasValidAddress: Bool { Endpoint(endpoint.description) != nil }

  /// Serves until `isStopped` returns true. However it ends, no node and no directory of this
  /// service is left, except for logs that are to be kept.
  /// - Parameters:
  ///   - announce: gets a description of the service, once it serves.
  ///   - tell: gets messages about events while it serves.
  package func run(
    until isStopped: () -> Bool, announce: (String) -> Void, tell: (String) -> Void
  ) throws {
    switch nodes {
    case .running(let hosts):
      var service = Service(
        gateway: try gateway(to: hosts),
        processes: NodeProcesses(count: 0, directory: "", launcher: nil),
        membership: hosts.membership)
      try serve(&service, hosts, isStopped, announce, tell)
    case .own(let own):
      var hosts = try own.hosts()
      try own.checkReplaced(hosts)
      // A service keeps the cluster name of its first start, because its nodes' logs contain it.
      let earlier = try own.data.flatMap {
        try DataDirectory.earlier(in: $0, nodeCount: hosts.addresses.count)
      }
      if let earlier { hosts.cluster = earlier.cluster }
      // A service whose first start did not draw a secret gets one now.
      hosts.secret =
        earlier.map(\.secret).flatMap { $0.isEmpty ? nil : $0 } ?? HostsFile.drawSecret()
      // The nodes are started only after the gateway can listen.
      let gateway = try self.gateway(to: hosts)
      let data = try own.data.map { try DataDirectory(path: $0, hosts: hosts) }
      defer { data?.close() }
      try data?.write(hosts)
      try data?.setAside(own.replaced)
      guard let data else {
        // Without a data directory, the logs are removed with the service.
        let scratch = try OwnNodes.scratch(hosts)
        try serve(
          own, hosts, gateway, below: scratch.path, hasRun: false, isStopped, announce, tell)
        _ = consume scratch
        return
      }
      try serve(
        own, hosts, gateway, below: data.path, hasRun: data.hasRun, isStopped, announce, tell)
    case nil: preconditionFailure("a request without nodes")
    }
  }

  /// Starts the nodes in subdirectories of `directory`, which contains their hosts file, and
  /// serves.
  private func serve(
    _ own: OwnNodes, _ hosts: HostsFile, _ gateway: consuming RespGateway, below directory: String,
    hasRun: Bool, _ isStopped: () -> Bool, _ announce: (String) -> Void, _ tell: (String) -> Void
  ) throws {
    var service = Service(
      gateway: gateway,
      processes: NodeProcesses(
        count: hosts.addresses.count, directory: directory,
        launcher: own.launcher(
          hostsPath: "\(directory)/\(DataDirectory.hostsName)", hasRun: hasRun)),
      membership: hosts.membership)
    service.tolerated = own.kind.tolerated(of: hosts.membership)
    try serve(&service, hosts, isStopped, announce, tell)
  }

  private func gateway(to hosts: HostsFile) throws -> RespGateway {
    let membership = hosts.membership
    let port = try ClusterPort<KeyValueStore>(
      cluster: hosts.cluster, protocolName: hosts.choice.kind.name,
      endpoints: hosts.addresses.compactMap { Endpoint($0) },
      replicaCount: membership.replicas.count, connections: 1,
      firstClient: CarriedClients.drawFirst(), secret: hosts.secret)
    var facts = GatewayFacts(
      version: version, protocolName: hosts.choice.kind.name, cluster: hosts.cluster,
      processNumber: ScratchDirectory.processNumber)
    if case .own(let own) = nodes { facts.syncs = own.syncs }
    facts.maxMemory = maxMemory
    facts.idleLimit = idleLimit
    facts.needsMajority = !hosts.choice.kind.description.needsAuthority
    return try RespGateway(
      port: port, at: endpoint, replicas: membership.replicas, facts: facts)
  }

  private func serve(
    _ service: inout Service, _ hosts: HostsFile, _ isStopped: () -> Bool,
    _ announce: (String) -> Void, _ tell: (String) -> Void
  ) throws {
    defer { service.end() }
    guard try service.start(within: .seconds(20), until: isStopped, tell: tell) else { return }
    let membership = hosts.membership
    announce(
      "serving \(hosts.choice.kind.name), \(membership.replicas.count) "
        + (membership.replicas.count == 1 ? "replica" : "replicas")
        + ", on \(service.gateway.endpoint)")
    for (node, address) in hosts.addresses.enumerated() {
      var line = "node \(node)  \(address)"
      if let number = service.processes.processNumber(of: node) { line += "  process \(number)" }
      if membership.authority.contains(ReplicaID(node)) { line += "  authority" }
      if service.currentLeader == node { line += "  in charge" }
      announce(line)
    }
    linux_prefer_throughput()
    try service.run(until: isStopped, tell: tell)
  }
}

/// The nodes that have been started so far.
private final class StartedNodes: Sendable {
  private let numbers = Mutex<Set<Int>>([])

  /// - Returns: whether this is the node's first start.
  func insert(_ number: Int) -> Bool { numbers.withLock { $0.insert(number).inserted } }
}

extension ProtocolKind {
  /// How many nodes may be missing while the cluster still serves.
  func tolerated(of membership: Membership) -> (replicas: Int, authority: Int) {
    let count = membership.replicas.count
    let replicas =
      switch description.replicasPerFailure {
      case 0: 0
      case 1: count - 1
      default: (count - 1) / 2
      }
    return (replicas, max(membership.authority.count - 1, 0) / 2)
  }
}

extension OwnNodes {
  /// - Throws: if so many nodes are to be replaced that data would be lost.
  func checkReplaced(_ hosts: HostsFile) throws(ClusterError) {
    let membership = hosts.membership
    guard !replaced.isEmpty else { return }
    guard data != nil else { throw ClusterError("--replace is about the logs in --data DIR") }
    if let wrong = replaced.first(where: { $0 >= membership.nodeCount }) {
      throw ClusterError(
        "--replace: found \(wrong), allowed 0...\(membership.nodeCount - 1), the nodes there are")
    }
    let tolerated = kind.tolerated(of: membership)
    let count = Set(replaced).filter { $0 < membership.replicas.count }.count
    let authorityCount = Set(replaced).count - count
    guard count <= tolerated.replicas, authorityCount <= tolerated.authority else {
      throw ClusterError(
        "--replace: \(kind.name) with \(membership.replicas.count) replicas survives the loss of "
          + "\(tolerated.replicas)"
          + (membership.authority.isEmpty ? "" : " and of \(tolerated.authority) of its authority"))
    }
  }

  /// The hosts file of new nodes: on loopback, at ports that are free now.
  func hosts() throws -> HostsFile {
    let membership = kind.membership(replicas: replicas)
    let count = membership.replicas.count
    var overrides = try overrides()
    // A service may run for a long time, so its nodes' memory and disk use must be limited.
    if overrides["snapshotBytes"] == nil {
      overrides["snapshotBytes"] = .integer(OwnNodes.snapshotByteCount)
    }
    let choice = ProtocolChoice(kind, replicas: count, overrides: overrides)
    let addresses = try Endpoint.freeOnLoopback(membership.nodeCount).map(\.description)
    return HostsFile(
      cluster: "serve-" + String(UInt64.random(in: 0...UInt64.max), radix: 36), choice: choice,
      nodes: Array(addresses[..<count]),
      authority: Array(addresses[count...]))
  }

  /// How many bytes the log grows between two snapshots, unless an option is set.
  static let snapshotByteCount = 32 << 20

  /// The options that were set, parsed like those of an experiment file.
  private func overrides() throws(ExperimentError) -> [String: OptionValue] {
    do throws(ExperimentError) {
      var members: [JSONValue.Member] = []
      for setting in settings {
        let member = try OwnNodes.member(setting)
        guard !members.contains(where: { $0.key == member.key }) else {
          throw ExperimentError(
            path: "options.\(member.key)", found: "a second value", allowed: "each option once")
        }
        members.append(member)
      }
      return try kind.overrides(reading: ConfigValue(path: "options", value: .object(members)))
    } catch {
      var error = error
      error.file = "--set"
      throw error
    }
  }

  /// Parses `heartbeat=50ms`. The value is read as JSON5. A value that is not JSON5 is a text, and
  /// so is `null`, which would otherwise leave the option out.
  private static func member(_ setting: String) throws(ExperimentError) -> JSONValue.Member {
    guard let equals = setting.firstIndex(of: "="), equals > setting.startIndex else {
      throw ExperimentError(
        path: "", found: JSONValue.quoted(setting), allowed: "OPTION=VALUE")
    }
    let text = String(setting[setting.index(after: equals)...])
    let value = JSONValue(typed: text)
    return JSONValue.Member(
      String(setting[..<equals]), value == .null ? .string(text) : value)
  }

  /// A new directory for nodes whose logs are removed with the service, containing their hosts
  /// file.
  static func scratch(_ hosts: HostsFile) throws(ClusterError) -> ScratchDirectory {
    // The directory has a random name in the system's temporary directory, because another user
    // could create a directory with a known name.
    let directory = try ScratchDirectory(below: NSTemporaryDirectory())
    try directory.write(hosts.text, to: DataDirectory.hostsName)
    return directory
  }

  /// - Parameter hasRun: whether the nodes have run in an earlier start of the service.
  func launcher(hostsPath: String, hasRun: Bool) -> NodeLauncher {
    let parent = ScratchDirectory.processNumber
    let syncs = syncs
    let replaced = replaced
    let expiry = sessionExpiry.map { ["--session-expiry", $0] } ?? []
    let started = StartedNodes()
    return NodeLauncher(program: NodeLauncher.thisProgram) { number, data in
      let isFirst = started.insert(number) && !hasRun
      let isLost = replaced.contains(number) && !DataDirectory.hasLog(in: data)
      return ["node", "--hosts", hostsPath, "--node", "\(number)", "--data", data]
        + (isLost ? ["--replace"] : isFirst ? [] : ["--existing"])
        + ["--seed", "\(UInt64.random(in: 0...UInt64.max))", "--parent", "\(parent)"]
        + (syncs ? [] : ["--no-sync"]) + expiry
    }
  }
}
