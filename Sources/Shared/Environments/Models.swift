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

public struct DiskModel: Sendable, Equatable {
  /// Time of one sync; `nil` means that records are durable at once.
  public var sync: LatencyDistribution?
  /// One sync covers everything that waits; without it every record has a sync of its own.
  public var groupCommit = true
  /// Bytes per second that are written in a sync, beside its latency, and read back after a
  /// restart; `nil` is unlimited.
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
    var random = RandomStream(seed: seed, purpose: .clocks)
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
