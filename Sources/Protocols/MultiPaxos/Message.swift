import Replication

extension MultiPaxosReplica {
  /// A proposer with ballot b takes over, then orders values; any message may be lost.
  ///
  /// ```
  ///  proposer                      acceptor
  ///     │ Prepare(b, from s, held)    │
  ///     ├────────────────────────────►│ promised := b, durable
  ///     │ Promise(b, accepted ≥ s)    │
  ///     │◄────────────────────────────┤   a long report comes in pages, some for each Prepare;
  ///     │                             │   it has only the values that the proposer lacks
  ///     │ Accept(b, s..., values)     │
  ///     ├────────────────────────────►│ accepted[s...] := (b, value), durable
  ///     │ Accepted(b, s...)           │
  ///     │◄────────────────────────────┤
  ///     │   chosen: majority in b     │
  ///     │ next Accept or Heartbeat carries the commit index
  ///     ├────────────────────────────►│ marks what it accepted in b
  ///     │ its answer names the first  │
  ///     │ gap: slots that never came  │
  ///     │◄────────────────────────────┤
  ///     │ Accept for the gap          │
  ///     ├────────────────────────────►│
  /// ```
  public enum Message: Equatable, Sendable {
    /// Asks whether the receiver would promise this ballot. It promises nothing, and asks for no
    /// report.
    case prePrepare(ballot: Ballot)
    /// The sender would promise the ballot: it hears from no leader, and has promised no ballot as
    /// high.
    case prePromise(ballot: Ballot)
    /// Phase 1a: asks for a promise to ignore ballots below this one, and for a report of all
    /// values accepted from `from` on. `held` says which of them the proposer holds, in ascending
    /// order.
    case prepare(ballot: Ballot, from: LogIndex, held: [HeldSlots] = [])
    /// Phase 1b: everything this acceptor accepted in the slots `from ..< next`, in ascending
    /// order; without `next`, everything from `from` on. `isContinued` if another page follows
    /// unasked. With the generations of all disks that the acceptor has heard of, itself included;
    /// an empty list says that none has taken the place of another.
    case promise(
      ballot: Ballot, from: LogIndex, accepted: [AcceptedValue], next: LogIndex?,
      isContinued: Bool = false, generations: [UInt64] = [])
    /// Phase 2a for the slots from `first`, one per value; without values it asks for the answer
    /// alone. `commitIndex` and `round` as in a heartbeat.
    case accept(
      ballot: Ballot, first: LogIndex, values: [Batch], commitIndex: LogIndex, round: UInt64)
    /// Phase 2b for `count` slots from `first`, and for all slots below the gap.
    case accepted(
      ballot: Ballot, first: LogIndex, count: Int, gap: Gap,
      standing: DiskStanding = DiskStanding())
    /// The message just received had a ballot below this one.
    case preempted(by: Ballot)
    /// The distinguished proposer is alive; all slots to `commitIndex` are chosen, and those below
    /// `next` have been offered. A `round` above zero asks whether the ballot is still the highest
    /// promised, for reads.
    case heartbeat(ballot: Ballot, commitIndex: LogIndex, next: LogIndex, round: UInt64)
    /// The sender has promised no ballot above this one. Values below the gap may not be durable.
    case heartbeatAcknowledged(ballot: Ballot, round: UInt64, gap: Gap)
    /// These are the generations of the disks; promise the ballot and take note of them.
    case replaced(ballot: Ballot, generations: [UInt64])
    /// The acceptor has promised the ballot, and these generations are durable.
    case noted(ballot: Ballot, generations: [UInt64])
    /// To a learner: it has all that it needs to be an acceptor again.
    case promoted(ballot: Ballot, generations: [UInt64])
    /// The messages about snapshots, which hosts exchange for all protocols alike.
    case snapshot(SnapshotMessage)
  }

  /// An acceptor's report of one slot in a `Promise`.
  public struct AcceptedValue: Equatable, Sendable {
    public var slot: LogIndex
    /// The ballot in which the value was accepted; `Ballot.chosen` if the acceptor knows it is
    /// chosen.
    public var ballot: Ballot
    /// `nil` if it is the value that the proposer holds of the same ballot. A ballot never has two
    /// values in a slot.
    public var value: Batch?

    public init(slot: LogIndex, ballot: Ballot, value: Batch?) {
      self.slot = slot
      self.ballot = ballot
      self.value = value
    }
  }

  /// Consecutive slots whose values the sender accepted in one ballot. They begin after the last
  /// slot of the run before.
  public struct HeldSlots: Equatable, Sendable {
    /// `Ballot.none` if the slots are empty.
    public var ballot: Ballot
    public var last: LogIndex

    public init(ballot: Ballot, last: LogIndex) {
      self.ballot = ballot
      self.last = last
    }
  }

  /// The first gap in what an acceptor holds: slots that are neither chosen nor accepted in the
  /// leader's ballot, as far as the acceptor knows.
  public struct Gap: Equatable, Sendable {
    /// All slots below it hold a chosen value, or one accepted in the leader's ballot.
    public var first: LogIndex
    /// How many slots from `first` on are missing although later ones have arrived; zero if no
    /// later ones have.
    public var count: Int

    public init(first: LogIndex, count: Int) {
      self.first = first
      self.count = count
    }

    /// A gap without information: it acknowledges no slot.
    static let unknown = Gap(first: .zero, count: 0)
  }
}
