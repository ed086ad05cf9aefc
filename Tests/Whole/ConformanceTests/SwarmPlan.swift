import Environments
import Faults
import Primitives
import ProtocolList
import Replication
import Simulation
import Trials
import Workloads

/// A plan drawn from a seed: the size of the cluster, the quality of its network, disks and clocks,
/// the clients' workload, and the faults.
///
/// Each seed turns some dangers on and others off, because dangers hide each other (swarm testing,
/// Groce et al. 2012). All times are short, so that a trial includes many faults in few events.
struct SwarmPlan: Sendable {
  var seed: UInt64
  var replicas: Int
  var environment: Environment
  var faults = FaultScript()
  var workload = WorkloadSpec()
  /// The time after which no fault occurs, although the network stays as bad as it is.
  var calm = Interval.milliseconds(800)
  var duration = Interval.milliseconds(1500)
  var overload = OverloadCures()
  /// Replaces the snapshot policy drawn from the seed.
  var snapshots: SnapshotPolicy?

  /// Whether the seed also draws the protocols' windows, pages and other limits.
  private let drawsLimits: Bool
  private let transport: NetworkTransport
  var random: RandomStream

  /// - Parameter transport: `nil` lets the seed choose.
  init(seed: UInt64, transport: NetworkTransport? = nil) {
    self.seed = seed
    random = RandomStream(seed: seed, label: 0x5_3A93)
    let drawn: NetworkTransport = random.chance(0.5) ? .datagram : .tcp
    self.transport = transport ?? drawn
    drawsLimits = random.chance(0.5)
    replicas = random.chance(0.3) ? 5 : 3
    environment = .standard
    drawEnvironment()
    drawWorkload()
    drawFaults()
  }

  /// A benign environment of three replicas in which only the given faults happen.
  init(seed: UInt64, faults: [TimedFault]) {
    self.seed = seed
    random = RandomStream(seed: seed)
    drawsLimits = false
    transport = .tcp
    replicas = 3
    environment = .standard
    workload.clients = 6
    workload.keys = 4
    workload.valueSize = 16
    workload.distribution = .uniform
    workload.timeout = .milliseconds(200)
    workload.thinkTime = .milliseconds(2)
    self.faults.timed = faults
  }

  private mutating func drawEnvironment() {
    environment.network.latency = .lognormal(
      median: .microseconds(Int64(50 + random.below(950))), sigma: random.unit())
    environment.network.transport = transport
    // Shortened like the protocols' own timers, so that trials include the end of partitions.
    environment.network.retransmission = .milliseconds(10) ... .milliseconds(50)
    environment.network.givesUpAfter = .milliseconds(Int64(100 + random.below(900)))
    if random.chance(0.5) {
      environment.network.loss = random.unit() * 0.08
      environment.network.clients.loss = random.chance(0.8) ? environment.network.loss : 0
    }
    if random.chance(0.5) { environment.network.duplicate = random.unit() * 0.1 }
    if random.chance(0.5) { environment.network.reorder = random.unit() * 0.3 }
    // Narrow, but wide enough for the requests of these clients.
    if random.chance(0.2) {
      environment.network.nic = Double(20_000_000 + random.below(80_000_000))
    }
    let slowest = DelayDistribution.exponential(
      minimum: .microseconds(100), mean: .milliseconds(4))
    switch random.below(4) {
    case 0: environment.disk.sync = nil
    case 1: environment.disk.sync = slowest
    default: environment.disk.sync = .lognormal(median: .microseconds(700), sigma: 0.5)
    }
    // Without group commit, retries would overload a slow disk permanently.
    environment.disk.groupCommit = environment.disk.sync == slowest || random.chance(0.8)
    // Leases tolerate a difference of a fifth between two nodes' timers.
    environment.clocks = ClockModel(maxSkew: .seconds(1), maxDrift: random.unit() * 0.03)
  }

