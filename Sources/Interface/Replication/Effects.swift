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

  public init() {}

  /// Makes a fact durable. Every later `send` waits for it, in this turn and in those that follow.
  public mutating func persist(_ record: Core.Record) { records.append(record) }

  /// Sends a message that may promise what has been persisted. To self: it comes back as
  /// `.received` once the records before it are durable, which is how a leader counts itself.
  public mutating func send(_ message: Core.Message, to: ReplicaID) {
    sends.append(Send(message: message, to: to))
  }

  /// Sends a message that promises nothing and need not wait for the disk, such as entries
  /// replicated while the leader writes them itself (Ongaro 2014 §10.2.1). The call site says why
  /// that is safe.
  public mutating func sendEarly(_ message: Core.Message, to: ReplicaID) {
    earlySends.append(Send(message: message, to: to))
  }

  /// Puts another message to the same replica in the place of an early one of this turn.
  public mutating func replaceEarly(at index: Int, by message: Core.Message) {
    earlySends[index].message = message
  }

  /// Fires once after a duration that the host draws from the range, by this node's own clock.
  public mutating func setTimer(_ timer: Core.Timer, after range: ClosedRange<Interval>) {
    timerChanges.append(.set(timer, after: range))
  }

  public mutating func setTimer(_ timer: Core.Timer, after interval: Interval) {
    timerChanges.append(.set(timer, after: interval...interval))
  }

  public mutating func cancelTimer(_ timer: Core.Timer) { timerChanges.append(.cancel(timer)) }

  /// Announces that an entry is committed. Indices are contiguous from 1 in the life of a process.
  public mutating func commit(_ batch: Batch, at index: LogIndex, answering: Bool) {
    commits.append(Commit(batch: batch, index: index, answering: answering))
  }

  /// The reads of this ticket may be answered from what has been committed so far.
  public mutating func read(_ ticket: ReadTicket) { reads.append(ticket) }

  /// The updates were not proposed and never will be by this replica.
  public mutating func refuse(_ batch: Batch, redirect: ReplicaID?) {
    refusedBatches.append(Refusal(refused: batch, redirect: redirect))
  }

  public mutating func refuseRead(_ ticket: ReadTicket, redirect: ReplicaID?) {
    refusedReads.append(Refusal(refused: ticket, redirect: redirect))
  }

  /// Takes over the records, messages and timers of a core inside this one, each as the case of
  /// this core's own types that stands for it. Safe early sends of the inner core stay safe by its
  /// own argument. Commits, reads and refusals of the inner core are left to the caller.
  @inline(__always)
  public mutating func forward<Inner: ReplicaCore>(
    _ inner: Effects<Inner>, record: (Inner.Record) -> Core.Record,
    message: (Inner.Message) -> Core.Message, timer: (Inner.Timer) -> Core.Timer
  ) {
    for fact in inner.records { persist(record(fact)) }
    for item in inner.sends { send(message(item.message), to: item.to) }
    for item in inner.earlySends { sendEarly(message(item.message), to: item.to) }
    for change in inner.timerChanges {
      switch change {
      case .set(let name, let range): setTimer(timer(name), after: range)
      case .cancel(let name): cancelTimer(timer(name))
      }
    }
  }

  /// Empties all lanes and keeps their storage. Most lanes are empty in most turns, and asking is a
  /// third of the cost of emptying in vain.
  public mutating func removeAll() {
    if !records.isEmpty { records.removeAll(keepingCapacity: true) }
    if !sends.isEmpty { sends.removeAll(keepingCapacity: true) }
    if !earlySends.isEmpty { earlySends.removeAll(keepingCapacity: true) }
    if !timerChanges.isEmpty { timerChanges.removeAll(keepingCapacity: true) }
    if !commits.isEmpty { commits.removeAll(keepingCapacity: true) }
    if !reads.isEmpty { reads.removeAll(keepingCapacity: true) }
    if !refusedBatches.isEmpty { refusedBatches.removeAll(keepingCapacity: true) }
    if !refusedReads.isEmpty { refusedReads.removeAll(keepingCapacity: true) }
  }
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
