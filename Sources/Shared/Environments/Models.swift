import Primitives
import Replication

/// How long something takes, drawn anew each time.
public enum LatencyDistribution: Sendable, Equatable {
  case constant(Interval)
  case uniform(ClosedRange<Interval>)
  /// Cut off at zero.
  case normal(mean: Interval, deviation: Interval)
  /// `median · e^(sigma · N(0, 1))`.
  case lognormal(median: Interval, sigma: Double)
  /// A fixed minimum and an exponential part of the given mean.
  case exponential(minimum: Interval, mean: Interval)
}

/// The network between nodes, and between clients and nodes. Links are first in, first out, as TCP is,
/// except for messages that `reorder` picks.
public struct NetworkModel: Sendable, Equatable {
  /// One-way latency of every link that no override names.
  public var latency: LatencyDistribution
  public var loss = 0.0
  public var duplicate = 0.0
  public var reorder = 0.0
  /// Bits per second of each directed link; `nil` is unlimited.
  public var bandwidth: Double?
  public var links: [LinkOverride] = []
  /// One-way latencies between places, for geographic presets: node `i` and client `i` sit at place
  /// `i` modulo the number of places.
  public var places: [[Interval]]?

  public init(latency: LatencyDistribution) { self.latency = latency }

  /// A switch in one room: about 100 µs one way, 10 Gbit/s.
  public static var lan: NetworkModel {
    var model = NetworkModel(latency: .lognormal(median: .microseconds(100), sigma: 0.2))
    model.bandwidth = 10e9
    return model
  }

  /// Five AWS regions: N. Virginia, Ohio, Oregon, Ireland, Tokyo; half of the median round trips that
  /// CloudPing published (bundled in github.com/commonwarexyz/monorepo at 4622dfb), ±5 %.
  public static var wanAWS5: NetworkModel {
    let roundTripTenths: [[Int64]] = [
      [5, 151, 644, 696, 1497],
      [151, 5, 512, 807, 1365],
      [644, 512, 5, 1183, 982],
      [696, 807, 1183, 5, 2023],
      [1497, 1365, 982, 2023, 5],
    ]
    var model = NetworkModel(latency: .lognormal(median: .microseconds(250), sigma: 0.05))
    model.places = roundTripTenths.map { row in row.map { .microseconds($0 * 50) } }
    model.bandwidth = 1e9
    return model
  }

  public static let presets: [(name: String, meaning: String, model: NetworkModel)] = [
    ("lan", "one switch: 100 us one way (lognormal), 10 Gbps", .lan),
    (
      "wan-aws-5",
      "Virginia, Ohio, Oregon, Ireland, Tokyo: replica i and client i at place i mod 5",
      .wanAWS5
    ),
  ]
}

/// Replaces parts of the network model on one directed link, or on both directions.
public struct LinkOverride: Sendable, Equatable {
  public var from: Int
  public var to: Int
  public var bothWays: Bool
  public var latency: LatencyDistribution?
  public var loss: Double?
  public var bandwidth: Double?

  public init(from: Int, to: Int, bothWays: Bool) {
    self.from = from
    self.to = to
    self.bothWays = bothWays
  }
}

public struct DiskModel: Sendable, Equatable {
  /// Time of one sync; `nil` means that records are durable at once.
  public var sync: LatencyDistribution?
  /// One sync covers everything that waits; without it every record has a sync of its own.
  public var groupCommit = true
  /// Bytes per second that are written in a sync, beside its latency, and read back after a restart;
  /// `nil` is unlimited.
  public var bandwidth: Double?

  public init(sync: LatencyDistribution?, bandwidth: Double? = nil) {
    self.sync = sync
    self.bandwidth = bandwidth
  }

  /// How long this many bytes take to write or read, in nanoseconds.
  public func transferTime(of bytes: Int) -> Int64 {
    guard let bandwidth, sync != nil else { return 0 }
    return Int64(Double(bytes) / bandwidth * 1e9)
  }
}

/// Each node is a single server: these times queue up.
public struct CPUModel: Sendable, Equatable {
  /// For each message received and each message sent.
  public var perMessage: Interval
  /// For each byte received or sent.
  public var perByte: Interval
  /// For each command applied to or read from the state machine.
  public var apply: Interval

  public init(perMessage: Interval, perByte: Interval, apply: Interval) {
    self.perMessage = perMessage
    self.perByte = perByte
    self.apply = apply
  }
}

public struct ClockModel: Sendable, Equatable {
  /// Each node's clock is off by a constant, uniform within ± this.
  public var maxSkew: Interval
  /// Each node's clock runs fast or slow by a share uniform within ± this.
  public var maxDrift: Double

  public init(maxSkew: Interval = .zero, maxDrift: Double = 0) {
    self.maxSkew = maxSkew
    self.maxDrift = maxDrift
  }
}

extension ClockModel {
  /// How far each node's clock is off and by which share it runs fast, drawn for a trial.
  public func draw(nodeCount: Int, seed: UInt64) -> [(skew: Interval, drift: Double)] {
    var random = RandomStream(seed: seed, label: 0xC10C)
    return (0..<nodeCount).map { _ in
      let skew = Int64((random.unit() * 2 - 1) * Double(maxSkew.nanoseconds))
      return (Interval(nanoseconds: skew), (random.unit() * 2 - 1) * maxDrift)
    }
  }
}

/// The machine room of a trial: everything that is not the protocol.
public struct Environment: Sendable, Equatable {
  public var network: NetworkModel
  public var disk: DiskModel
  public var cpu: CPUModel
  public var clocks: ClockModel

  public init(network: NetworkModel, disk: DiskModel, cpu: CPUModel, clocks: ClockModel) {
    self.network = network
    self.disk = disk
    self.cpu = cpu
    self.clocks = clocks
  }

  /// What an experiment that says nothing runs on.
  public static var standard: Environment {
    Environment(
      network: .lan,
      disk: DiskModel(
        sync: .lognormal(median: .milliseconds(1), sigma: 0.3), bandwidth: 1_000_000_000),
      cpu: CPUModel(
        perMessage: .microseconds(4), perByte: .nanoseconds(1), apply: .microseconds(1)),
      clocks: ClockModel())
  }
}
