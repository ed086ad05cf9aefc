/// The environment that injects faults.
public enum FaultInjector: Sendable, CaseIterable {
  /// The simulator injects faults into nodes in virtual time.
  case simulation
  /// A runner injects faults into processes that it has started and can restart.
  case ownProcesses
  /// A runner injects faults into processes that it did not start.
  case othersProcesses
}

/// A fault that experiments may name: its meaning, and the injectors that cannot inject it, with
/// the reason.
public struct FaultEntry: Sendable {
  /// The key that names the kind in experiment files, which is also the kind in `faults.csv`.
  public let kind: String
  /// The key or the value that selects a variant of the kind, such as `lost` or `bitRot`; `nil` for
  /// the kind itself.
  public let variant: String?
  public let example: String
  /// One sentence for `rsmbench list faults`.
  public let meaning: String
  /// The injectors that cannot inject it, with the reason.
  public let refusals: [FaultInjector: String]

  /// Whether at least one injector can inject it.
  public var exists: Bool { refusals.count < FaultInjector.allCases.count }
}

/// The table of all faults. The parser of experiments refuses faults by it, `list faults` prints
/// it, and runtimes check the faults that they are to inject against it.
public enum FaultTable {
  public static let entries: [FaultEntry] = [
    entry(
      "crash", #"{ at: "5s", crash: "leader", for: "3s" }"#,
      "the process dies and restarts from its disk; disk: \"torn\" keeps part of what was being written",
      notOurs),
    entry(
      "crash", variant: DiskFate.lost.rawValue,
      #"{ at: "5s", crash: "follower", disk: "lost", for: "3s" }"#,
      "the process dies and restarts with an empty disk, and takes part once it has learnt everything "
        + "from the others (not for every protocol: an experiment with another one is refused)",
      notOurs),
    entry(
      "pause", #"{ at: "5s", pause: "leader", for: "2s" }"#,
      "the process stops wherever it is, between two turns or inside one, and goes on",
      notOurs),
    entry(
      "slow-cpu", #"{ at: "5s", "slow-cpu": "follower", factor: 10, for: "2s" }"#,
      "everything the node computes takes longer"),
    entry(
      "partition", #"{ at: "5s", partition: "minority-with-leader", for: "2s" }"#,
      "replicas cannot reach each other: \(PartitionShape.names.joined(separator: ", ")), or groups "
        + "such as [[0, 1], [2]]; with { clients: TARGET }, or \"clients\" in a group, clients cannot "
        + "reach the target, or the other groups"),
    entry(
      "link", #"{ at: "5s", link: "leader", loss: 0.1, latency: "5ms", for: "2s" }"#,
      "all links of the node lose, delay, duplicate, reorder or corrupt messages (over tcp the simulation "
        + "has no duplicates and no reordering); bandwidth: \"10Mbps\" narrows the node's interface"
    ),
    entry(
      "clock", #"{ at: "5s", clock: "random", jump: "-500ms" }"#,
      "the node's wall clock steps, which no protocol reads, so that a step changes nothing but the "
        + "report; or the clock that timers and leases go by drifts: drift: 0.01; leases of "
        + "primary-backup and chain-replication stand clocks that differ by a factor of 1.25"),
    entry(
      "disk", #"{ at: "5s", disk: "follower", slow: "20ms", for: "2s" }"#,
      "every sync takes longer, or none ends: stall: true"),
    entry(
      "disk", variant: DiskFault.error.name,
      #"{ at: "5s", disk: "follower", error: true, for: "2s" }"#,
      "the next sync fails and the replica stops",
      notAgain("failing syncs cannot be injected in the simulation")),
    entry(
      "disk", variant: DiskFault.full.name,
      #"{ at: "5s", disk: "follower", full: true, for: "2s" }"#,
      "the next write finds no space and the replica stops",
      notAgain("a full disk cannot be injected in the simulation")),
    entry(
      "disk", variant: DiskFault.bitRot.name, #"{ at: "5s", disk: "follower", bitRot: true }"#,
      "one bit of the replica's log flips, which it notices when it next starts",
      notAgain("bit rot cannot be injected in the simulation")),
    entry(
      "chaos",
      #"{ chaos: { mtbf: "4s", mttr: "500ms", kinds: ["crash"] }, from: "5s", until: "9s" }"#,
      "random faults, one at a time: \(ChaosKind.allCases.map(\.rawValue).joined(separator: ", "))"),
    missing("add-replica", "changes of membership cannot be injected in this version"),
    missing("remove-replica", "changes of membership cannot be injected in this version"),
    missing("transfer-leadership", "a transfer of leadership cannot be injected in this version"),
  ]

  /// The kinds that at least one injector can inject.
  public static var kinds: [String] {
    entries.filter { $0.variant == nil && $0.exists }.map(\.kind)
  }

  /// The reason why a fault cannot be injected; `nil` if it can.
  public static func refusal(
    of kind: String, _ variant: String? = nil, by injector: FaultInjector
  ) -> String? {
    let own = entries.first { $0.kind == kind && $0.variant == variant }
    return own?.refusals[injector]
      ?? (variant == nil ? nil : refusal(of: kind, nil, by: injector))
  }

  public static func refusal(of kind: ChaosKind, by injector: FaultInjector) -> String? {
    refusal(of: kind == .slowDisk ? "disk" : kind.rawValue, by: injector)
  }

  public static func refusal(of action: FaultAction, by injector: FaultInjector) -> String? {
    let variant: String? =
      switch action {
      case .crash(_, let fate): fate.rawValue
      case .disk(_, let fault): fault.name
      default: nil
      }
    return refusal(of: action.kind, variant, by: injector)
  }

  private static let notOurs: [FaultInjector: String] = [
    .othersProcesses: "the runner did not start these processes"
  ]

  /// The refusals of a fault after which the node must be restarted.
  private static func notAgain(_ inSimulation: String) -> [FaultInjector: String] {
    [
      .simulation: inSimulation,
      .othersProcesses: "the runner could not start the node again",
    ]
  }

  private static func entry(
    _ kind: String, variant: String? = nil, _ example: String, _ meaning: String,
    _ refusals: [FaultInjector: String] = [:]
  ) -> FaultEntry {
    FaultEntry(
      kind: kind, variant: variant, example: example, meaning: meaning, refusals: refusals)
  }

  /// A kind of the file format that this version does not support.
  private static func missing(_ kind: String, _ reason: String) -> FaultEntry {
    FaultEntry(
      kind: kind, variant: nil, example: "", meaning: "",
      refusals: Dictionary(uniqueKeysWithValues: FaultInjector.allCases.map { ($0, reason) }))
  }
}

extension DiskFault {
  /// The key that selects it in experiment files.
  public var name: String {
    switch self {
    case .slow: "slow"
    case .stall: "stall"
    case .error: "error"
    case .full: "full"
    case .bitRot: "bitRot"
    }
  }
}
