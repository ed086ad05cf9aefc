import Primitives
import Replication

/// A fault with fixed times; its target is resolved when it fires.
public struct PlannedFault: Sendable, Equatable {
  /// By the trial's clock, as is `end`.
  public var start: Instant
  /// `nil` if it lasts to the end of the trial.
  public var end: Instant?
  public var action: FaultAction
  /// The name that the experiment gives to it, if any.
  public var name: String?

  public init(start: Instant, end: Instant?, action: FaultAction, name: String? = nil) {
    self.start = start
    self.end = end
    self.action = action
    self.name = name
  }

  /// The script's faults in order of time, including the random faults of its chaos. The same
  /// script and the same stream give the same plan in every runtime.
  public static func plan(
    _ script: FaultScript, duration: Interval, random: inout RandomStream
  ) -> [PlannedFault] {
    var plan = script.timed.map { fault in
      PlannedFault(
        start: Instant.zero + fault.at, end: fault.duration.map { Instant.zero + fault.at + $0 },
        action: fault.action, name: fault.name)
    }
    for chaos in script.chaos { plan += expand(chaos, random: &random) }
    plan.removeAll { $0.start >= Instant.zero + duration }
    return plan.enumerated().sorted {
      ($0.element.start, $0.offset) < ($1.element.start, $1.offset)
    }
    .map(\.element)
  }

  /// Draws one fault at a time: the next fault starts only after the last one has ended, because a
  /// cluster that tolerates one failure should survive chaos.
  private static func expand(_ chaos: Chaos, random: inout RandomStream) -> [PlannedFault] {
    var faults: [PlannedFault] = []
    var time = Instant.zero + chaos.from
    while !chaos.kinds.isEmpty {
      time += exponential(chaos.meanTimeBetween, random: &random)
      guard time < Instant.zero + chaos.until else { break }
      let length = max(exponential(chaos.meanTimeToRepair, random: &random), .milliseconds(1))
      let end = min(time + length, Instant.zero + chaos.until)
      let kind = chaos.kinds[random.below(chaos.kinds.count)]
      faults.append(
        PlannedFault(start: time, end: end, action: action(kind, random: &random)))
      time = end
    }
    return faults
  }

  private static func exponential(_ mean: Interval, random: inout RandomStream) -> Interval {
    mean.scaled(by: -RealFunctions.log(1 - random.unit()))
  }

  private static func action(_ kind: ChaosKind, random: inout RandomStream) -> FaultAction {
    switch kind {
    case .crash: return .crash(.random, disk: .kept)
    case .pause: return .pause(.random)
    case .slowCPU: return .slowCPU(.random, factor: 10)
    case .slowDisk: return .disk(.random, .slow(.milliseconds(20)))
    case .clock:
      return .clock(.random, .jump(.milliseconds(Int64(random.below(2001)) - 1000)))
    case .partition:
      let shapes: [PartitionShape] = [
        .isolate(.random), .minorityWithLeader, .majorityRing, .bridge,
        .oneWay(.random, .inbound), .oneWay(.random, .outbound),
      ]
      return .partition(shapes[random.below(shapes.count)])
    case .link:
      var what = LinkDegradation()
      what.loss = 0.2
      what.extraLatency = .milliseconds(5)
      return .link(.random, what)
    }
  }
}
