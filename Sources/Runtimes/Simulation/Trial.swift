import Clients
import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Trials
import Workloads

/// The settings of a trial, apart from the load.
public struct TrialSetup<Core: ReplicaCore>: Sendable {
  public var membership: Membership
  public var options: Core.Options
  public var environment = Environment.standard
  public var plan = TrialPlan()
  /// How long to wait, after the measured part and the end of all faults, until the cluster has
  /// settled so that survivors of the faults can be determined.
  public var settling = Interval.seconds(10)
  /// Whether to check every core's invariants after every event. Slow; for tests and fuzzing.
  public var checksInvariants = false

  public init(membership: Membership, options: Core.Options) {
    self.membership = membership
    self.options = options
  }
}

/// A trial: a cluster, its clients and its faults in virtual time, from one seed and on one thread.
///
/// The same setup and load give the same result to the last bit, in every process and on every
/// machine.
public struct Trial<Core: ReplicaCore, Load: ClientLoad>: ~Copyable {
  public typealias Application = Load.Application

  public let setup: TrialSetup<Core>
  public let targeting: FaultTargeting
  public var nodes: OwnedArray<SimulatedNode<Core, Application>>
  public var world: World<Core, Application>
  public var clients: ClientDriver<Load>
  public var plannedFaults: [PlannedFault]
  public var ledger: FaultLedger
  public var injected: [InjectedFault] = []
  public var faultRandom: RandomStream
  public var leadership = LeadershipLog()
  /// When the load received the last of `workload.operations` answers; `.never` if the workload
  /// has no such number, or until they have arrived.
  public var doneAt = Instant.never
  /// Whether the measured part has ended, at `measuredEnd`.
  public var isOver = false
  public var measuredEnd = Instant.zero
  /// When the leadership is sampled next.
  public var nextLeadershipSample = Instant.zero
  public var eventCount = 0
  /// A digest of all events, in order: equal for equal trials.
  public var traceHash: UInt64 = 0xCBF2_9CE4_8422_2325

  public init(_ setup: TrialSetup<Core>, load: Load) {
    self.setup = setup
    targeting = FaultTargeting(membership: setup.membership)
    let count = setup.membership.nodeCount
    let environment = setup.environment
    let clocks = environment.clocks.draw(nodeCount: count, seed: setup.plan.seed)
    let initialState = load.initialState
    nodes = OwnedArray(
      clocks.enumerated().map { number, clock in
        SimulatedNode(
          number: number, membership: setup.membership, options: setup.options,
          seed: setup.plan.seed, clock: NodeClock(skew: clock.skew, drift: clock.drift),
          initialState: initialState, limits: setup.plan.limits)
      })
    world = World(
      network: NetworkState(
        model: environment.network, membership: setup.membership, seed: setup.plan.seed),
      held: Array(repeating: [], count: count * count), cpu: ProcessorCosts(environment.cpu),
      disk: environment.disk, diskSampler: environment.disk.sync.map(LatencySampler.init),
      checksInvariants: setup.checksInvariants)
    clients = ClientDriver(
      load: load, count: setup.plan.workload.clients, replicas: setup.membership.replicas,
      arrival: setup.plan.workload.arrival, timeout: setup.plan.workload.timeout,
      thinkTime: setup.plan.workload.thinkTime,
      random: RandomStream(seed: setup.plan.seed, purpose: .arrivals),
      patience: setup.plan.workload.patience,
      retries: setup.plan.retries(overTCP: environment.network.transport == .tcp),
      limitsOutstanding: setup.plan.workload.limitsOutstanding,
      firstAsked: setup.plan.firstAsked(of: setup.membership.replicas) { client in
        environment.network.nearestReplica(
          toClient: client, of: setup.membership.replicas.count)
      }, limits: setup.plan.loadLimits, probes: setup.plan.probes)
    ledger = FaultLedger(drifts: Array(repeating: 0, count: count))
    faultRandom = RandomStream(seed: setup.plan.seed, purpose: .faults)
    plannedFaults = PlannedFault.plan(
      setup.plan.faults, duration: setup.plan.duration, random: &faultRandom)
  }

  public var load: Load {
    _read { yield clients.load }
    _modify { yield &clients.load }
  }

  /// Runs the trial to its end.
  /// - Parameter progress: called about every 2¹⁴ events with the virtual time and the number of
  ///   events so far; returns false to stop.
  /// - Returns: `nil` if `progress` stopped the trial.
  public mutating func run(
    progress: (Interval, Int) -> Bool = { _, _ in true }
  ) -> TrialRecord? {
    prepare()
    let crashes = plannedFaults.contains { if case .crash = $0.action { true } else { false } }
    if !crashes { for number in nodes.indices { nodes[number].stopKeepingLog() } }
    guard advance(to: .zero + setup.plan.duration, progress: progress) else { return nil }
    measuredEnd = doneAt < .never ? doneAt + .nanoseconds(1) : .zero + setup.plan.duration
    world.now = measuredEnd
    isOver = true
    let usages = nodes.elements.map { usage(of: $0) }
    clients.close(at: world.now)
    nextLeadershipSample = .never
    settle()
    return record(usages: usages)
  }

  public mutating func prepare() {
    if let every = setup.plan.traceEvery { world.causes.begin(every: every) }
    for number in nodes.indices { nodes[number].start(in: &world) }
    for (index, fault) in plannedFaults.enumerated() {
      world.schedule(.faultStarts(index), at: fault.start)
    }
    world.schedule(.warmUpEnds, at: .zero + setup.plan.warmUp)
    clients.start(until: .zero + setup.plan.duration, in: &world)
  }

