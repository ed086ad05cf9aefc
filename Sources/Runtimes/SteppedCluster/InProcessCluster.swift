import Primitives
import Replication

/// All cores of a cluster in one thread, connected by queues in memory. There is no clock and no
/// disk, and only the caller causes faults. Tests step protocols with it by hand, and `bench`
/// measures bare cores.
///
/// Messages are delivered in the order in which they were sent, each link FIFO. Records are durable
/// at once unless `holdsDisk` is true. Timers fire only when the caller fires them.
public struct InProcessCluster<Core: ReplicaCore> {
  public typealias Envelope = SteppedEnvelope<Core.Message>

  public struct Node {
    public var core: Core
    /// Durable records, oldest first.
    public var records: [Core.Record] = []
    /// Commits so far, in order.
    public var commits: [Effects<Core>.Commit] = []
    public var committedCount = 0
    public var committedRequests = 0
    public var reads: [ReadTicket] = []
    public var refusedBatches: [Effects<Core>.Refusal<Batch>] = []
    public var refusedReads: [Effects<Core>.Refusal<ReadTicket>] = []
    /// Replicas that lack entries that have left the log of this one.
    public var snapshotRequests: [ReplicaID] = []
    /// The ranges of the timers that are set, by index.
    public var timers: [ClosedRange<Interval>?]
    /// When each timer that is set is due, used by `fireNextTimer`.
    public var timerDue: [Instant]
    public var isUp = true
    /// Records and sends of turns whose sync is withheld.
    public var unsynced: [Core.Record] = []
    public var heldSends: [Envelope] = []
    /// While true, records stay volatile and `send`s wait, as during a long sync.
    public var holdsDisk = false

    public init(core: Core) {
      self.core = core
      timers = Array(repeating: nil, count: Core.Timer.count)
      timerDue = Array(repeating: .zero, count: Core.Timer.count)
    }
  }

  public let membership: Membership
  public let options: Core.Options
  public var nodes: [Node] = []
  /// Messages that are queued for delivery, oldest first.
  public var inFlight: [Envelope] = []
  public var now = Instant.zero
  /// Whether `commits` and `records` are kept; benchmarks only count.
  public let keepsHistory: Bool
  /// Messages for which this returns false are lost.
  public var delivers: (Envelope) -> Bool = { _ in true }
  public var deliveredCount = 0
  /// The messages that `run` has taken out of the queue, last one first.
  public var delivering: [Envelope] = []
  public var effects = Effects<Core>()

  public init(membership: Membership, options: Core.Options, keepsHistory: Bool = true) {
    self.membership = membership
    self.options = options
    self.keepsHistory = keepsHistory
    for number in 0..<membership.nodeCount {
      let core = Core(id: ReplicaID(number), membership: membership, options: options)
      nodes.append(Node(core: core))
    }
    for number in 0..<membership.nodeCount { handle(.started, at: ReplicaID(number)) }
  }

  /// Hands one event to one core, as a turn of its own, and carries out its effects; messages are
  /// queued, not delivered.
  public mutating func handle(_ event: consuming Event<Core>, at id: ReplicaID) {
    guard nodes[id.index].isUp else { return }
    nodes[id.index].core.handle(event, at: now, into: &effects)
    carryOut(at: id)
  }

  /// Lets the caller change one core in a way that no event does, and carries out the effects.
  public mutating func perform(
    at id: ReplicaID, _ body: (inout Core, Instant, inout Effects<Core>) -> Void
  ) {
    guard nodes[id.index].isUp else { return }
    body(&nodes[id.index].core, now, &effects)
    carryOut(at: id)
  }

  /// Delivers messages until the queue is empty or `limit` have been delivered; returns whether it
  /// is empty.
  @discardableResult
  public mutating func run(limit: Int = .max) -> Bool {
    var remaining = limit
    while remaining > 0, !inFlight.isEmpty {
      // The queue is taken as a whole and turned around, because an array gives away only its last
      // element without copying it.
      swap(&inFlight, &delivering)
      delivering.turnAround()
      while remaining > 0, !delivering.isEmpty {
        let envelope = delivering.removeLast()
        remaining -= 1
        guard envelope.from == envelope.to || delivers(envelope) else { continue }
        deliveredCount += 1
        handle(.received(envelope.message, from: envelope.from), at: envelope.to)
      }
    }
    if !delivering.isEmpty {
      delivering.turnAround()
      inFlight = delivering + inFlight
      delivering.removeAll(keepingCapacity: true)
    }
    return inFlight.isEmpty
  }

