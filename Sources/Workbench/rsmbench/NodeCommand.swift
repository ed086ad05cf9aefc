import CLinux
import Configuration
import Experiments
import Foundation
import NodeRuntime
import Replication
import Runner
import Serving
import WriteAheadLog

extension Command {
  static let node = Command(
    name: "node", synopsis: "node --hosts FILE --node N --data DIR [flags]",
    meaning: "Runs one node of a cluster in this process, until it is told to end.",
    notes: """
      The hosts file says who the nodes are and what they run; every node, 'rsmbench run --hosts' and
      'rsmbench serve --hosts' read the same one:

        {
          cluster: "bench-1",
          protocol: "raft",
          options: { heartbeat: "50ms" },
          nodes: ["10.0.0.1:7400", "10.0.0.2:7400", "10.0.0.3:7400"],
          authority: ["10.0.0.1:7500"],     // only for protocols that need one
          secret: "5f0c...",                // 64 hexadecimal digits ('openssl rand -hex 32'), mode 600
        }

      Nodes are numbered from 0, those of the authority after the others. A node keeps its log in DIR, and
      finds it there when it starts again; an error of the disk ends it. SIGTERM and Ctrl-C end it, too,
      with exit code 0; what it promised is on its disk at any time, so that SIGKILL does no more harm.
      A node whose log is lost or another one is refused by the nodes that have met it: what it promised is
      forgotten. With --replace it begins a new log, and takes part once it has learnt everything.
      Whoever knows the secret belongs to the cluster; without one everybody does. It travels in plain, as
      everything does: between hosts, use a private network, WireGuard or SSH tunnels.
      """,
    flags: {
      [
        Flag(
          name: "--hosts", value: "FILE", meaning: "the nodes of the cluster, and what they run"),
        Flag(name: "--node", value: "N", meaning: "which of them this is"),
        Flag(name: "--data", value: "DIR", meaning: "where this node keeps its log"),
        Flag(
          name: "--existing", meaning: "the node has run before: without its log it does not start"),
        Flag(
          name: "--replace",
          meaning: "the node has lost its log: it begins a new one and learns from the others first"
        ),
        Flag(
          name: "--no-sync",
          meaning: "never waits for the disk: a loss of power may take what was acknowledged"),
        Flag(
          name: "--allow-faults", meaning: "lets 'run --hosts' inject faults into this node"),
        Flag(
          name: "--overload", value: "SECTION",
          meaning: "which requests it refuses, as in an experiment: '{ queue: 512 }'"),
        Flag(
          name: "--session-expiry", value: "TIME",
          meaning:
            "after how long without an update replicas forget a client, at least 1s (default 1h)"),
        Flag(name: "--seed", value: "N", meaning: "for the jitter of timers (default 1)"),
        Flag(
          name: "--parent", value: "PID", meaning: "ends with this process, which has started it"),
      ]
    },
    execute: { arguments in
      guard arguments.positional.isEmpty else {
        throw UsageError(
          "node takes no argument besides its flags: found \"\(arguments.positional[0])\"")
      }
      if let parent = try arguments.integer("--parent", in: Int64(1)...Int64(Int32.max)) {
        // If the parent ended before this call, `getppid` no longer returns its number.
        guard linux_die_with_parent() == 0, getppid() == parent else { return .usage }
      }
      guard let hosts = try Command.readHosts(arguments) else {
        throw UsageError("node needs --hosts FILE")
      }
      guard let number = try arguments.integer("--node", in: 0...Int64(hosts.addresses.count - 1))
      else { throw UsageError("node needs --node N") }
      guard let directory = arguments["--data"], !directory.isEmpty else {
        throw UsageError("node needs --data DIR")
      }
      guard !arguments.has("--existing") || !arguments.has("--replace") else {
        throw UsageError("--existing and --replace contradict each other: leave one out")
      }
      let seed = try arguments.integer("--seed", in: UInt64.min...UInt64.max)
      let limits = try arguments["--overload"].map(OverloadSection.limits)
      let expiry = try arguments["--session-expiry"].map {
        try SessionExpiry.read($0, flag: "--session-expiry", timeout: .zero)
      }
      let isStopped = StopFlag()
      let interruption = Interruption { isStopped.set() }
      defer { interruption.end() }
      try NodeRunner.run(
        hosts, node: Int(number), directory: directory, until: { isStopped.isSet }
      ) { settings in
        settings.syncs = !arguments.has("--no-sync")
        settings.allowsFaults = arguments.has("--allow-faults")
        settings.seed = seed ?? 1
        if let limits { settings.limits = limits }
        if let expiry { settings.limits.sessionExpiry = expiry }
        if arguments.has("--existing") { settings.opening = .existing }
        if arguments.has("--replace") {
          // The time makes the generation larger than that of the lost log, which was begun
          // earlier.
          settings.opening = .replacement(generation: max(LogCard.presentTime, 1))
        }
      }
      return .done
    })
}
