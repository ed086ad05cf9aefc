import Clients
import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Simulation
import StateMachines
import Trials
import Workloads

/// Not a protocol: the number of a message says what to do, and all events are recorded with their
/// times.
struct ProbeCore: ReplicaCore {
  typealias Message = UInt64
  typealias Record = UInt64

  enum Timer: Int, TimerName, CaseIterable { case bell, other }

  struct Options: ProtocolOptions {
    static let declared: [OptionDeclaration] = []
    init(_ values: OptionValues) {}
    var heedsDisconnects = false
  }

  /// A message from `setBell` on sets the timer to the excess in milliseconds; the others work
  /// alike.
  static let setBell: UInt64 = 1000
  static let cancelBell: UInt64 = 2000
  /// Persists the excess over 3000 and sends it to replica 1.
  static let persist: UInt64 = 3000
  static let early: UInt64 = 4000
  /// Persists, sends 5001 to itself and 7 to replica 1; 5001 sends 8 to replica 1.
  static let viaSelf: UInt64 = 5000

  var charge = ReplicaStatus(
    role: "probe", isInCharge: false, isTail: false, isCoordinator: false, epoch: 0,
    commitIndex: .zero, lastIndex: .zero)
  /// The events, with the microsecond of this node's clock.
  var notes: [String] = []
  var recovered: [UInt64] = []

  let id: ReplicaID

  init(id: ReplicaID, membership: Membership, options: Options) { self.id = id }

  mutating func recover(_ record: UInt64) { recovered.append(record) }

  mutating func handle(
    _ event: Event<ProbeCore>, at now: Instant, into effects: inout Effects<ProbeCore>
  ) {
    let time = (now.nanoseconds - 3_600_000_000_000) / 1000
    switch event {
    case .started: notes.append("start@\(time)")
    case .timerFired(let timer): notes.append("\(timer)@\(time)")
    case .received(let message, _):
      notes.append("\(message)@\(time)")
      let rest = message % 1000
      switch message - rest {
      case Self.setBell: effects.setTimer(.bell, after: .milliseconds(Int64(rest)))
      case Self.cancelBell: effects.cancelTimer(.bell)
      case Self.persist:
        effects.persist(rest)
        effects.send(rest, to: ReplicaID(1))
      case Self.early: effects.sendEarly(rest, to: ReplicaID(1))
      case Self.viaSelf where rest == 0:
        effects.persist(1)
        effects.send(5001, to: id)
        effects.send(7, to: ReplicaID(1))
      case Self.viaSelf: effects.send(8, to: ReplicaID(1))
      default: break
      }
    case .requested, .readRequested: break
    case .disconnected(let other): notes.append("lost \(other)@\(time)")
    }
  }

  var status: ReplicaStatus { charge }
  func invariantViolation() -> String? { nil }
}

/// Reads or adds as often as requested, and records the times of each operation.
struct CounterLoad: ClientLoad {
  typealias Application = Counter

  struct Noted: Equatable {
    var due: Int64
    var invoked: Int64
    var returned: Int64 = -1
    var isAnswered = false
  }

  /// The commands are used in turn.
  var commands: [Counter.Command]
  var operations: [Noted] = []
  var dropped: [Int64] = []
  private var current: [Int: Int] = [:]

  init(_ commands: [Counter.Command] = [.read]) { self.commands = commands }

  mutating func begin(
    client: Int, sequence: UInt64, due: Interval, at now: Interval
  ) -> Counter.Command {
    current[client] = operations.count
    operations.append(Noted(due: due.nanoseconds, invoked: now.nanoseconds))
    return commands[operations.count % commands.count]
  }

  mutating func end(
    client: Int, outcome: ClientOutcome<UInt64>, attempts: Int, at now: Interval
  ) {
    let position = current.removeValue(forKey: client)!
    operations[position].returned = now.nanoseconds
    if case .answered = outcome { operations[position].isAnswered = true }
  }

  mutating func dropped(due: Interval, at now: Interval) { dropped.append(due.nanoseconds) }
  mutating func close(at end: Interval) {}
}

typealias ProbeTrial = Trial<ProbeCore, CounterLoad>

/// A trial of probes without clients: 1 ms between nodes, 5 ms for a sync, no processor time.
func probes(
  _ replicas: Int = 2, authority: Int = 0, faults: [TimedFault] = [],
  heedsDisconnects: Bool = false,
  configure: (inout TrialSetup<ProbeCore>) -> Void = { _ in }
) -> ProbeTrial {
  var options = ProbeCore.Options()
  options.heedsDisconnects = heedsDisconnects
  var setup = TrialSetup<ProbeCore>(
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
    let end = milliseconds * 1_000_000
    while !world.queue.isEmpty, world.queue.nextTime <= end {
      world.now = world.queue.nextTime
      happenNext()
    }
    world.now = end
  }
}

extension Trial where Core == ProbeCore {
  /// Delivers a message from node 1.
  mutating func tell(_ number: Int, _ message: UInt64) {
    nodes[number].arrive(message, from: 1, bytes: 0, in: &world)
  }

  func notes(_ number: Int) -> [String] { Array(nodes[number].host.core.notes.dropFirst()) }
}