  private mutating func drawWorkload() {
    workload.clients = 2 + random.below(4)
    workload.keys = 1 + random.below(5)
    workload.valueSize = .fixed(8 + random.below(40))
    workload.distribution = .uniform
    workload.timeout = .milliseconds(Int64(100 + random.below(200)))
    workload.thinkTime = .microseconds(Int64(1500 + random.below(5000)))
    workload.mix = OperationMix(get: 0.2 + random.unit(), put: 0.2 + random.unit())
    guard random.chance(0.4) else { return }
    // Keys with these operations are checked by search, which many unknown operations on one key
    // would exhaust.
    workload.keys = 10 + random.below(10)
    workload.mix.delete = random.chance(0.5) ? 0.2 : 0
    workload.mix.append = random.chance(0.5) ? 0.3 : 0
    workload.mix.compareAndSwap = random.chance(0.5) ? 0.5 : 0
  }
}

extension SwarmPlan {
  /// All times that a protocol declares are divided by this number, so that a trial includes many
  /// of each.
  static let shortening = 5

  func options<Core: ReplicaCore>(of core: Core.Type, bug: String?) -> Core.Options {
    let declared = Core.Options.declared
    var overrides: [String: OptionValue] = [:]
    // A separate stream, because protocols declare different numbers of options.
    var random = RandomStream(seed: seed, label: 0x0_0471)
    for option in declared {
      overrides[option.name] =
        option.shortened(by: SwarmPlan.shortening)
        ?? (drawsLimits && !option.name.hasPrefix("snapshot")
          ? option.limit(drawnFrom: &random) : nil)
    }
    drawSnapshots(into: &overrides, for: bug)
    if let bug {
      overrides["unsafeBug"] = .choice(bug)
      // Many bugs show after a change of leader, which this option makes rare.
      if declared.contains(where: { $0.name == "prePrepare" }) {
        overrides["prePrepare"] = .flag(false)
      }
    }
    return Core.Options(OptionValues(declared, overrides: overrides))
  }

  /// Snapshots every few entries or every few hundred, in one page or many; no snapshots in some
  /// plans, and for bugs that concern the log.
  private func drawSnapshots(into overrides: inout [String: OptionValue], for bug: String?) {
    if let snapshots {
      overrides["snapshotBytes"] = .integer(snapshots.interval)
      overrides["snapshotPage"] = .integer(snapshots.pageByteCount)
      return
    }
    var random = RandomStream(seed: seed, label: 0x5_1A95)
    let isOfSnapshots = bug.map { SnapshotBug(rawValue: $0) != nil }
    guard isOfSnapshots ?? random.chance(0.7) else { return }
    overrides["snapshotBytes"] = .integer(512 << random.below(bug == nil ? 8 : 4))
    overrides["snapshotPage"] = .integer(64 << random.below(8))
  }

  func setup<Core: ReplicaCore>(
    of core: Core.Type, for kind: ProtocolKind, bug: String? = nil
  ) -> TrialSetup<Core> {
    var setup = TrialSetup<Core>(
      membership: kind.membership(replicas: replicas),
      options: options(of: core, bug: bug))
    setup.environment = environment
    setup.plan.faults = faults
    setup.plan.overload = overload
    setup.plan.workload.clients = workload.clients
    setup.plan.workload.timeout = workload.timeout
    setup.plan.workload.thinkTime = workload.thinkTime
    setup.plan.warmUp = .zero
    setup.plan.duration = duration
    setup.plan.window = .milliseconds(20)
    setup.plan.seed = seed
    setup.checksInvariants = true
    return setup
  }
}

extension OptionDeclaration {
  /// The default of a time option, divided by `divisor` as far as its range allows; `nil` for other
  /// options.
  func shortened(by divisor: Int) -> OptionValue? {
    switch kind {
    case .interval(let time, let range): .interval(max(time / divisor, range.lowerBound))
    case .intervalRange(let times, let range):
      .intervalRange(
        max(
          times.lowerBound / divisor, range.lowerBound)...max(
            times.upperBound / divisor, range.lowerBound))
    case .flag, .integer, .choice: nil
    }
  }
}

extension OptionDeclaration {
  /// A value for a number option: its default or less, each order of magnitude equally often, so
  /// that trials include windows and pages of one or two; `nil` for other options.
  fileprivate func limit(drawnFrom random: inout RandomStream) -> OptionValue? {
    guard case .integer(let value, let range) = kind else { return nil }
    let least = max(range.lowerBound, 1)
    let doublings = (value / least).bitWidth - (value / least).leadingZeroBitCount
    return .integer(min(least << random.below(max(doublings, 1)), value))
  }
}
