import Primitives

/// What one turn of a core asks its host to do, one lane per kind of effect.
///
/// Lanes instead of one list: a host needs them apart anyway, and within a turn only the order
/// inside a lane means anything. Commits are applied before reads are answered, which a read may
/// only gain from. The host reuses one `Effects` for all turns, so that nothing is allocated in
/// steady state.
public struct Effects<Core: ReplicaCore>: Sendable {
  public typealias Send = OutgoingMessage<Core.Message>
  public typealias TimerChange = Replication.TimerChange<Core.Timer>
  public typealias Commit = CommittedEntry
  public typealias Refusal<Refused: Sendable> = Replication.Refusal<Refused>

  /// Which lanes hold something: one look at this instead of one at each lane, most of which are
  /// empty in most turns.
  public internal(set) var filled = EffectLanes()

  public internal(set) var records: [Core.Record] = []
  /// Held back until every record of this and earlier turns is durable.
  public internal(set) var sends: [Send] = []
  /// May overtake the disk.
  public internal(set) var earlySends: [Send] = []
  public internal(set) var timerChanges: [TimerChange] = []
  public internal(set) var commits: [Commit] = []
  public internal(set) var reads: [ReadTicket] = []
  public internal(set) var refusedBatches: [Refusal<Batch>] = []
  public internal(set) var refusedReads: [Refusal<ReadTicket>] = []
  /// Replicas that lack entries which have left the log.
  public internal(set) var snapshotRequests: [ReplicaID] = []
  /// The first of `records` that belongs to a checkpoint, if this turn has one.
  public internal(set) var checkpointStart: Int?

  public init() {}

  /// Makes a fact durable. Every later `send` waits for it, in this turn and in those that follow.
  public mutating func persist(_ record: Core.Record) {
    filled.insert(.records)
    records.append(record)
  }

  /// Sends a message that may promise what has been persisted. To self: it comes back as
  /// `.received` once the records before it are durable, which is how a leader counts itself.
  public mutating func send(_ message: Core.Message, to: ReplicaID) {
    filled.insert(.sends)
    sends.append(Send(message: message, to: to))
  }

  /// Sends a message that promises nothing and need not wait for the disk, such as entries
  /// replicated while the leader writes them itself (Ongaro 2014 §10.2.1). The call site says why
  /// that is safe.
  public mutating func sendEarly(_ message: Core.Message, to: ReplicaID) {
    filled.insert(.earlySends)
    earlySends.append(Send(message: message, to: to))
  }

  /// Puts another message to the same replica in the place of an early one of this turn.
  public mutating func replaceEarly(at index: Int, by message: Core.Message) {
    earlySends[index].message = message
  }

  /// Fires once after a duration that the host draws from the range, by this node's own clock.
  public mutating func setTimer(_ timer: Core.Timer, after range: ClosedRange<Interval>) {
    filled.insert(.timerChanges)
    timerChanges.append(.set(timer, after: range))
  }

  public mutating func setTimer(_ timer: Core.Timer, after interval: Interval) {
    setTimer(timer, after: interval...interval)
  }

  public mutating func cancelTimer(_ timer: Core.Timer) {
    filled.insert(.timerChanges)
    timerChanges.append(.cancel(timer))
  }

  /// Announces that an entry is committed. Indices are contiguous from 1 in the life of a process.
  public mutating func commit(_ batch: Batch, at index: LogIndex, answering: Bool) {
    filled.insert(.commits)
    commits.append(Commit(batch: batch, index: index, answering: answering))
  }

  /// The reads of this ticket may be answered from what has been committed so far.
  public mutating func read(_ ticket: ReadTicket) {
    filled.insert(.reads)
    reads.append(ticket)
  }

  /// The updates were not proposed and never will be by this replica.
  public mutating func refuse(_ batch: Batch, redirect: ReplicaID?) {
    filled.insert(.refusedBatches)
    refusedBatches.append(Refusal(refused: batch, redirect: redirect))
  }

  public mutating func refuseRead(_ ticket: ReadTicket, redirect: ReplicaID?) {
    filled.insert(.refusedReads)
    refusedReads.append(Refusal(refused: ticket, redirect: redirect))
  }

  /// The replica lacks entries that have left the log: the host sends it the newest snapshot. The
  /// core asks again as long as it sees that it is needed; that is also what sends lost pages
  /// again.
  public mutating func sendSnapshot(to replica: ReplicaID) {
    filled.insert(.snapshotRequests)
    snapshotRequests.append(replica)
  }

