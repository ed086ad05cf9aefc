import Foundation
import Primitives
import Sockets
import Testing

/// A Slurm cluster of one node on loopback: the real daemons with a key and a configuration of
/// their own in the test's folder. The daemons end with this value.
final class SlurmCluster {
  private let space: Workspace
  private var daemons: [pid_t] = []

  private static let programs = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo"]

  /// `nil` if the programs are installed; otherwise the reason why the tests are skipped.
  static let problem: String? = {
    guard let missing = programs.first(where: { path(of: $0) == nil }) else { return nil }
    return "\(missing) is not installed (Debian: slurmctld slurmd slurm-client munge)"
  }()

  private static func path(of program: String) -> String? {
    // The daemons are in folders that are not on every user's PATH.
    let folders =
      (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
      + ["/usr/sbin", "/sbin"]
    return folders.map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  private var folder: String { space.url("slurm").path }
  private var configuration: [String: String] { ["SLURM_CONF": "\(folder)/slurm.conf"] }

  init(_ space: Workspace) throws {
    self.space = space
    for name in ["slurm", "slurm/state", "slurm/spool"] {
      try FileManager.default.createDirectory(
        at: space.url(name), withIntermediateDirectories: true)
    }
    try space.write("\(UUID())\(UUID())", to: "slurm/key")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o600], ofItemAtPath: "\(folder)/key")
    let ports = try Endpoint.freeOnLoopback(2).map(\.port)
    try space.write(text(control: ports[0], node: ports[1]), to: "slurm/slurm.conf")
    try start(
      "munged",
      [
        "--foreground", "--force", "--key-file=\(folder)/key", "--socket=\(folder)/socket",
        "--pid-file=\(folder)/munged.pid", "--seed-file=\(folder)/seed",
      ])
    let socket = "\(folder)/socket"
    try #require(SlurmCluster.comes { FileManager.default.fileExists(atPath: socket) })
    try start("slurmctld", ["-D"])
    try start("slurmd", ["-D", "-N", "node"])
  }

  /// Whether the node takes jobs within a minute.
  var isReady: Bool {
    SlurmCluster.comes { output("sinfo", ["-h", "-o", "%T"]).hasPrefix("idle") }
  }

  /// The last lines of the daemons' own output.
  var messages: String {
    ["munged", "slurmctld", "slurmd"]
      .map { (try? space.text("slurm/\($0).out")).map { String($0.suffix(400)) } ?? "" }
      .joined(separator: "\n")
  }

  /// Runs a job script, or an array of them, to its end.
  func run(_ script: String, environment: [String: String]) throws {
    let submitted = output(
      "sbatch", ["--parsable", "--output=\(folder)/job-%a.out", script], environment)
    try #require(Int(submitted) != nil, "\(submitted)")
    #expect(SlurmCluster.comes { output("squeue", ["-h"]).isEmpty })
  }

  /// Asks ten times a second, because each question starts a program.
  private static func comes(_ holds: () -> Bool) -> Bool {
    let limit = Date().addingTimeInterval(60)
    while !holds() {
      guard Date() < limit else { return false }
      usleep(100_000)
    }
    return true
  }

  private func text(control: UInt16, node: UInt16) -> String {
    """
    ClusterName=rsmbench
    SlurmctldHost=localhost(127.0.0.1)
    SlurmctldPort=\(control)
    CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
    SlurmUser=\(NSUserName())
    SlurmdUser=\(NSUserName())
    AuthType=auth/munge
    AuthInfo=socket=\(folder)/socket
    StateSaveLocation=\(folder)/state
    SlurmdSpoolDir=\(folder)/spool
    SlurmctldPidFile=\(folder)/slurmctld.pid
    SlurmdPidFile=\(folder)/slurmd.pid
    ProctrackType=proctrack/pgid
    TaskPlugin=task/none
    JobAcctGatherType=jobacct_gather/none
    AccountingStorageType=accounting_storage/none
    SwitchType=switch/none
    MpiDefault=none
    ReturnToService=2
    SchedulerParameters=sched_interval=1,batch_sched_delay=0
    NodeName=node NodeHostname=localhost NodeAddr=127.0.0.1 Port=\(node) CPUs=2 State=UNKNOWN
    PartitionName=all Nodes=node Default=YES MaxTime=INFINITE State=UP

    """
  }

  /// Starts a daemon without Foundation's `Process`, which notices the end of a program by a socket
  /// that the program holds open. Daemons close it at once, and waiting for them would then keep
  /// every other `Process` from ending.
  private func start(_ program: String, _ arguments: [String]) throws {
    let path = try #require(SlurmCluster.path(of: program))
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    let output = "\(folder)/\(program).out"
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // This thread may block signals, which the daemon must not.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var noSignals = sigset_t()
    sigemptyset(&noSignals)
    posix_spawnattr_setsigmask(&attributes, &noSignals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let environment = ProcessInfo.processInfo.environment.merging(configuration) { $1 }
    var words = ([path] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var daemon: pid_t = 0
    try #require(posix_spawn(&daemon, path, &actions, &attributes, &words, &variables) == 0)
    daemons.append(daemon)
  }

  private func output(
    _ program: String, _ arguments: [String], _ environment: [String: String] = [:]
  ) -> String {
    guard
      let process = try? process(
        program, arguments, environment.merging(configuration) { $1 })
    else { return "" }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return "" }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private func process(
    _ program: String, _ arguments: [String], _ environment: [String: String]
  ) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(SlurmCluster.path(of: program)))
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.currentDirectoryURL = space.folder
    process.standardInput = FileHandle.nullDevice
    return process
  }

  deinit {
    for daemon in daemons.reversed() {
      kill(daemon, SIGTERM)
      var status: Int32 = 0
      while waitpid(daemon, &status, 0) < 0, errno == EINTR {}
    }
  }
}
