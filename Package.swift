// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// The settings of every target: Swift 6 mode, warnings as errors, and `any` required before
/// existentials.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// How release builds are compiled besides `library`, because trials are 15 % faster then.
/// - They copy and destroy values by code instead of through tables of their types' layouts: 4 %.
/// - The optimiser sees functions of other modules that are not generic up to 250 instructions and
///   not 20, such as the cores' `handle`: 8 %.
/// - LLVM inlines functions of up to 800 instructions and not 225, and lays code out by the Ext-TSP
///   algorithm: 2 %. The code of a trial is larger than the processor's first cache, so calls and
///   jumps have it wait for code.
let fastTrials = [
  "-Xfrontend", "-disable-type-layout",
  "-Xllvm", "-cmo-function-size-limit=250",
  "-Xllvm", "-inline-threshold=800",
  "-Xllvm", "-enable-ext-tsp-block-placement=true",
]

/// Cores, hosts and the simulator are generic over each other and live in separate modules. Release
/// builds use cross-module optimisation, because a generic call costs 40 times as much without it.
let library: [SwiftSetting] =
  strict + [
    .unsafeFlags(["-cross-module-optimization"] + fastTrials, .when(configuration: .release))
  ]

/// The settings of modules that simulated trials run through. Debug builds optimise them too, with
/// assertions on, because tests run thousands of trials, which take five times as long unoptimised.
let simulated: [SwiftSetting] =
  library + [.unsafeFlags(["-O", "-assert-config", "Debug"], .when(configuration: .debug))]

/// A folder below `Sources` and `Tests`. A module imports only modules of its own floor and of
/// lower ones.
struct Floor {
  let name: String
  let settings: [SwiftSetting]

  init(_ name: String, _ settings: [SwiftSetting] = library) {
    self.name = name
    self.settings = settings
  }

  /// A module and the target of its tests.
  /// - Parameters:
  ///   - dependencies: the modules that the module imports. Its tests may import them too.
  ///   - testedWith: further modules that its tests import; `nil` for a module without tests of its
  ///     own, which the tests of other modules cover.
  func module(
    _ name: String, _ dependencies: [String] = [], testedWith others: [String]? = [],
    resources: [Resource] = [], settings: [SwiftSetting]? = nil
  ) -> [Target] {
    let target = Target.target(
      name: name, dependencies: Floor.byName(dependencies), path: "Sources/\(self.name)/\(name)",
      swiftSettings: settings ?? self.settings,
      // In modules without Foundation, the standard library's rounding and square roots call libm.
      linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))])
    guard let others else { return [target] }
    return [target, tests("\(name)Tests", [name] + dependencies + others, resources: resources)]
  }

  /// A module in C, for what Swift's toolchain lacks.
  func shim(_ name: String) -> [Target] {
    [.target(name: name, path: "Sources/\(self.name)/\(name)")]
  }

  /// A protocol and the target of its tests.
  /// - Parameter authority: whether it needs an outside authority, which runs on Raft.
  func replicationProtocol(_ name: String, authority: Bool = false) -> [Target] {
    module(
      name, ["WireFormat", "Replication"] + (authority ? ["ViewService"] : []),
      testedWith: ["Primitives", "SteppedCluster", "ProtocolTesting"]
        + (authority ? ["Raft"] : []))
  }

  func tests(_ name: String, _ dependencies: [String], resources: [Resource] = []) -> Target {
    .testTarget(
      name: name, dependencies: Floor.byName(dependencies), path: "Tests/\(self.name)/\(name)",
      exclude: transcripts(below: "Tests/\(self.name)/\(name)"), resources: resources,
      swiftSettings: strict)
  }

  /// The folder of the transcripts that tests compare, which they find by their own path.
  private func transcripts(below path: String) -> [String] {
    let folder = "\(Context.packageDirectory)/\(path)/Scenarios"
    return FileManager.default.fileExists(atPath: folder) ? ["Scenarios"] : []
  }

  /// A module that several test targets share.
  func kit(_ name: String, _ dependencies: [String]) -> [Target] {
    [
      .target(
        name: name, dependencies: Floor.byName(dependencies), path: "Tests/\(self.name)/\(name)",
        swiftSettings: strict)
    ]
  }

  /// The dependencies with these names, and the protocols for a module that uses their list: the
  /// optimiser looks through the list into them, so that code of an earlier version of a protocol
  /// would stay in a module that is not built again with it.
  static func byName(_ names: [String]) -> [Target.Dependency] {
    let seen = names.contains("ProtocolList") ? protocols.map(\.name) : []
    return (names + seen.filter { !names.contains($0) }).map { .byName(name: $0) }
  }
}

/// The replication protocols, one line for each. A new protocol needs a line here, a folder below
/// `Sources/Protocols`, a folder below `Tests/Protocols`, and a case in `ProtocolList`.
let protocols: [(name: String, needsAuthority: Bool)] = [
  ("Raft", false),
  ("MultiPaxos", false),
  ("PrimaryBackup", true),
  ("ChainReplication", true),
  ("ViewstampedReplication", false),
  ("Unreplicated", false),
]

