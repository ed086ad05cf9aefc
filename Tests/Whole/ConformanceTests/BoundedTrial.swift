import Clients
import Environments
import Faults
import Histories
import Primitives
import ProtocolList
import Replication
import Simulation
import Trials
import Workloads

/// A trial of one protocol with its default options in an environment without loss and with at most
/// one fault, and the costs of that fault.
struct BoundedTrial: ProtocolVisitor {
  struct Costs: Sendable {
    /// Changes of the leader or of the view after the fault began.
    var leaderChanges = 0
    /// Operations answered in the second before the fault began, and in the second that starts one
    /// second after the fault's end.
    var servedBefore = 0
    var servedAfter = 0
    /// Bytes received by the faulty node since the fault ended.
    var bytesReceived = 0
    /// Bytes of the batches committed since the fault began, which that node may lack.
    var bytesCommitted = 0
    /// Operations answered in the measured part of the trial, and the messages that all nodes sent
    /// for them.
    var served = 0
    var messagesSent = 0
    /// The number of operations begun in the measured part that were sent more than once.
    var sentAgain = 0
  }

  let kind: ProtocolKind
  var replicas = 3
  var fault: FaultAction?
  var workload = WorkloadSpec()
  var environment = Environment.standard

  static let faultStart = Interval.milliseconds(2_000)
  static let faultEnd = Interval.milliseconds(3_500)
  static let end = Interval.milliseconds(5_600)

  init(_ kind: ProtocolKind, fault: FaultAction? = nil) {
    self.kind = kind
    self.fault = fault
    workload.clients = 4
    workload.keys = 100
    workload.valueSize = 8192
    workload.thinkTime = .milliseconds(10)
    workload.timeout = .seconds(2)
  }

  func run() -> Costs {
    var trial = self
    return kind.visit(&trial)
  }

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> Costs {
    var setup = TrialSetup<Core>(
      membership: kind.membership(replicas: replicas), options: Core.Options())
    setup.environment = environment
    setup.plan.workload = workload
    setup.plan.duration = BoundedTrial.end
    let length = BoundedTrial.faultEnd - BoundedTrial.faultStart
    setup.plan.faults.timed =
      fault.map {
        [TimedFault(at: BoundedTrial.faultStart, duration: length, action: $0)]
      } ?? []
    var trial = Trial(setup, load: KeyValueLoad(workload, seed: setup.plan.seed))
    trial.prepare()
    trial.pass(to: BoundedTrial.faultStart)
    var costs = Costs()
    let committedBefore = trial.world.committed.count
    trial.pass(to: BoundedTrial.faultEnd)
    let hit = trial.injected.first?.nodes.first ?? 0
    let receivedBefore = trial.nodes[hit].usage.bytesReceived
    trial.pass(to: BoundedTrial.end)
    trial.clients.close(at: trial.world.now)
    costs.bytesReceived = trial.nodes[hit].usage.bytesReceived - receivedBefore
    for batch in trial.world.committed[committedBefore...] {
      costs.bytesCommitted += batch.encodedByteCount
    }
    costs.messagesSent = trial.nodes.elements.reduce(0) { $0 + $1.usage.messagesSent }
    costs.leaderChanges = BoundedTrial.changes(trial.leadership.samples)
    costs.count(trial.load.operations)
    return costs
  }

  private static func changes(_ samples: [LeadershipSample]) -> Int {
    let inCharge = samples.filter { $0.leader != nil }
    let before = inCharge.last { $0.timeNs < faultStart.nanoseconds }?.epoch
    let after = inCharge.filter { $0.timeNs >= faultStart.nanoseconds && $0.epoch != before }
    return Set(after.map(\.epoch)).count
  }
}

extension BoundedTrial.Costs {
  fileprivate mutating func count(_ operations: [Operation]) {
    let second = Interval.seconds(1)
    func served(from start: Interval, to end: Interval) -> Int {
      operations.count {
        $0.outcome == .ok && $0.returned >= start.nanoseconds && $0.returned < end.nanoseconds
      }
    }
    servedBefore = served(from: BoundedTrial.faultStart - second, to: BoundedTrial.faultStart)
    servedAfter = served(
      from: BoundedTrial.faultEnd + second, to: BoundedTrial.faultEnd + second * 2)
    self.served = served(from: second, to: BoundedTrial.end)
    sentAgain = operations.count { $0.invoked >= second.nanoseconds && $0.attempts > 1 }
  }
}

extension Trial {
  /// Handles all events up to and including a time.
  fileprivate mutating func pass(to time: Interval) {
    _ = advance(to: .zero + time) { _, _ in true }
    world.now = .zero + time
  }
}
