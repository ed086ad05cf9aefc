// swift-tools-version: 6.2
import PackageDescription

/// One list of settings for every target: Swift 6 mode, warnings are errors, no silent existentials.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// Cores, hosts and the simulator are generic over each other and live in separate modules. Without
/// cross-module optimisation a generic call costs 40 times as much, so release builds ask for it.
let library: [SwiftSetting] =
  strict + [
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release))
  ]

func module(_ name: String, _ dependencies: [String] = []) -> Target {
  .target(
    name: name, dependencies: dependencies.map { .byName(name: $0) }, swiftSettings: library,
    // Rounding and square roots of the standard library are calls into libm where Foundation is absent.
    linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))])
}

func tests(_ name: String, _ dependencies: [String], resources: [Resource] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies.map { .byName(name: $0) }, resources: resources,
    swiftSettings: strict)
}

/// The replication protocols. To add one: a folder under `Sources`, a folder under `Tests`, its name
/// here, and its case in `Sources/ProtocolList`.
let protocolModules = ["Raft", "MultiPaxos", "PrimaryBackup", "ChainReplication", "Unreplicated"]

let package = Package(
  name: "rsmbench",
  targets: [
    // What the toolchain lacks: a processor instruction and system calls.
    .target(name: "CProcessor"),
    .target(name: "CLinux"),

    // The shared interface and the protocols.
    module("Replication", ["CProcessor"]),
    module("ViewService", ["Replication"]),
    module("Raft", ["Replication"]),
    module("MultiPaxos", ["Replication"]),
    module("PrimaryBackup", ["Replication", "ViewService"]),
    module("ChainReplication", ["Replication", "ViewService"]),
    module("Unreplicated", ["Replication"]),
    module("ProtocolList", ["Replication", "ViewService"] + protocolModules),

    // What all protocols share: hosts, applications, clients, and what they are asked and suffer.
    module("StateMachines", ["Replication", "CProcessor"]),
    module("ReplicaHosting", ["Replication"]),
    module("Clients", ["Replication", "ReplicaHosting"]),
    module("Workloads", ["Replication", "StateMachines", "Clients", "Histories"]),
    module("Faults", ["Replication"]),

    // Histories, verdicts, metrics.
    module("Histories", ["CLinux"]),
    module("Linearizability", ["Histories"]),
    module("Measurement", ["Replication", "Histories"]),

    // Runtimes.
    module("InProcess", ["Replication"]),
    module("Simulation", ["Replication", "ReplicaHosting", "Clients", "Workloads", "Faults"]),

    module("Sockets", ["Replication", "CLinux"]),
    module("WriteAheadLog", ["Replication", "CLinux"]),
    module(
      "Cluster",
      [
        "Replication", "ProtocolList", "ReplicaHosting", "StateMachines", "Clients", "Workloads",
        "Faults", "Sockets", "WriteAheadLog", "CLinux",
      ]),

    // Servers that others speak to, and servers of others.
    module("Resp", ["Replication", "StateMachines"]),
    module(
      "Serving",
      [
        "Replication", "ReplicaHosting", "StateMachines", "Clients", "Faults", "Resp", "Sockets",
        "Cluster", "CLinux",
      ]),
    module(
      "Targets",
      [
        "Replication", "StateMachines", "ReplicaHosting", "Clients", "Workloads", "Resp", "Sockets",
        "Cluster", "CLinux",
      ]),

    // Experiments: what goes in, what runs, what comes out.
    module("Experiments", ["Replication", "Faults", "Workloads", "Simulation", "Sockets"]),
    module(
      "Runner",
      [
        "Replication", "ProtocolList", "Workloads", "Simulation", "Histories", "Linearizability",
        "Measurement", "Experiments", "Cluster", "Faults", "Sockets", "StateMachines",
        "Serving", "Targets", "CLinux",
      ]),
    module("Results", ["Experiments", "Measurement", "Linearizability", "Histories"]),
    module(
      "Benchmarks",
      [
        "Replication", "ProtocolList", "Clients", "StateMachines", "Workloads", "Simulation",
        "InProcess", "Histories", "Linearizability", "Measurement",
      ]),
    .executableTarget(
      name: "rsmbench",
      dependencies: [
        "Benchmarks", "Experiments", "Faults", "Histories", "Measurement", "ProtocolList",
        "Replication", "Results", "Runner", "Workloads", "Cluster", "CLinux",
      ], swiftSettings: library),

    // Tests, one target per module, and some that look at the whole.
    tests("ReplicationTests", ["Replication"]),
    tests("ViewServiceTests", ["ViewService", "Raft", "Replication", "InProcess"]),
    tests("RaftTests", ["Raft", "Replication", "InProcess"]),
    tests("MultiPaxosTests", ["MultiPaxos", "Replication", "InProcess"]),
    tests(
      "PrimaryBackupTests", ["PrimaryBackup", "ViewService", "Raft", "Replication", "InProcess"]),
    tests(
      "ChainReplicationTests",
      ["ChainReplication", "ViewService", "Raft", "Replication", "InProcess"]),
    tests("UnreplicatedTests", ["Unreplicated", "Replication", "InProcess"]),
    tests("StateMachinesTests", ["StateMachines", "Replication"]),
    tests("ReplicaHostingTests", ["ReplicaHosting", "StateMachines", "Replication"]),
    tests("ClientsTests", ["Clients", "ReplicaHosting", "StateMachines", "Replication"]),
    tests("WorkloadsTests", ["Workloads", "Clients", "StateMachines", "Histories", "Replication"]),
    tests("HistoriesTests", ["Histories"]),
    tests(
      "LinearizabilityTests", ["Linearizability", "Histories"], resources: [.copy("Fixtures")]),
    tests("MeasurementTests", ["Measurement", "Histories"]),
    tests("FaultsTests", ["Faults", "Replication"]),
    tests("InProcessTests", ["InProcess", "Unreplicated", "Replication"]),
    tests(
      "SimulationTests",
      [
        "Simulation", "Unreplicated", "Faults", "Workloads", "Clients", "ReplicaHosting",
        "StateMachines", "Histories", "Replication",
      ]),
    tests("SocketsTests", ["Sockets", "Replication", "CLinux"]),
    tests(
      "ClusterTests",
      [
        "Cluster", "Replication", "Raft", "Unreplicated", "ReplicaHosting", "StateMachines",
        "Clients", "Workloads", "Faults", "Histories", "Linearizability", "Sockets",
        "WriteAheadLog", "SmallDisks",
      ]),
    // A disk whose power can be cut, for tests.
    .target(
      name: "SmallDisks", dependencies: ["CLinux"], path: "Tests/SmallDisks",
      swiftSettings: strict),
    // A Redis client that blocks, and threads for those who use it, for tests.
    .target(
      name: "RedisClients", dependencies: ["Resp", "Sockets"], path: "Tests/RedisClients",
      swiftSettings: strict),
    // A run whose work traps, for tests.
    .executableTarget(
      name: "TrappingRun", dependencies: ["Runner"], path: "Tests/TrappingRun",
      swiftSettings: strict),
    tests("WriteAheadLogTests", ["WriteAheadLog", "Replication", "SmallDisks"]),
    tests("ExperimentsTests", ["Experiments", "Replication", "Faults", "Workloads", "Simulation"]),
    tests(
      "ResultsTests", ["Results", "Experiments", "Measurement", "Linearizability", "Histories"]),
    tests(
      "RunnerTests",
      [
        "Runner", "Experiments", "Replication", "ProtocolList", "Cluster", "Histories",
        "Linearizability", "Measurement", "rsmbench", "TrappingRun",
      ]),
    tests("RespTests", ["Resp", "StateMachines", "Replication"]),
    tests(
      "ServingTests",
      [
        "Serving", "Resp", "Sockets", "Cluster", "Clients", "ReplicaHosting", "StateMachines",
        "Replication", "Unreplicated", "Raft", "CLinux", "RedisClients",
      ]),
    tests(
      "TargetsTests",
      [
        "Targets", "CLinux", "Clients", "Cluster", "ReplicaHosting", "Replication", "Sockets",
        "StateMachines",
      ]),
    tests(
      "ConformanceTests",
      [
        "Replication", "ProtocolList", "Clients", "Faults", "Histories", "Linearizability",
        "ReplicaHosting", "Simulation", "StateMachines", "Workloads",
      ]),
    tests(
      "FuzzTests",
      [
        "Replication", "ProtocolList", "ReplicaHosting", "StateMachines", "Workloads", "Faults",
        "Simulation", "Cluster", "Resp", "Experiments", "Histories",
      ]),
    tests("TidyTests", []),
    tests(
      "rsmbenchTests",
      [
        "rsmbench", "Histories", "Linearizability", "Replication", "Resp", "Sockets", "Targets",
        "RedisClients",
      ]),
  ]
)
