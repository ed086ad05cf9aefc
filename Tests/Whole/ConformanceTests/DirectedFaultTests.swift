import Faults
import Histories
import ProtocolList
import Replication
import Simulation
import Testing
import Trials
import Workloads

extension TrialFindings {
  /// The times at which acknowledged writes returned.
  private var writeReturns: [Int64] {
    operations.filter { $0.outcome == .ok && !$0.kind.isRead }.map(\.returned).sorted()
  }

  /// The longest time without an acknowledged write that began in this range, and its end.
  func longestOutage(from start: Interval, to end: Interval) -> (length: Interval, end: Interval) {
    let returns = writeReturns
    var longest = (length: Interval.zero, end: start)
    for (before, after) in zip(returns, returns.dropFirst())
    where before >= start.nanoseconds - 50_000_000 && before <= end.nanoseconds {
      let length = Interval(nanoseconds: after - before)
      if length > longest.length { longest = (length, Interval(nanoseconds: after)) }
    }
    return longest
  }

  func writeCount(from start: Interval, to end: Interval) -> Int {
    writeReturns.count { $0 >= start.nanoseconds && $0 < end.nanoseconds }
  }
}

extension ProtocolKind {
  static var supervised: [ProtocolKind] { allCases.filter(\.description.needsAuthority) }
}

@Suite("Directed faults")
struct DirectedFaultTests {
  static func crash(
    _ target: FaultTarget, at start: Int64, for length: Int64, disk: DiskFate = .kept
  ) -> TimedFault {
    TimedFault(
      at: .milliseconds(start), duration: .milliseconds(length), action: .crash(target, disk: disk))
  }

  private func run(_ kind: ProtocolKind, seed: UInt64, _ faults: [TimedFault]) -> TrialFindings {
    var plan = SwarmPlan(seed: seed, faults: faults)
    plan.calm = .milliseconds(1500)
    plan.duration = .milliseconds(2000)
    return SwarmTrial.run(kind, plan)
  }

  @Test(
    "Losing the replica in charge is an outage that ends without its return",
    arguments: ProtocolKind.failingOver, [1, 2, 3] as [UInt64])
  func leaderCrash(kind: ProtocolKind, seed: UInt64) {
    let findings = run(kind, seed: seed, [DirectedFaultTests.crash(.leader, at: 700, for: 800)])
    #expect(findings.safetyProblems == [])
    #expect(findings.livenessProblems == [])
    #expect(findings.record.faults.first?.nodes.count == 1)
    let outage = findings.longestOutage(from: .milliseconds(700), to: .milliseconds(1500))
    #expect(outage.length >= .milliseconds(20))
    #expect(outage.end < .milliseconds(1200))
    #expect(findings.writeCount(from: .milliseconds(1200), to: .milliseconds(1500)) >= 50)
  }

  @Test(
    "Clock steps do not lengthen an outage",
    arguments: ProtocolKind.failingOver, [-5_000, 5_000] as [Int64])
  func leaderCrashAndSteps(kind: ProtocolKind, milliseconds: Int64) {
    let step = TimedFault(
      at: .milliseconds(702), duration: nil,
      action: .clock(.all, .jump(.milliseconds(milliseconds))))
    let crash = DirectedFaultTests.crash(.leader, at: 700, for: 800)
    let findings = run(kind, seed: 1, [crash, step])
    let others = run(kind, seed: 1, [crash])
    #expect(findings.safetyProblems == [])
    #expect(findings.operations == others.operations)
  }

  @Test(
    "A replica that is paused while its wall clock steps back answers no stale read",
    arguments: ProtocolKind.supervised, [0, 1, 2])
  func pauseAndStep(kind: ProtocolKind, replica: Int) {
    for seed in 1...6 as ClosedRange<UInt64> {
      var plan = SwarmPlan(
        seed: seed,
        faults: [
          TimedFault(
            at: .milliseconds(500), duration: .milliseconds(150),
            action: .pause(.replica(replica))),
          TimedFault(
            at: .milliseconds(580), duration: nil,
            action: .clock(.replica(replica), .jump(.milliseconds(-130)))),
        ])
      // With this many clients, some send their first read only after the pause.
      plan.workload.clients = 48
      plan.workload.thinkTime = .milliseconds(60)
      let findings = SwarmTrial.run(kind, plan)
      #expect(findings.safetyProblems == [], "seed \(seed)")
    }
  }

  @Test("The unreplicated server is down until it restarts, and then has all its data")
  func unreplicatedCrash() {
    let findings = run(
      .unreplicated, seed: 1, [DirectedFaultTests.crash(.leader, at: 700, for: 800, disk: .torn)])
    #expect(findings.safetyProblems == [])
    #expect(findings.livenessProblems == [])
    #expect(findings.writeCount(from: .milliseconds(300), to: .milliseconds(700)) >= 50)
    #expect(findings.writeCount(from: .milliseconds(710), to: .milliseconds(1500)) == 0)
    #expect(findings.writeCount(from: .milliseconds(1500), to: .milliseconds(2000)) >= 50)
  }

  @Test(
    "One lost authority node does no harm, even if the replica in charge is lost then",
    arguments: ProtocolKind.supervised, [1, 2, 3] as [UInt64])
  func authorityCrash(kind: ProtocolKind, seed: UInt64) {
    let findings = run(
      kind, seed: seed,
      [
        DirectedFaultTests.crash(.coordinator, at: 500, for: 1000),
        DirectedFaultTests.crash(.leader, at: 600, for: 900),
      ])
    #expect(findings.safetyProblems == [])
    #expect(findings.livenessProblems == [])
    let hit = findings.record.faults.flatMap(\.nodes)
    #expect(hit.count == 2)
    #expect(hit.first.map { findings.record.nodes[$0].role == .authority } == true)
    #expect(findings.writeCount(from: .milliseconds(1300), to: .milliseconds(1500)) >= 20)
  }

  @Test(
    "If all replicas crash at once, even with torn disks, all acknowledged writes survive",
    arguments: ProtocolKind.allCases, [1, 2, 3] as [UInt64])
  func totalCrash(kind: ProtocolKind, seed: UInt64) {
    let findings = run(
      kind, seed: seed,
      [
        DirectedFaultTests.crash(.all, at: 600, for: 150, disk: .torn),
        DirectedFaultTests.crash(.all, at: 1100, for: 50, disk: .kept),
        DirectedFaultTests.crash(.all, at: 1103, for: 60, disk: .torn),
      ])
    #expect(findings.safetyProblems == [])
    #expect(findings.livenessProblems == [])
    #expect(findings.writeCount(from: .zero, to: .milliseconds(600)) >= 50)
    #expect(findings.writeCount(from: .milliseconds(1500), to: .milliseconds(2000)) >= 50)
  }

  @Test(
    "Torn crashes of one replica after the other lose no acknowledged write",
    arguments: ProtocolKind.allCases, [1, 2] as [UInt64])
  func tornCrashes(kind: ProtocolKind, seed: UInt64) {
    let findings = run(
      kind, seed: seed,
      (0..<7).map { DirectedFaultTests.crash(.random, at: 150 + 180 * $0, for: 40, disk: .torn) })
    #expect(findings.safetyProblems == [])
    #expect(findings.livenessProblems == [])
    #expect(findings.record.faults.flatMap(\.nodes).count == 7)
  }
}
