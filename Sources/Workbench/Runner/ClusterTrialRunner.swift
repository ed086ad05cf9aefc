import Clients
import ClusterMessages
import Trials
import CLinux
import ClusterControl
import Configuration
import Environments
import Experiments
import LoadDriving
import Measurement
import Primitives
import ProtocolList
import Replication
import Simulation
import Sockets
import Workloads

/// Where trials on real clusters find or start their nodes.
package struct ClusterPlace: Sendable {
  /// The nodes that already run; `nil` to start nodes for every trial.
  package var hosts: HostsFile?
  /// The directory for the logs of started nodes; each trial makes and removes a subdirectory.
  package var scratch: String
  /// The program to start as a node; by default the running program.
  package var program = NodeLauncher.thisProgram

  package init(hosts: HostsFile?, scratch: String) {
    self.hosts = hosts
    self.scratch = scratch
  }
}

/// Runs trials on real processes.
package enum ClusterTrialRunner {
  /// - Parameters:
  ///   - task: a trial of a protocol.
  ///   - progress: is called now and then with the trial's time and the number of acknowledged
  ///     operations; returns false to abandon the trial.
  /// - Returns: `nil` if the trial was abandoned.
  package static func run(
    _ task: TrialTask, of choice: ProtocolChoice, at place: ClusterPlace,
    progress: (Interval, Int) -> Bool
  ) throws -> TrialReport? {
    if let hosts = place.hosts {
      return try run(task, of: choice, hosts: hosts, launcher: nil, directory: "", progress)
    }
    let count = choice.kind.membership(replicas: choice.replicas).nodeCount
    for attempt in 1... {
      // Held until the trial ends, because a node that a fault killed has to find its port free.
      let ports = try PortReservation(onLoopback: count)
      do {
        return try start(task, of: choice, at: place, ports, progress)
      } catch let error as ClusterError
        where attempt < 3 && error.unstarted.map({ isTaken(ports.endpoints[$0]) }) ?? false
      {
        // A process that does not reserve ports took this one before the node asked for it.
        continue
      }
    }
    return nil
  }

  private static func isTaken(_ endpoint: Endpoint) -> Bool {
    do throws(SocketError) {
      Descriptor.close(try endpoint.listen())
      return false
    } catch {
      return error.code == SystemError.addressInUse
    }
  }

  private static func start(
    _ task: TrialTask, of choice: ProtocolChoice, at place: ClusterPlace,
    _ ports: borrowing PortReservation, _ progress: (Interval, Int) -> Bool
  ) throws -> TrialReport? {
    let membership = choice.kind.membership(replicas: choice.replicas)
    let addresses = ports.endpoints.map(\.description)
    var hosts = HostsFile(
      cluster: "\(task.experiment.name)-\(task.seed)", choice: choice,
      nodes: Array(addresses[..<membership.replicas.count]),
      authority: Array(addresses[membership.replicas.count...]))
    hosts.secret = HostsFile.drawSecret()
    let directory = try ScratchDirectory(below: place.scratch)
    try directory.write(hosts.text, to: "hosts.json5")
    let hostsPath = "\(directory.path)/hosts.json5"
    let syncs = task.experiment.environment.disk.sync != nil
    let seed = task.seed
    let overload = OverloadSection.limitsText(task.experiment.overload)
    let expiry = SessionExpiry.text(task.experiment.sessionExpiry)
    let parent = ScratchDirectory.processNumber
    let launcher = NodeLauncher(program: place.program) { number, data in
      ["node", "--hosts", hostsPath, "--node", "\(number)", "--data", data, "--allow-faults"]
        + ["--seed", "\(seed)", "--parent", "\(parent)"] + (syncs ? [] : ["--no-sync"])
        + (overload.map { ["--overload", $0] } ?? [])
        + (expiry.map { ["--session-expiry", $0] } ?? [])
    }
    // The trial ends its nodes before the directory is removed.
    let report = try run(
      task, of: choice, hosts: hosts, launcher: launcher, directory: directory.path, progress)
    _ = consume directory
    return report
  }

  private static func run(
    _ task: TrialTask, of choice: ProtocolChoice, hosts: HostsFile, launcher: NodeLauncher?,
    directory: String, _ progress: (Interval, Int) -> Bool
  ) throws -> TrialReport? {
    let experiment = task.experiment
    let workload = experiment.workload
    var setup = ClusterSetup(
      cluster: hosts.cluster, protocolName: choice.kind.name, membership: hosts.membership,
      endpoints: hosts.addresses.compactMap { Endpoint($0) })
    setup.plan = task.plan
    setup.secret = hosts.secret
    setup.clocks = experiment.environment.clocks
    var prefix = ""
    if launcher == nil {
      // The cluster outlives the trial, so sessions and keys must differ from those of other
      // trials.
      setup.firstClient = CarriedClients.drawFirst()
      prefix = String(setup.firstClient >> 32, radix: 36) + "-"
    }
    var trial = try ClusterTrial(
      setup,
      load: KeyValueLoad(
        workload, seed: task.seed, keyPrefix: prefix, populate: Memory.populate),
      launcher: launcher, directory: directory)
    linux_prefer_throughput()
    guard let record = try trial.run(progress: progress) else { return nil }
    var report = TrialReport(record, &trial.driver.clients.load, experiment)
    report.notes = report.notes.map { "\(task.contender.name), trial \(task.trial): \($0)" }
    return report
  }
}
