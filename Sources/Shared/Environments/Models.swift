import Primitives
import Replication

/// A distribution of times, from which each event draws its own.
public enum DelayDistribution: Sendable, Equatable {
  case constant(Interval)
  case uniform(ClosedRange<Interval>)
  /// Negative draws become zero.
  case normal(mean: Interval, deviation: Interval)
  /// `median · e^(sigma · N(0, 1))`.
  case lognormal(median: Interval, sigma: Double)
  /// A fixed minimum and an exponential part of the given mean.
  case exponential(minimum: Interval, mean: Interval)
}

public struct DiskModel: Sendable, Equatable {
  /// Time of one sync; `nil` means that records are durable at once.
  public var sync: DelayDistribution?
  /// Whether one sync covers all waiting records; otherwise the records of each turn need a sync of
  /// their own.
  public var groupCommit = true
  /// Bytes per second that are written in a sync, in addition to its latency, and read back after a
  /// restart; `nil` is unlimited.
  public var bandwidth: Double?

  public init(sync: DelayDistribution?, bandwidth: Double? = nil) {
    self.sync = sync
    self.bandwidth = bandwidth
  }

  /// The time to write or read this many bytes.
  public func transferTime(of bytes: Int) -> Interval {
    guard let bandwidth, sync != nil else { return .zero }
    return .nanoseconds(Int64(Double(bytes) / bandwidth * 1e9))
  }
}

/// Processing times. Each node does one thing at a time, so work queues up.
public struct CPUModel: Sendable, Equatable {
  /// The time for each message received or sent.
  public var perMessage: Interval
  /// The time for each byte received or sent.
  public var perByte: Interval
  /// The time for each command applied to the state machine, and for each read from it.
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
  /// Draws each node's skew, and the share by which its clock runs fast, for a trial.
  public func draw(nodeCount: Int, seed: UInt64) -> [(skew: Interval, drift: Double)] {
    var random = RandomStream(seed: seed, purpose: .clocks)
    return (0..<nodeCount).map { _ in
      let skew = Int64((random.unit() * 2 - 1) * Double(maxSkew.nanoseconds))
      return (Interval(nanoseconds: skew), (random.unit() * 2 - 1) * maxDrift)
    }
  }
}

/// The simulated surroundings of a protocol: network, disks, processors and clocks.
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

  /// The environment of an experiment that does not specify one.
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