  /// Fires a timer if it is set; returns whether it was.
  @discardableResult
  public mutating func fire(_ timer: Core.Timer, at id: ReplicaID) -> Bool {
    guard nodes[id.index].isUp, let range = nodes[id.index].timers[timer.index] else {
      return false
    }
    nodes[id.index].timers[timer.index] = nil
    now = now + range.lowerBound
    handle(.timerFired(timer), at: id)
    return true
  }

  /// Advances the time until the next timer of any node is due, and fires it. Within its range a
  /// timer is due later the higher its node's number is, so that nodes do not act in step.
  /// - Returns: whether a timer was set at all.
  @discardableResult
  public mutating func fireNextTimer() -> Bool {
    var next: (node: Int, timer: Int, due: Instant)?
    for node in nodes.indices where nodes[node].isUp {
      for timer in nodes[node].timers.indices where nodes[node].timers[timer] != nil {
        let due = nodes[node].timerDue[timer]
        if next.map({ due < $0.due }) ?? true { next = (node, timer, due) }
      }
    }
    guard let next else { return false }
    now = max(now, next.due)
    nodes[next.node].timers[next.timer] = nil
    handle(.timerFired(Core.Timer(index: next.timer)), at: ReplicaID(next.node))
    return true
  }

  /// Ends a process: records that were not durable are lost, and so are messages to it.
  public mutating func crash(_ id: ReplicaID) {
    nodes[id.index].isUp = false
    nodes[id.index].unsynced = []
    nodes[id.index].heldSends = []
    nodes[id.index].holdsDisk = false
    nodes[id.index].timers = Array(repeating: nil, count: Core.Timer.count)
    inFlight.removeAll { $0.to == id }
  }

  /// Starts a crashed process from its durable records.
  public mutating func restart(_ id: ReplicaID) {
    var core = Core(id: id, membership: membership, options: options)
    for record in nodes[id.index].records { core.recover(record) }
    nodes[id.index].core = core
    nodes[id.index].isUp = true
    nodes[id.index].commits = []
    nodes[id.index].committedCount = 0
    nodes[id.index].committedRequests = 0
    handle(.started, at: id)
  }

  /// Ends a withheld sync: records become durable, then the sends that waited for them leave.
  public mutating func releaseDisk(_ id: ReplicaID) {
    nodes[id.index].holdsDisk = false
    nodes[id.index].records += nodes[id.index].unsynced
    inFlight += nodes[id.index].heldSends
    nodes[id.index].unsynced = []
    nodes[id.index].heldSends = []
  }

  public mutating func carryOut(at id: ReplicaID) {
    nodes[id.index].core.endTurn(at: now, into: &effects)
    effects.turnSends()
    while let receiver = effects.earlySends.lastReceiver {
      inFlight.append(Envelope(message: effects.takeEarlySend(), from: id, to: receiver))
    }
    if nodes[id.index].holdsDisk {
      nodes[id.index].unsynced += effects.records
      while let receiver = effects.sends.lastReceiver {
        nodes[id.index].heldSends.append(
          Envelope(message: effects.takeSend(), from: id, to: receiver))
      }
    } else {
      if keepsHistory { nodes[id.index].records += effects.records }
      while let receiver = effects.sends.lastReceiver {
        inFlight.append(Envelope(message: effects.takeSend(), from: id, to: receiver))
      }
    }
    for change in effects.timerChanges {
      switch change {
      case .set(let timer, let range):
        let share = (range.upperBound - range.lowerBound) * id.index / nodes.count
        nodes[id.index].timers[timer.index] = range
        nodes[id.index].timerDue[timer.index] = now + range.lowerBound + share
      case .cancel(let timer): nodes[id.index].timers[timer.index] = nil
      }
    }
    for commit in effects.commits {
      precondition(
        commit.index.rawValue == nodes[id.index].committedCount + 1, "commits are contiguous")
      nodes[id.index].committedCount += 1
      nodes[id.index].committedRequests += commit.batch.count
      if keepsHistory { nodes[id.index].commits.append(commit) }
    }
    if keepsHistory {
      nodes[id.index].reads += effects.reads
      nodes[id.index].refusedBatches += effects.refusedBatches
      nodes[id.index].refusedReads += effects.refusedReads
      nodes[id.index].snapshotRequests += effects.snapshotRequests
    }
    effects.removeAll()
  }
}

/// A message that is queued for delivery.
public struct SteppedEnvelope<Message> {
  public var message: Message
  public var from: ReplicaID
  public var to: ReplicaID

  public init(message: Message, from: ReplicaID, to: ReplicaID) {
    self.message = message
    self.from = from
    self.to = to
  }
}
