import CLinux
import ClusterMessages
import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Sockets
import Trials
import WriteAheadLog

/// A node of a real cluster: a replica's host, its log, its connections and its timers, on one
/// thread.
///
/// A turn has these steps: wait until something is ready; read all of it; decode it and hand it to
/// the host; send early messages and replies; write and sync the turn's records once; then send the
/// messages that promise these records. A busy node lets the log's thread write and sync, and
/// continues with further turns, which then share the next sync (`sync`). Everything that a turn
/// sends over one connection leaves in one write.
///
/// Faults are injected into real operation: links are cut and degraded where frames leave and
/// enter, syncs are held up where the log reports them done, and the clock is distorted where it is
/// read.
public struct ClusterNode<Core: ReplicaCore, Application: StateMachine>: ~Copyable {
  public typealias Host = ReplicaHost<Core, Application>

  public let settings: NodeSettings
  public let number: Int
  public var host: Host
  public var log: WriteAheadLog
  public var barrier: DurabilityBarrier<Core.Message>
  public let loop: EventLoop
  public let listener: Int32
  /// How often the node has started. Its frames carry this number.
  public let incarnation: UInt32

  public var inbound: [Inbound] = []
  public var freeSlots: [Int] = []
  public var peers: [PeerLink]
  /// The latest incarnation of each peer, by node; `nil` until the peer has said hello.
  public var knownPeers: [KnownPeer?]
  /// Number of connections accepted so far, and how many may be open at a time.
  public var acceptedCount: UInt64 = 0
  public var connectionLimit: Int
  /// False while connections cannot be accepted.
  public var watchesListener = true
  /// Connections and peers with bytes to send.
  public var dirtySlots: [Int] = []
  public var dirtyPeers: [Int] = []
  /// The connection that carries each client's replies: its slot and generation.
  public var clients = FlatTable<ClientID, UInt64>()
  /// Connections of runners, which get a report of every change of leadership.
  public var runnerSlots: [Int] = []
  public var toldStatus: ReplicaStatus?
  public var holdsClientsBack = false
  /// Bytes that were allocated before this node had any data.
  public let emptyByteCount: Int
  /// Bytes that the buffers of all clients' connections take.
  public var clientByteCount = 0
  /// Until when a peer counts as alive because of a large frame to or from it, or because it has
  /// announced that it may be silent.
  public var transferEndsAt: Instant?
  /// When this node may next announce that it may be silent.
  public var nextNotice = Instant.zero
  /// The size of the largest frame of which this turn has received a part, and the bytes of the
  /// block that the log's thread is writing.
  public var arrivingByteCount = 0
  public var committingByteCount = 0
  /// Bytes of the frames that this turn has handled so far.
  public var handledByteCount = 0

  public var clock: NodeClock
  /// Per timer: when it is due by the timer clock; `.never` if it is not set.
  public var timerDue: [Instant]
  /// The time of this turn so far. It is read again after each read from a connection, so that the
  /// core never judges a message at a time before it was received: a process may be stopped inside
  /// a turn, and a lease that was valid before may have expired.
  public var now: Instant
  public var ownMessages: [Core.Message] = []
  public var stamps = RequestStamps()

  public var faults: NodeFaults
  public var faultsAreActive = false
  public var heldFrames = EventQueue<HeldFrame>()
  public var heldByteCount = 0
  /// When this node's interface, narrowed by a fault, will have sent all bytes it was given.
  public var interfaceFreeAt = Instant.zero
  public var faultRandom: RandomStream
  /// A sync that a fault holds up: how many records it covers, and when it ends.
  public var heldSync: (target: Int, endsAt: Instant)?

  /// Whether the event loop watches the signal of the log's thread.
  public var watchesCommits = false
  /// Whether the log's thread has finished the commit it was given.
  public var commitHasEnded = false
  /// How much of the log's padding the host has counted as growth of the log.
  public var countedPadding = 0

  public var snapshots: SnapshotFiles
  public var watchesSnapshots = false
  public var snapshotIsWritten = false
  public var nextSnapshotPart = Instant.zero

  public var counters: NodeUsage
  public var violation: String?
  public var sweepAt = Instant.zero
  /// When the next peer must be dialled or its attempt given up.
  public var dialAt = Instant.zero
  public var warningCount = 0

