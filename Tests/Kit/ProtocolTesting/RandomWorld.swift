import Primitives
import Replication
import SteppedCluster

// Random schedules: a seed decides which message arrives next, what is lost and doubled, which
// timer fires, which disk lags, which process crashes. After each step the world looks whether
// anything happened that never may. What a protocol's world does and looks at beyond the common is
// in its own tests; how often each thing happens is a table there.

/// What may happen next. `Own` are the acts of one protocol's world.
public enum RandomAct<Timer: Sendable, Own: Sendable>: Sendable {
  /// One message arrives, is lost, or arrives and stays on its way for a second time.
  case deliver
  /// A client asks for an update, or for a read.
  case propose
  case read
  case fire(Timer)
  /// One replica is cut off from all others; if one is, that ends.
  case isolate
  case slowDisk
  case releaseDisk
  case crash
  case restart
  /// A crash that is too short for others to see.
  case crashAndRestart
  case own(Own)
}

/// How messages travel in a random schedule.
public struct RandomNetwork: Sendable {
  /// The next message to arrive is one of so many oldest, or any one with the chance `overtaking`.
  public var window: Int
  public var overtaking: Double
  public var loss: Double
  public var duplication: Double

  public init(window: Int, overtaking: Double = 0, loss: Double, duplication: Double) {
    self.window = window
    self.overtaking = overtaking
    self.loss = loss
    self.duplication = duplication
  }
}

/// A cluster in a random schedule, and what was seen of it.
public struct RandomRun<Core: ReplicaCore> {
  public var cluster: InProcessCluster<Core>
  public var random: RandomStream
  /// What is wrong, at the first moment it was seen.
  public var failure: String?
  /// What was committed at each index first.
  public private(set) var witness = CommitWitness()
  /// The last entry of which a client was told.
  public private(set) var answeredThrough = 0
  /// Reads that were answered and had to see all that was answered before them.
  public private(set) var readCount = 0
  public private(set) var lastProposed: UInt64 = 0
  /// How often each node has started.
  public private(set) var incarnations: [UInt64]
  /// How many disks each node has lost.
  public private(set) var generations: [UInt64]
  /// Starts a node again on a disk of this generation.
  public var start: (inout InProcessCluster<Core>, ReplicaID, _ generation: UInt64) -> Void = {
    cluster, id, _ in cluster.restart(id)
  }
  /// Cut off from all others.
  var isolated: ReplicaID?
  /// By ticket: what a read must see, and whether it has been answered or refused.
  var readFloors: [Int] = []
  private var closedReads: Set<UInt64> = []
  private var seenCommits: [Int]
  private var seenReads: [Int]
  private var seenRefusals: [Int]

  public init(_ cluster: InProcessCluster<Core>, seed: UInt64) {
    self.cluster = cluster
    random = RandomStream(seed: seed)
    incarnations = Array(repeating: 1, count: cluster.nodes.count)
    generations = Array(repeating: 0, count: cluster.nodes.count)
    seenCommits = Array(repeating: 0, count: cluster.nodes.count)
    seenReads = seenCommits
    seenRefusals = seenCommits
  }

  public mutating func fail(_ what: String) { failure = failure ?? what }

  public mutating func anyone() -> ReplicaID { ReplicaID(random.below(cluster.nodes.count)) }

  /// Any of those of which this holds; `nil` if there are none.
  public mutating func anyone(where isSo: (ReplicaStatus) -> Bool) -> ReplicaID? {
    let some = cluster.nodes.indices.filter {
      cluster.nodes[$0].isUp && isSo(cluster.nodes[$0].core.status)
    }
    return some.isEmpty ? nil : ReplicaID(some[random.below(some.count)])
  }

  public mutating func propose(at id: ReplicaID) {
    lastProposed += 1
    cluster.propose(lastProposed, at: id)
  }

  /// Asks for a read that must see all that clients were told of, or even all that was committed.
  public mutating func read(at id: ReplicaID, seesCommitted: Bool) {
    readFloors.append(seesCommitted ? witness.batches.count : answeredThrough)
    cluster.read(UInt64(readFloors.count - 1), at: id)
  }

  public mutating func crash(_ id: ReplicaID) {
    guard cluster.isUp(id) else { return }
    cluster.crash(id)
    // What a process sends to itself dies with it.
    cluster.inFlight.removeAll { $0.from == id && $0.to == id }
  }

  public mutating func restart(_ id: ReplicaID) {
    guard !cluster.isUp(id) else { return }
    seenCommits[id.index] = 0
    incarnations[id.index] += 1
    start(&cluster, id, generations[id.index])
  }

  /// A crash that takes the disk.
  public mutating func loseDisk(_ id: ReplicaID) {
    crash(id)
    generations[id.index] += 1
    cluster.nodes[id.index].records = []
  }

  /// Ends all faults and delivers what is on its way.
  public mutating func endFaults() {
    isolated = nil
    cluster.heal()
    for id in cluster.nodes.indices.map({ ReplicaID($0) }) {
      restart(id)
      cluster.releaseDisk(id)
    }
    cluster.run(limit: 20_000)
  }