  /// The records that follow in this turn say all that the log says by now: those before them can
  /// be removed, at once if they hold the whole state, otherwise when a snapshot is durable.
  public mutating func beginCheckpoint() {
    filled.insert(.records)
    checkpointStart = records.count
  }

  /// Takes over the records, messages and timers of a core inside this one, each as the case of
  /// this core's own types that stands for it. Safe early sends of the inner core stay safe by its
  /// own argument. Commits, reads and refusals of the inner core are left to the caller.
  @inline(__always)
  public mutating func forward<Inner: ReplicaCore>(
    _ inner: Effects<Inner>, record: (Inner.Record) -> Core.Record,
    message: (Inner.Message) -> Core.Message, timer: (Inner.Timer) -> Core.Timer
  ) {
    let filled = inner.filled
    if filled.contains(.records) { for fact in inner.records { persist(record(fact)) } }
    if filled.contains(.sends) {
      for item in inner.sends { send(message(item.message), to: item.to) }
    }
    if filled.contains(.earlySends) {
      for item in inner.earlySends { sendEarly(message(item.message), to: item.to) }
    }
    if filled.contains(.snapshotRequests) {
      for replica in inner.snapshotRequests { sendSnapshot(to: replica) }
    }
    guard filled.contains(.timerChanges) else { return }
    for change in inner.timerChanges {
      switch change {
      case .set(let name, let range): setTimer(timer(name), after: range)
      case .cancel(let name): cancelTimer(timer(name))
      }
    }
  }

  /// Empties all lanes and keeps their storage.
  public mutating func removeAll() {
    guard !filled.isEmpty else { return }
    if filled.contains(.records) {
      records.empty()
      checkpointStart = nil
    }
    if filled.contains(.snapshotRequests) { snapshotRequests.empty() }
    if filled.contains(.sends) { sends.empty() }
    if filled.contains(.earlySends) { earlySends.empty() }
    if filled.contains(.timerChanges) { timerChanges.empty() }
    if filled.contains(.commits) { commits.empty() }
    if filled.contains(.reads) { reads.empty() }
    if filled.contains(.refusedBatches) { refusedBatches.empty() }
    if filled.contains(.refusedReads) { refusedReads.empty() }
    filled = EffectLanes()
  }
}

/// The lanes of `Effects`.
public struct EffectLanes: OptionSet, Sendable {
  public let rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static var records: EffectLanes { EffectLanes(rawValue: 1) }
  public static var sends: EffectLanes { EffectLanes(rawValue: 2) }
  public static var earlySends: EffectLanes { EffectLanes(rawValue: 4) }
  public static var timerChanges: EffectLanes { EffectLanes(rawValue: 8) }
  public static var commits: EffectLanes { EffectLanes(rawValue: 16) }
  public static var reads: EffectLanes { EffectLanes(rawValue: 32) }
  public static var refusedBatches: EffectLanes { EffectLanes(rawValue: 64) }
  public static var refusedReads: EffectLanes { EffectLanes(rawValue: 128) }
  public static var snapshotRequests: EffectLanes { EffectLanes(rawValue: 256) }
}

// The elements of lanes are generic over what they hold, not over the core: the run-time system
// finds an argument of a type at once, and an associated type only by a search.

/// A message and its addressee.
public struct OutgoingMessage<Message: Sendable>: Sendable {
  public var message: Message
  public var to: ReplicaID

  public init(message: Message, to: ReplicaID) {
    self.message = message
    self.to = to
  }
}

public enum TimerChange<Timer: TimerName>: Equatable, Sendable {
  case set(Timer, after: ClosedRange<Interval>)
  case cancel(Timer)
}

/// An entry that is known to be committed.
public struct CommittedEntry: Equatable, Sendable {
  public var batch: Batch
  public var index: LogIndex
  /// This replica is the one that answers the clients.
  public var answering: Bool

  public init(batch: Batch, index: LogIndex, answering: Bool) {
    self.batch = batch
    self.index = index
    self.answering = answering
  }
}

/// Something a core was asked to do and did not do.
public struct Refusal<Refused: Sendable>: Sendable {
  public var refused: Refused
  /// Who may know better, if the core has an idea.
  public var redirect: ReplicaID?

  public init(refused: Refused, redirect: ReplicaID?) {
    self.refused = refused
    self.redirect = redirect
  }
}

extension OutgoingMessage: Equatable where Message: Equatable {}
extension Refusal: Equatable where Refused: Equatable {}