  /// Processes all events up to and including `end`, or until the load is done.
  public mutating func advance(to end: Instant, progress: (Interval, Int) -> Bool) -> Bool {
    while !world.queue.isEmpty, world.queue.nextTime <= (isOver ? end : min(end, doneAt)) {
      let time = world.queue.nextTime
      if rarely(time >= nextLeadershipSample) { sampleLeadership(before: time) }
      world.now = time
      eventCount += 1
      if rarely(eventCount & 0x3FFF == 0), !progress(time - .zero, eventCount) {
        return false
      }
      happenNext()
    }
    return true
  }

  public mutating func happenNext() {
    if rarely(world.causes.isOn) {
      world.causes.current = world.causes.recordOfSlot[world.queue.firstSlot]
    }
    switch world.queue.pop() {
    case .message(let message, var envelope):
      if let time = world.reception(of: envelope) {
        envelope.stage = .received
        world.schedule(.message(message, envelope), at: time)
        return
      }
      guard usually(world.reachesItsProcess(envelope)) else { return }
      trace(.message, envelope.to)
      nodes[envelope.to].arrive(
        message, from: envelope.from, bytes: envelope.bytes, in: &world)
    case .request(let request, var envelope):
      if let time = world.reception(of: envelope, isRequest: true) {
        envelope.stage = .received
        world.schedule(.request(request, envelope), at: time)
        return
      }
      guard usually(world.reachesItsProcess(envelope)) else { return }
      trace(.request, envelope.to)
      nodes[envelope.to].arrive(request, bytes: envelope.bytes, in: &world)
    case .reply(let reply, let node):
      trace(.reply, Int(truncatingIfNeeded: reply.id.client.rawValue))
      if rarely(world.causes.isOn) { noteAnswer(reply) }
      clients.receive(
        reply, from: ReplicaID(node), at: world.now, in: &world)
      if let time = clients.limits.doneAt { doneAt = time }
    case .turn(let node, let incarnation):
      guard usually(nodes[node].incarnation == incarnation) else { return }
      trace(.turn, node)
      nodes[node].takeTurn(in: &world)
    case .timer(let node, let timer, let incarnation):
      guard usually(nodes[node].incarnation == incarnation) else { return }
      trace(.timer, node)
      nodes[node].timerEvent(timer, in: &world)
    case .synced(let node, let incarnation):
      guard usually(nodes[node].incarnation == incarnation) else { return }
      trace(.synced, node)
      nodes[node].syncEnded(in: &world)
    case .stored(let node, let incarnation):
      guard usually(nodes[node].incarnation == incarnation) else { return }
      trace(.stored, node)
      nodes[node].storeEnded(in: &world)
    case .hasReadLog(let node, let incarnation):
      guard usually(nodes[node].incarnation == incarnation) else { return }
      trace(.hasReadLog, node)
      nodes[node].restart(in: &world)
    case .disconnected(let node, let other):
      trace(.disconnected, node)
      nodes[node].arrive(disconnectedFrom: other, in: &world)
    case .retransmission(let link):
      trace(.retransmission, link)
      world.retransmit(link: link)
    case .client(let event):
      clients.handle(event, at: world.now, in: &world)
    // The load was done before the fault.
    case .faultStarts where isOver && doneAt < .never: break
    case .faultStarts(let index):
      trace(.faultStarts, index)
      startFault(index)
    case .faultEnds(let index):
      trace(.faultEnds, index)
      endFault(index)
    case .warmUpEnds:
      for number in nodes.indices { nodes[number].startMeasuring(at: world.now) }
      world.network.startMeasuring(at: world.now)
    }
  }

  /// What an event is in `traceHash`.
  public enum TraceCode: UInt64 {
    case message = 1
    case request, reply, turn, timer, synced, faultStarts, faultEnds, disconnected, hasReadLog
    case stored, retransmission
  }

  public mutating func trace(_ code: TraceCode, _ place: Int) {
    let time = UInt64(bitPattern: world.now.nanoseconds)
    let word = time &* 31 &+ code.rawValue &* 1_000_003 &+ UInt64(place)
    traceHash = (traceHash ^ word) &* 0x100_0000_01B3
    traceHash ^= traceHash >> 29
  }

  /// The leader: among the replicas that are up and lead, the one with the highest epoch.
  public func leader() -> Int? {
    targeting.leader(among: views)
  }

  public static var leadershipInterval: Interval { .milliseconds(1) }

  /// Records who leads, once per millisecond: the state at the next sample's time, which holds
  /// until the event at `time`. Sampling is not an event, so that it changes only the record.
  public mutating func sampleLeadership(before time: Instant) {
    leadership.note(views, targeting, at: nextLeadershipSample)
    let samples = time.nanoseconds / Self.leadershipInterval.nanoseconds + 1
    nextLeadershipSample = .zero + Self.leadershipInterval * Int(samples)
  }

  /// After the measured part: ends all faults and lets the cluster settle, so that lost writes can
  /// be found. The clients are silent, and nothing here is measured.
  public mutating func settle() {
    for index in ledger.entries.keys.sorted() { endFault(index) }
    for link in world.held.indices { world.retransmit(link: link) }
    let limit = world.now + setup.settling
    while world.now < limit {
      let pause = world.now + .milliseconds(50)
      _ = advance(to: pause) { _, _ in true }
      world.now = pause
      if hasSettled { return }
    }
  }

  /// Whether there is a leader, and all replicas have applied all entries that any replica has
  /// committed.
  public var hasSettled: Bool {
    leader() != nil
      && setup.membership.replicas.allSatisfy {
        nodes[$0.index].isUp && nodes[$0.index].commits.count >= world.committed.count
      }
  }
}