let system = Floor("System", simulated)
let interface = Floor("Interface", simulated)
let protocolFloor = Floor("Protocols", simulated)
let shared = Floor("Shared", simulated)
let analysis = Floor("Analysis", simulated)
let runtimes = Floor("Runtimes")
let outside = Floor("Outside")
let workbench = Floor("Workbench")
let whole = Floor("Whole")
let kit = Floor("Kit")

let modules: [[Target]] = [
  system.shim("CProcessor"),
  system.shim("CLinux"),
  system.module("Primitives", ["CProcessor"], testedWith: ["Replication"]),
  system.module("WireFormat", ["Primitives"], testedWith: ["Replication"]),

  interface.module("Replication", ["Primitives", "WireFormat"]),

  protocolFloor.module(
    "ViewService", ["WireFormat", "Replication"],
    testedWith: ["Raft", "SteppedCluster", "ProtocolTesting"]),
  protocolFloor.module(
    "ProtocolList", ["Replication", "ViewService"] + protocols.map(\.name)),

  shared.module("StateMachines", ["CProcessor", "Primitives", "WireFormat", "Replication"]),
  shared.module(
    "ReplicaHosting", ["Primitives", "WireFormat", "Replication"],
    testedWith: ["StateMachines", "Stubs"]),
  shared.module(
    "Clients", ["Primitives", "WireFormat", "Replication"], testedWith: ["StateMachines", "Stubs"]),
  shared.module("Environments", ["Primitives", "Replication"], testedWith: ["Stubs"]),
  shared.module("Faults", ["Primitives", "Replication"]),
  shared.module("Histories"),
  shared.module("Trials", ["Replication", "Clients", "Faults", "Histories", "Workloads"]),
  shared.module(
    "Workloads", ["Primitives", "Replication", "StateMachines", "Clients", "Histories"]),
  shared.module(
    "Configuration", ["Primitives", "Replication", "ProtocolList"], testedWith: ["Experiments"]),

  analysis.module("Linearizability", ["Primitives", "Histories"], resources: [.copy("Fixtures")]),
  analysis.module(
    "Measurement", ["Primitives", "Replication", "Faults", "Histories", "Trials"]),

  runtimes.module(
    "SteppedCluster", ["Primitives", "Replication"],
    testedWith: ["Unreplicated", "ProtocolTesting", "Stubs"], settings: simulated),
  runtimes.module(
    "Simulation",
    [
      "Primitives", "WireFormat", "Replication", "ReplicaHosting", "Clients", "Workloads",
      "Environments", "Faults", "Trials",
    ], testedWith: ["Unreplicated", "StateMachines", "Histories", "Stubs"], settings: simulated),
  runtimes.module("Sockets", ["CLinux", "Primitives", "WireFormat", "Replication"]),
  runtimes.module(
    "WriteAheadLog", ["CLinux", "Primitives", "WireFormat", "Replication"],
    testedWith: ["HostTesting", "SmallDisks"]),
  runtimes.module(
    "ClusterMessages", ["WireFormat", "Replication", "Faults", "Trials"], testedWith: ["Primitives"]
  ),
  runtimes.module(
    "NodeRuntime",
    [
      "CLinux", "Primitives", "WireFormat", "Replication", "ReplicaHosting", "Environments",
      "Faults", "Trials", "Sockets", "WriteAheadLog", "ClusterMessages",
    ], testedWith: ["StateMachines", "HostTesting", "NodeBench", "Stubs"]),
  runtimes.module(
    "LoadDriving",
    ["CLinux", "Primitives", "Replication", "Clients", "Trials", "Sockets"],
    testedWith: ["StateMachines", "Workloads", "Histories"]),
  runtimes.module(
    "ClusterControl",
    [
      "CLinux", "Primitives", "WireFormat", "Replication", "StateMachines", "Clients",
      "Workloads", "Environments", "Faults", "Trials", "Configuration", "Sockets",
      "WriteAheadLog", "ClusterMessages", "LoadDriving",
    ],
    testedWith: [
      "NodeRuntime", "Raft", "ReplicaHosting", "Histories", "Linearizability", "HostTesting",
      "SmallDisks", "NodeBench", "Stubs",
    ]),

  outside.module("Resp", ["Primitives", "WireFormat", "Replication", "StateMachines"]),
  outside.module(
    "OtherSystems",
    [
      "Trials", "CLinux", "Primitives", "WireFormat", "Replication", "StateMachines", "Clients",
      "Workloads", "Resp", "Sockets", "LoadDriving",
    ], testedWith: ["HostTesting"]),
  outside.module(
    "Serving",
    [
      "CLinux", "Primitives", "WireFormat", "Replication", "ProtocolList", "StateMachines",
      "Clients", "Faults", "Configuration", "Resp", "Sockets", "ClusterMessages", "NodeRuntime",
      "LoadDriving", "ClusterControl", "WriteAheadLog",
    ], testedWith: ["Unreplicated", "Raft", "ReplicaHosting", "HostTesting", "RedisClients"]),

  workbench.module(
    "Experiments",
    [
      "Trials", "Histories", "Primitives", "Replication", "ProtocolList", "Workloads", "Clients",
      "Environments", "Faults", "Linearizability", "Measurement", "Configuration",
    ]),
  workbench.module(
    "Results",
    [
      "Configuration", "Experiments", "Measurement", "Linearizability", "Histories", "Faults",
      "Replication", "Trials",
    ]),
  workbench.module(
    "Report", ["Primitives", "ProtocolList", "Configuration", "Measurement", "Results"],
    testedWith: ["HostTesting"]),
  workbench.module(
    "Advice",
    [
      "Configuration", "Experiments", "Linearizability", "Measurement", "ProtocolList",
      "Replication", "Results",
    ], testedWith: ["Faults", "Histories", "Trials"]),
  workbench.module(
    "Runner",
    [
      "CLinux", "Primitives", "Replication", "ProtocolList", "StateMachines", "Workloads",
      "Environments", "Faults", "Histories", "Configuration", "Linearizability", "Measurement",
      "Trials", "Simulation", "Sockets", "ClusterMessages", "LoadDriving", "ClusterControl",
      "OtherSystems", "Experiments",
    ], testedWith: ["rsmbench", "HostTesting", "TrappingRun"]),
  workbench.module(
    "Benchmarks",
    [
      "Primitives", "WireFormat", "Replication", "ProtocolList", "StateMachines", "Clients",
      "Workloads", "Environments", "Histories", "Linearizability", "Measurement", "Simulation",
      "SteppedCluster", "Sockets",
    ], testedWith: nil),
  [
    .executableTarget(
      name: "rsmbench",
      dependencies: Floor.byName([
        "CLinux", "Replication", "ProtocolList", "Workloads", "Faults", "Histories", "Trials",
        "Configuration", "Linearizability", "Measurement", "Serving", "ClusterControl",
        "LoadDriving", "NodeRuntime", "WriteAheadLog",
        "Advice", "Benchmarks", "Experiments", "Report", "Results", "Runner",
      ]), path: "Sources/Workbench/rsmbench", swiftSettings: library),
    workbench.tests(
      "rsmbenchTests",
      [
        "rsmbench", "Primitives", "Histories", "Linearizability", "Replication", "ProtocolList",
        "Resp", "Sockets", "OtherSystems", "HostTesting", "RedisClients",
      ]),
  ],

  // A core and a load that do what a test says and record what they are told.
  kit.kit(
    "Stubs", ["Primitives", "WireFormat", "Replication", "Clients", "StateMachines"]),
  // Directories, waits and threads of tests that use the real system.
  kit.kit("HostTesting", ["Replication"]),
  // A disk whose power can be cut.
  kit.kit("SmallDisks", ["CLinux"]),
  // A blocking Redis client.
  kit.kit("RedisClients", ["Resp", "Sockets"]),
  // The language of protocol tests, and the transcripts that they tell.
  kit.kit(
    "ProtocolTesting",
    ["Primitives", "WireFormat", "Replication", "ViewService", "SteppedCluster"]),
  // A program that starts a run whose work traps.
  [
    .executableTarget(
      name: "TrappingRun", dependencies: ["Runner"], path: "Tests/Kit/TrappingRun",
      swiftSettings: strict)
  ],
  // A real node that a test steps on its own thread.
  kit.kit(
    "NodeBench",
    [
      "Primitives", "WireFormat", "Replication", "Faults", "Sockets", "ClusterMessages",
      "NodeRuntime", "HostTesting",
    ]),

  [
    whole.tests(
      "ConformanceTests",
      [
        "Primitives", "WireFormat", "Replication", "ProtocolList", "StateMachines",
        "ReplicaHosting", "Clients", "Workloads", "Environments", "Faults", "Histories",
        "Linearizability", "Measurement", "Trials", "Simulation", "Sockets", "NodeRuntime",
        "ViewService", "NodeBench", "Stubs",
      ]),
    whole.tests(
      "FuzzTests",
      [
        "Primitives", "WireFormat", "Replication", "ProtocolList", "StateMachines",
        "ReplicaHosting", "Workloads", "Faults", "Histories", "Configuration", "Simulation",
        "ClusterMessages", "Resp", "Experiments", "Stubs",
      ]),
    whole.tests("TidyTests", []),
  ],
]

let package = Package(
  name: "rsmbench",
  targets: protocols.flatMap {
    protocolFloor.replicationProtocol($0.name, authority: $0.needsAuthority)
  } + modules.flatMap { $0 })
