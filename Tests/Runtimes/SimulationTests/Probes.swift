import Clients
import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Simulation
import StateMachines
import Stubs
import Trials
import Workloads

/// The numbers of messages that say what to do.
enum Probe {
  /// A message from `setBell` on sets the timer to the excess in milliseconds; the others work
  /// alike.
  static let setBell: UInt64 = 1000
  static let cancelBell: UInt64 = 2000
  /// Persists the excess over 3000 and sends it to replica 1.
  static let persist: UInt64 = 3000
  static let early: UInt64 = 4000
  /// Persists, sends 5001 to itself and 7 to replica 1; 5001 sends 8 to replica 1.
  static let viaSelf: UInt64 = 5000

  static let script: ScriptedCore.Script = { core, event, effects in
    guard case .received(let message, _) = event else { return }
    let rest = message % 1000
    switch message - rest {
    case setBell: effects.setTimer(.bell, after: .milliseconds(Int64(rest)))
    case cancelBell: effects.cancelTimer(.bell)
    case persist:
      effects.persist(rest)
      effects.send(rest, to: ReplicaID(1))
    case early: effects.sendEarly(rest, to: ReplicaID(1))
    case viaSelf where rest == 0:
      effects.persist(1)
      effects.send(5001, to: core.id)
      effects.send(7, to: ReplicaID(1))
    case viaSelf: effects.send(8, to: ReplicaID(1))
    default: break
    }
  }
}

extension ScriptedCore {
  /// What it heard, with the microsecond of its node's clock.
  var notes: [String] {
    heard.compactMap { heard in
      let time = (heard.at.nanoseconds - 3_600_000_000_000) / 1000
      switch heard.event {
      case .started: return "start@\(time)"
      case .timerFired(let timer): return "\(timer)@\(time)"
      case .received(let message, _): return "\(message)@\(time)"
      case .disconnected(let other): return "lost \(other)@\(time)"
      case .requested, .readRequested: return nil
      }
    }
  }
}

extension CounterLoad.Operation {
  var due: Int64 { begun.due }
  var invoked: Int64 { begun.at }
  var returned: Int64 { ended?.at ?? -1 }
  var isAnswered: Bool { answer != nil }
}

typealias ProbeTrial = Trial<ScriptedCore, CounterLoad>

/// A trial of probes without clients: 1 ms between nodes, 5 ms for a sync, no processor time.
func probes(
  _ replicas: Int = 2, authority: Int = 0, faults: [TimedFault] = [],
  heedsDisconnects: Bool = false,
  configure: (inout TrialSetup<ScriptedCore>) -> Void = { _ in }
) -> ProbeTrial {
  var options = ScriptedCore.Options(Probe.script)
  options.heedsDisconnects = heedsDisconnects
  var setup = TrialSetup<ScriptedCore>(
    membership: Membership(replicas: replicas, authority: authority), options: options)
  setup.environment = Environment(
    network: NetworkModel(latency: .constant(.milliseconds(1))),
    disk: DiskModel(sync: .constant(.milliseconds(5))),
    cpu: CPUModel(perMessage: .zero, perByte: .zero, apply: .zero), clocks: ClockModel())
  setup.plan.workload.clients = 0
  setup.plan.faults = FaultScript(timed: faults)
  configure(&setup)
  var trial = ProbeTrial(setup, load: CounterLoad())
  trial.prepare()
  return trial
}

extension Trial {
  /// Handles all events up to a time in milliseconds.
  mutating func pass(to milliseconds: Int64) {
    let end = Instant.zero + .milliseconds(milliseconds)
    while !world.queue.isEmpty, world.queue.nextTime <= end {
      world.now = world.queue.nextTime
      happenNext()
    }
    world.now = end
  }
}

extension Trial where Core == ScriptedCore {
  /// Delivers a message from node 1.
  mutating func tell(_ number: Int, _ message: UInt64) {
    nodes[number].arrive(message, from: 1, bytes: 0, in: &world)
  }

  func notes(_ number: Int) -> [String] { Array(nodes[number].host.core.notes.dropFirst()) }
}
