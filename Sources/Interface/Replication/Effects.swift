import Primitives

/// The effects that a core asks its host for in one turn, one lane per kind of effect.
///
/// There are lanes instead of one list because a host handles each kind by itself, and within a
/// turn only the order inside a lane matters. Commits are applied before reads are answered, so a
/// read sees at least all that it must. The host reuses one `Effects` for all turns, so that steady
/// state allocates nothing.
public struct Effects<Core: ReplicaCore>: Sendable {
  public typealias TimerChange = Replication.TimerChange<Core.Timer>
  public typealias Commit = CommittedEntry
  public typealias Refusal<Refused: Sendable> = Replication.Refusal<Refused>

  /// The lanes that hold something. The host looks at this set instead of at each lane, because
  /// most lanes are empty in most turns.
  public internal(set) var filled = EffectLanes()

  public internal(set) var records: [Core.Record] = []
  /// Messages that are held back until every record of this and earlier turns is durable.
  public internal(set) var sends = SendLane<Core.Message>()
  /// Messages that may leave before the records are durable.
  public internal(set) var earlySends = SendLane<Core.Message>()
  public internal(set) var timerChanges: [TimerChange] = []
  public internal(set) var commits: [Commit] = []
  public internal(set) var reads: [ReadTicket] = []
  public internal(set) var refusedBatches: [Refusal<Batch>] = []
  public internal(set) var refusedReads: [Refusal<ReadTicket>] = []
  /// Replicas that lack entries which have left the log.
  public internal(set) var snapshotRequests: [ReplicaID] = []
  /// The position in `records` of the first one that belongs to a checkpoint, if this turn has one.
  public internal(set) var checkpointStart: Int?

  public init() {}

  /// Makes a fact durable. Every later `send`, in this turn or a later one, waits for it.
  public mutating func persist(_ record: consuming Core.Record) {
    filled.insert(.records)
    records.append(record)
  }

  /// Sends a message that may promise what has been persisted. A message to the sender itself comes
  /// back as `.received` once the records before it are durable: so a leader counts its own vote.
  public mutating func send(_ message: consuming Core.Message, to: ReplicaID) {
    filled.insert(.sends)
    sends.append(message, to: to)
  }

  /// Sends a message that promises nothing and need not wait for the disk, such as entries that the
  /// leader replicates while it writes them itself (Ongaro 2014 §10.2.1). A comment at each call
  /// gives the reason why that is safe.
  public mutating func sendEarly(_ message: consuming Core.Message, to: ReplicaID) {
    filled.insert(.earlySends)
    earlySends.append(message, to: to)
  }

  /// Replaces an early message of this turn by another one to the same replica.
  public mutating func replaceEarly(at index: Int, by message: Core.Message) {
    earlySends.replaceMessage(at: index, by: message)
  }

  /// Sets a timer that fires once, after a duration by this node's own clock that the host draws
  /// from the range.
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

  /// Announces that an entry is committed. Each index is one more than the last, within one
  /// incarnation; the first is 1, or follows the snapshot that was recovered or installed.
  /// `answering` says that this replica replies to the clients.
  public mutating func commit(_ batch: consuming Batch, at index: LogIndex, answering: Bool) {
    filled.insert(.commits)
    commits.append(Commit(batch: batch, index: index, answering: answering))
  }

  /// Lets the host answer the reads of this ticket from what has been committed so far.
  public mutating func read(_ ticket: ReadTicket) {
    filled.insert(.reads)
    reads.append(ticket)
  }

  /// Hands updates back. This replica has not proposed them and never will.
  public mutating func refuse(_ batch: Batch, redirect: ReplicaID?) {
    filled.insert(.refusedBatches)
    refusedBatches.append(Refusal(refused: batch, redirect: redirect))
  }

  public mutating func refuseRead(_ ticket: ReadTicket, redirect: ReplicaID?) {
    filled.insert(.refusedReads)
    refusedReads.append(Refusal(refused: ticket, redirect: redirect))
  }

  /// Asks the host to send the newest snapshot to a replica that lacks entries which have left the
  /// log. The core asks again as long as the replica needs it; lost pages are sent again because of
  /// that.
  public mutating func sendSnapshot(to replica: ReplicaID) {
    filled.insert(.snapshotRequests)
    snapshotRequests.append(replica)
  }

  /// Begins a checkpoint: the records that follow in this turn repeat all that the log says so far.
  /// The records before them can be removed, at once if the new ones hold the whole state,
  /// otherwise when a snapshot is durable.
  public mutating func beginCheckpoint() {
    filled.insert(.records)
    checkpointStart = records.count
  }

