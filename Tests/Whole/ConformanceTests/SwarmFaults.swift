import Environments
import Faults
import Primitives
import Replication

/// The faults of a seed's plan and their times.
extension SwarmPlan {
  mutating func drawFaults() {
    if random.chance(0.2) { return drawChaos() }
    let families = Family.allCases.filter { _ in random.chance(0.45) }
    guard !families.isEmpty else { return }
    for _ in 0..<4 + random.below(7) {
      let (start, end) = drawTimes()
      let family = families[random.below(families.count)]
      switch family {
      case .pauseAndStep: addPauseAndStep(start, end)
      case .overlap: addOverlap(start, end, families)
      case .slowJoiner: addSlowJoiner(start, end)
      default: add(start, end, action(family, on: target()))
      }
    }
    faults.timed.sort { $0.at < $1.at }
  }

  /// The kinds of fault that a seed turns on or off.
  enum Family: CaseIterable {
    case crash, tornCrash, totalCrash, pause, partition, oneWay, link, slowLink, clockJump
    case clockDrift, slowCPU, slowDisk, stalledDisk
    /// Several faults of one node that overlap or follow each other.
    case pauseAndStep, overlap, slowJoiner
  }

  /// Draws times in milliseconds. Short and long faults are equally frequent.
  private mutating func drawTimes() -> (start: Int64, end: Int64) {
    let calm = calm.milliseconds
    let start = Int64(40 + random.below(Int(calm) - 60))
    let length = Int64(5 << random.below(7)) + Int64(random.below(10))
    return (start, min(start + length, Int64(calm)))
  }

  private mutating func add(_ start: Int64, _ end: Int64, _ action: FaultAction) {
    let latest = Int64(calm.milliseconds)
    let end = min(end, latest)
    guard start < end else { return }
    faults.timed.append(
      TimedFault(
        at: .milliseconds(start), duration: .milliseconds(end - start), action: action))
  }

  private mutating func someReplica() -> FaultTarget { .replica(random.below(replicas)) }

  /// Steps the clock of a node while its process is paused.
  private mutating func addPauseAndStep(_ start: Int64, _ end: Int64) {
    let node = someReplica()
    add(start, end, .pause(node))
    let step = start + Int64(random.below(Int(max(end - start, 1))))
    add(step, step + 1, action(.clockJump, on: node))
  }

  /// Makes two faults of one node overlap, of one kind or of two.
  private mutating func addOverlap(_ start: Int64, _ end: Int64, _ families: [Family]) {
    let node = someReplica()
    let first = families[random.below(families.count)]
    let second = random.chance(0.5) ? first : families[random.below(families.count)]
    let shift = Int64(random.below(Int(max(end - start, 1))))
    add(start, end, action(first, on: node))
    add(start + shift, end + shift, action(second, on: node))
  }

  /// Makes a replica come back and catch up slowly.
  private mutating func addSlowJoiner(_ start: Int64, _ end: Int64) {
    let node = someReplica()
    add(start, end, .crash(node, disk: .kept))
    let kinds: [Family] = [.slowLink, .slowDisk, .slowCPU]
    add(start, end + 200, action(kinds[random.below(kinds.count)], on: node))
  }

  /// Two simultaneous streams of random faults, each with one fault at a time: one of processes and
  /// networks, one of clocks, disks, links and processors.
  private mutating func drawChaos() {
    let streams: [[ChaosKind]] = [
      [.crash, .pause, .partition, .link], [.clock, .slowDisk, .link, .slowCPU],
    ]
    faults.chaos = streams.map { kinds in
      Chaos(
        meanTimeBetween: .milliseconds(Int64(20 + random.below(100))),
        meanTimeToRepair: .milliseconds(Int64(10 + random.below(150))), kinds: kinds,
        from: .milliseconds(40), until: calm)
    }
  }

  private mutating func action(_ family: Family, on target: FaultTarget) -> FaultAction {
    switch family {
    case .crash, .slowJoiner: return .crash(target, disk: .kept)
    case .tornCrash: return .crash(target, disk: .torn)
    case .totalCrash: return .crash(random.chance(0.3) ? .all : .majority, disk: .torn)
    case .pause, .pauseAndStep, .overlap: return .pause(target)
    case .partition:
      let shapes: [PartitionShape] = [
        .isolate(target), .minorityWithLeader, .majorityRing, .bridge, .isolate(.leader),
      ]
      return .partition(shapes[random.below(shapes.count)])
    case .oneWay: return .partition(.oneWay(target, random.chance(0.5) ? .inbound : .outbound))
    case .link:
      var what = LinkDegradation()
      what.loss = random.unit() * 0.5
      what.duplicate = random.unit() * 0.5
      what.reorder = random.unit() * 0.5
      what.corrupt = random.unit() * 0.1
      what.extraLatency = .milliseconds(Int64(random.below(20)))
      return .link(target, what)
    case .slowLink:
      var what = LinkDegradation()
      // From 0.1 to 6.4 Mbps.
      what.bandwidth = Double(100_000 << random.below(7))
      return .link(target, what)
    case .clockJump: return .clock(target, .jump(.milliseconds(Int64(random.below(2001)) - 1000)))
    case .clockDrift: return .clock(target, .drift((random.unit() - 0.5) * 0.04))
    case .slowCPU: return .slowCPU(target, factor: Double(2 + random.below(30)))
    case .slowDisk: return .disk(target, .slow(.milliseconds(Int64(1 + random.below(20)))))
    case .stalledDisk: return .disk(target, .stall)
    }
  }

  private mutating func target() -> FaultTarget {
    let targets: [FaultTarget] = [
      .leader, .leader, .leader, .tail, .follower, .random, .random, .minority, .majority,
      .coordinator,
    ]
    return targets[random.below(targets.count)]
  }
}