  /// Opens the log, listens, and recovers from the log.
  public init(_ settings: NodeSettings, options: Core.Options) throws {
    let number = settings.node.index
    let loop = try EventLoop()
    let emptyByteCount = Memory.allocatedByteCount
    var account = RecoveryAccount(node: number)
    var log = try WriteAheadLog(
      directory: settings.directory,
      identity: LogIdentity(
        cluster: settings.cluster, protocolName: settings.protocolName, node: number),
      opening: settings.opening, syncs: settings.syncs,
      progress: { account.note("segment \($0) is read") })
    // Before recovering, so that nodes and clients that dial wait instead of being refused.
    let listener = try settings.endpoints[number].listen()
    var isKept = false
    defer { if !isKept { Descriptor.close(listener) } }
    var recovered = Host(
      id: settings.node, membership: settings.membership, options: options,
      seed: settings.seed &+ log.incarnation &* 0x9E37_79B9, limits: settings.limits)
    recovered.builder.batchesMayLeaveMemory = true
    recovered.useHashSecret(settings.hashSecret)
    if log.card.generation > 0 { recovered.core.takePlace(generation: log.card.generation) }
    var snapshots = try log.openSnapshots()
    try log.recoverRecords(Core.Record.self) {
      recovered.recover($0)
      account.noteRecord()
    }
    try recovered.recoverSnapshot(from: &snapshots, of: log) {
      account.note("\($0 >> 20) MiB of the snapshot are read")
    }
    recovered.snapshots.logByteCount += log.recoveredPadding(
      behind: recovered.snapshots.checkpoint?.firstRecord ?? 0)
    isKept = true
    // No statement after this may throw, because a noncopyable value must be initialised
    // completely.
    self.settings = settings
    self.number = number
    self.loop = loop
    self.emptyByteCount = emptyByteCount
    self.listener = listener
    incarnation = UInt32(truncatingIfNeeded: log.incarnation)
    host = recovered
    barrier = DurabilityBarrier(recovered: log.recordCount)
    peers = settings.endpoints.map { PeerLink(endpoint: $0) }
    knownPeers = Array(repeating: nil, count: settings.endpoints.count)
    connectionLimit = max(
      min(NodeLimits.connections, Descriptor.raiseLimit() - NodeLimits.reservedDescriptors), 8)
    clock = NodeClock(skew: settings.clockSkew, drift: settings.clockDrift)
    timerDue = Array(repeating: .never, count: Core.Timer.count)
    faults = NodeFaults(nodeCount: settings.endpoints.count)
    faultRandom = RandomStream(seed: settings.seed &+ log.incarnation, purpose: .faults)
    now = MonotonicClock.now()
    counters = NodeUsage(node: number, logRecords: log.recordCount)
    clients.rekey(settings.hashSecret)
    self.snapshots = snapshots
    self.log = log
  }

  /// Runs until the log fails or `isStopped` returns true; it is called at least every 100 ms.
  public mutating func run(until isStopped: () -> Bool) throws {
    try start()
    while !isStopped() { try turn(atMost: .milliseconds(100)) }
  }

  public mutating func start() throws {
    loop.add(listener, token: Token.listener)
    now = MonotonicClock.now()
    host.start(at: clock.reading(at: now))
    try finishTurn()
  }

  /// Runs one turn, which waits at most for the given time for something to do.
  public mutating func turn(atMost limit: Interval) throws {
    var count = loop.wait(atMost: min(nextDeadline - now, limit))
    now = MonotonicClock.now()
    if stamps.isOn { stamps.beginTurn(at: now) }
    let busyBeforeNs = faults.slowness > 1 ? linux_processor_time() : nil
    // Bytes that arrive while the turn reads join it, within limits: this makes fewer, larger
    // batches.
    var looks = 0
    handledByteCount = 0
    while count > 0 {
      for position in 0..<count { handleReady(loop.ready[position]) }
      guard looks < NodeLimits.looksPerTurn, mayReadMore else { break }
      looks += 1
      count = loop.wait(atMost: .zero)
    }
    if commitHasEnded {
      stamps.followsSync = true
      try finishSync()
    }
    if snapshotIsWritten { finishSnapshotWriting() }
    fireTimers()
    releaseHeld()
    if now >= dialAt { dialPeers() }
    try finishTurn()
    if now >= sweepAt { sweep() }
    if let busyBeforeNs { slowDown(since: busyBeforeNs) }
  }

  deinit {
    for connection in inbound where connection.isOpen { Descriptor.close(connection.descriptor) }
    for peer in peers where peer.descriptor >= 0 { Descriptor.close(peer.descriptor) }
    Descriptor.close(listener)
  }

  /// Monotonic time at which something must be done even if nothing arrives.
  public var nextDeadline: Instant {
    var deadline = min(sweepAt, dialAt)
    for due in timerDue where due != .never {
      deadline = min(deadline, clock.trueTime(ofTimer: due, from: now))
    }
    if !heldFrames.isEmpty { deadline = min(deadline, heldFrames.nextTime) }
    if let heldSync { deadline = min(deadline, heldSync.endsAt) }
    deadline = min(deadline, snapshotDeadline)
    return max(deadline, now)
  }