  /// - Returns: the replica that a message arrived at.
  mutating func deliver(_ network: RandomNetwork) -> ReplicaID? {
    guard !cluster.inFlight.isEmpty else { return nil }
    let all = cluster.inFlight.count
    let reach = random.chance(network.overtaking) ? all : min(network.window, all)
    let envelope = cluster.inFlight.remove(at: random.below(reach))
    if envelope.from != envelope.to {
      if random.chance(network.loss) || !cluster.delivers(envelope) { return nil }
      if let isolated, (envelope.from == isolated) != (envelope.to == isolated) { return nil }
      if random.chance(network.duplication) { cluster.inFlight.append(envelope) }
    }
    cluster.handle(.received(envelope.message, from: envelope.from), at: envelope.to)
    return envelope.to
  }

  /// Looks at what the last events at a node can have changed. `countsReads` is false where an
  /// answer would not reach the client.
  mutating func inspect(_ id: ReplicaID, countsReads: Bool) {
    let index = id.index
    if cluster.nodes[index].isUp, let violation = cluster.nodes[index].core.invariantViolation() {
      fail("\(id): \(violation)")
    }
    let commitCount = cluster.nodes[index].commits.count
    if commitCount > seenCommits[index] {
      let commits = cluster.nodes[index].commits[seenCommits[index]...]
      witness.note(commits)
      if let place = witness.disagreement { fail("replicas disagree on entry \(place)") }
      if let last = commits.last(where: \.answering)?.index.rawValue {
        answeredThrough = max(answeredThrough, last)
      }
      seenCommits[index] = commitCount
    }
    inspectReads(index, countsReads: countsReads)
  }

  private mutating func inspectReads(_ index: Int, countsReads: Bool) {
    let (reads, refusals) = (cluster.nodes[index].reads, cluster.nodes[index].refusedReads)
    guard reads.count > seenReads[index] || refusals.count > seenRefusals[index] else { return }
    let answered = reads[seenReads[index]...]
    for ticket in answered where countsReads {
      readCount += 1
      if cluster.nodes[index].committedCount < readFloors[Int(ticket.rawValue)] {
        fail("\(index) served a stale read")
      }
    }
    for ticket in answered + refusals[seenRefusals[index]...].map(\.refused)
    where !closedReads.insert(ticket.rawValue).inserted {
      fail("a read was answered twice")
    }
    seenReads[index] = reads.count
    seenRefusals[index] = refusals.count
  }
}

/// A protocol's world under random schedules.
public protocol RandomWorld {
  associatedtype Core: ReplicaCore
  associatedtype Own: Sendable
  typealias Act = RandomAct<Core.Timer, Own>

  /// How often each thing happens, in shares of their sum.
  static var weights: [(share: Int, act: Act)] { get }
  static var network: RandomNetwork { get }
  /// Whether a read must see all that any replica had committed when it was asked for, and not only
  /// what clients had been told.
  static var readsSeeCommitted: Bool { get }

  var run: RandomRun<Core> { get set }

  mutating func perform(_ act: Own)
  /// Whether a read that this replica answers reaches the client.
  func answersReach(_ id: ReplicaID) -> Bool
  /// Looks at what this protocol alone promises, after something happened to a replica.
  mutating func inspect(_ id: ReplicaID)
}

extension RandomWorld {
  public static var readsSeeCommitted: Bool { false }
  public func answersReach(_ id: ReplicaID) -> Bool { true }
  public mutating func inspect(_ id: ReplicaID) {}

  /// Random steps until something is wrong, or so many have been done.
  public mutating func step(_ count: Int) {
    let total = Self.weights.reduce(0) { $0 + $1.share }
    for step in 0..<count where run.failure == nil {
      var rest = run.random.below(total)
      for (share, next) in Self.weights {
        rest -= share
        if rest < 0 {
          look(at: act(next))
          break
        }
      }
      if let failure = run.failure { run.failure = "step \(step): \(failure)" }
    }
  }

  /// Looks at one node, or at all of them.
  public mutating func look(at id: ReplicaID?) {
    for other in id.map({ [$0] }) ?? run.cluster.nodes.indices.map({ ReplicaID($0) }) {
      run.inspect(other, countsReads: answersReach(other))
      inspect(other)
    }
  }

  /// Lets one thing happen to one replica, and says to which, or that it may have been several.
  private mutating func act(_ act: Act) -> ReplicaID? {
    let id = run.anyone()
    switch act {
    case .deliver: return run.deliver(Self.network) ?? id
    case .propose:
      let target = run.random.chance(0.5) ? run.anyone { $0.isInCharge } ?? id : id
      run.propose(at: target)
      return target
    case .read:
      let target = run.random.chance(0.5) ? run.anyone { $0.isTail } ?? id : id
      run.read(at: target, seesCommitted: Self.readsSeeCommitted)
      return target
    case .fire(let timer): run.cluster.fire(timer, at: id)
    case .isolate: run.isolated = run.isolated == nil ? id : nil
    case .slowDisk: run.cluster.slowDisk(id)
    case .releaseDisk: run.cluster.releaseDisk(id)
    case .crash: run.crash(id)
    case .restart: run.restart(id)
    case .crashAndRestart:
      run.crash(id)
      run.restart(id)
    case .own(let own):
      perform(own)
      return nil
    }
    return id
  }
}

extension RandomWorld where Own == Never {
  public mutating func perform(_ act: Never) {}
}