  /// Takes over the records, messages, timers and snapshot requests of a core inside this one. The
  /// closures wrap each in a case of this core's own types. An early send of the inner core is safe
  /// for the reason that the inner core gives. The caller handles its commits, reads and refusals.
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

  /// Takes over all effects, except reads, of a core inside this one that has the same messages,
  /// and empties `inner`. The closures wrap its records and timers as in `forward`. A lane that is
  /// empty here changes places with the inner core's, so that nothing is copied.
  @inline(__always)
  public mutating func take<Inner: ReplicaCore>(
    _ inner: inout Effects<Inner>, record: (Inner.Record) -> Core.Record,
    timer: (Inner.Timer) -> Core.Timer
  ) where Inner.Message == Core.Message {
    let taken = inner.filled
    if taken.contains(.sends) { sends.takeAll(of: &inner.sends) }
    if taken.contains(.earlySends) { earlySends.takeAll(of: &inner.earlySends) }
    if taken.contains(.commits) { commits.takeElements(of: &inner.commits) }
    if taken.contains(.refusedBatches) { refusedBatches.takeElements(of: &inner.refusedBatches) }
    if taken.contains(.refusedReads) { refusedReads.takeElements(of: &inner.refusedReads) }
    let moved: EffectLanes = [.sends, .earlySends, .commits, .refusedBatches, .refusedReads]
    filled.formUnion(taken.intersection(moved))
    inner.filled.subtract(moved)
    if taken.contains(.records), inner.records.count == 1 {
      // Most turns write one record, which is moved and not copied.
      persist(record(inner.records.removeLast()))
      if inner.checkpointStart == nil { inner.filled.remove(.records) }
    }
    if inner.filled.isEmpty { return }
    forward(
      inner, record: record, message: { $0 }, timer: timer)
    inner.removeAll()
  }

  /// Turns the two lanes of messages around, so that `takeEarlySend` and `takeSend` give their
  /// messages first to last. An array gives away only its last element without copying it.
  @inline(__always)
  public mutating func turnSends() {
    earlySends.turnAround()
    sends.turnAround()
  }

  /// The next early message, after `turnSends`; there must be one. `earlySends.lastReceiver` is the
  /// replica that it is for.
  @inline(__always)
  public mutating func takeEarlySend() -> Core.Message { earlySends.takeLast() }

  /// The next of the other messages, which is for `sends.lastReceiver`.
  @inline(__always)
  public mutating func takeSend() -> Core.Message { sends.takeLast() }

  /// Empties all lanes and keeps their storage.
  @inline(__always)
  public mutating func removeAll() {
    guard !filled.isEmpty else { return }
    if filled.contains(.records) {
      records.empty()
      checkpointStart = nil
    }
    if rarely(filled.contains(.snapshotRequests)) { snapshotRequests.empty() }
    if filled.contains(.sends) { sends.removeAll() }
    if filled.contains(.earlySends) { earlySends.removeAll() }
    if filled.contains(.timerChanges) { timerChanges.empty() }
    if filled.contains(.commits) { commits.empty() }
    if filled.contains(.reads) { reads.empty() }
    if rarely(filled.contains(.refusedBatches)) { refusedBatches.empty() }
    if rarely(filled.contains(.refusedReads)) { refusedReads.empty() }
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

// The elements of lanes are generic over what they hold and not over the core, because at run time
// Swift finds a type's generic argument at once, but an associated type only by a search.

public enum TimerChange<Timer: TimerName>: Equatable, Sendable {
  case set(Timer, after: ClosedRange<Interval>)
  case cancel(Timer)
}

/// A committed entry.
public struct CommittedEntry: Equatable, Sendable {
  public var batch: Batch
  public var index: LogIndex
  /// Whether this replica answers the clients.
  public var answering: Bool

  public init(batch: Batch, index: LogIndex, answering: Bool) {
    self.batch = batch
    self.index = index
    self.answering = answering
  }
}

/// A batch or read that a core did not take.
public struct Refusal<Refused: Sendable>: Sendable {
  public var refused: Refused
  /// The replica that may take it, if the core has an idea.
  public var redirect: ReplicaID?

  public init(refused: Refused, redirect: ReplicaID?) {
    self.refused = refused
    self.redirect = redirect
  }
}

extension Refusal: Equatable where Refused: Equatable {}