  public mutating func handleReady(_ ready: linux_ready) {
    switch Token.kind(of: ready.token) {
    case .listener: acceptAll()
    case .inbound:
      let slot = Token.index(of: ready.token)
      guard inbound[slot].isOpen, inbound[slot].generation == Token.generation(of: ready.token)
      else { return }
      if ready.writable != 0 { flushInbound(slot) }
      // The loop reports in the next turn what is not read in this one.
      if mayReadMore, ready.readable != 0 || ready.broken != 0 { readInbound(slot) }
    case .peer:
      handlePeerReady(Token.index(of: ready.token), ready)
    case .log: commitHasEnded = true
    case .snapshots: snapshotIsWritten = true
    }
  }

  private var mayReadMore: Bool { handledByteCount < NodeLimits.turnInput }

  public mutating func fireTimers() {
    let time = clock.timerTime(at: now)
    for timer in timerDue.indices where timerDue[timer] <= time {
      timerDue[timer] = .never
      // Skips a timer that this turn has set again or cancelled, because the old setting no longer
      // holds.
      guard !host.hasChangedTimer(timer) else { continue }
      if isTransferring, Core.Timer(index: timer).waitsForOthers {
        timerDue[timer] = time + LargeMessage.delay
        continue
      }
      host.fire(Core.Timer(index: timer), at: clock.reading(at: now))
    }
  }

  /// Whether a peer has shown a sign of life by a large frame, behind which its smaller messages
  /// wait, and on which its answer depends.
  private var isTransferring: Bool {
    transferEndsAt.map { now < $0 } ?? false
  }

  /// Runs once a second: closes connections that have not said hello in time and those of silent
  /// clients, and watches the listener again if it was not watched.
  public mutating func sweep() {
    sweepAt = now + .seconds(1)
    for slot in inbound.indices
    where inbound[slot].isOpen && inbound[slot].role == nil
      && now - inbound[slot].openedAt > NodeLimits.helloDeadline
    {
      if !inbound[slot].isClosing { warn("a connection that did not say hello is closed") }
      closeInbound(slot)
    }
    for slot in inbound.indices
    where inbound[slot].isSilent(at: now, for: NodeLimits.clientSilence) { closeInbound(slot) }
    guard !watchesListener else { return }
    watchesListener = true
    loop.add(listener, token: Token.listener)
  }

  /// Sleeps so that the node's computing takes longer by the fault's factor; its waiting does not.
  public func slowDown(since busyBeforeNs: Int64) {
    let spent = Interval(nanoseconds: linux_processor_time() - busyBeforeNs)
    Descriptor.sleep(for: spent.scaled(by: max(faults.slowness - 1, 0)))
  }

  /// Writes a line to the node's standard error, at most a hundred times.
  public mutating func warn(_ text: String) {
    warningCount += 1
    guard warningCount <= 100 else { return }
    Descriptor.writeError("node \(number): \(text)")
  }
}

/// Reports at intervals how far a node's recovery has come, so that the process waiting for it does
/// not give it up.
struct RecoveryAccount {
  let node: Int
  private var recordCount = 0
  private var nextAt = MonotonicClock.now() + RecoveryAccount.pause

  private static let pause = Interval.milliseconds(500)

  init(node: Int) { self.node = node }

  mutating func noteRecord() {
    recordCount += 1
    if recordCount.isMultiple(of: 256) { note("\(recordCount) records") }
  }

  mutating func note(_ what: String) {
    let now = MonotonicClock.now()
    guard now >= nextAt else { return }
    nextAt = now + RecoveryAccount.pause
    Descriptor.writeError("node \(node): recovering, \(what)")
  }
}

/// The event loop's tokens for descriptors: kind in the upper 8 bits, then 24 bits of generation,
/// index in the lower 32.
public enum Token {
  public enum Kind: UInt64 {
    case listener, inbound, peer, log, snapshots
  }

  public static var listener: UInt64 { 0 }
  public static var log: UInt64 { Kind.log.rawValue << 56 }
  public static var snapshots: UInt64 { Kind.snapshots.rawValue << 56 }

  public static func inbound(_ slot: Int, generation: UInt32) -> UInt64 {
    Kind.inbound.rawValue << 56 | UInt64(generation & 0xFF_FFFF) << 32 | UInt64(slot)
  }

  public static func peer(_ number: Int) -> UInt64 {
    Kind.peer.rawValue << 56 | UInt64(number)
  }

  public static func kind(of token: UInt64) -> Kind { Kind(rawValue: token >> 56)! }
  public static func index(of token: UInt64) -> Int { Int(token & 0xFFFF_FFFF) }
  public static func generation(of token: UInt64) -> UInt32 { UInt32(token >> 32) & 0xFF_FFFF }
}
