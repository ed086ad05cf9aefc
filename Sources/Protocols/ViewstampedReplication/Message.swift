import Replication

extension ViewstampedReplica {
  /// ```
  ///  primary              backup        replicas             new primary
  ///     │── prepare ─────────►│             │─ startViewChange ──►│  all to all
  ///     │◄──────── prepareOK ─│             │─ doViewChange ─────►│
  ///     │── commit ──────────►│             │◄─ getState ─────────│  to the best log
  ///     │◄─ commitOK, early ──│             │── newState ────────►│
  ///     │◄── getState, early ─│             │◄──────── startView ─│  to all
  ///     │── newState, early ─►│
  /// ```
  /// Whoever is behind the view of the receiver is answered `newerView` instead.
  public enum Message: Equatable, Sendable {
    case prepare(Prepare)
    case prepareOK(PrepareOK)
    case commit(Commit)
    case commitOK(CommitOK)
    case startViewChange(View)
    case doViewChange(DoViewChange)
    case startView(StartView)
    case getState(GetState)
    case newState(NewState)
    case recovery(nonce: Incarnation)
    case recoveryResponse(RecoveryResponse)
    case newerView(View)
    /// Checkpoints (§5.1), which hosts exchange for all protocols alike.
    case snapshot(SnapshotMessage)
  }

  /// Operations of the view's own primary, the first of them numbered `op`.
  public struct Prepare: Equatable, Sendable {
    public var view: View
    public var op: LogIndex
    public var commit: LogIndex
    /// The newest round that confirms the view for reads.
    public var readRound: UInt64
    public var batches: [Batch]
  }

  /// The replica has all operations up to `op` on its disk.
  public struct PrepareOK: Equatable, Sendable {
    public var view: View
    public var op: LogIndex
  }

  public struct Commit: Equatable, Sendable {
    public var view: View
    public var commit: LogIndex
    /// The last operation that the backup has been sent.
    public var op: LogIndex
    public var readRound: UInt64
    /// The primary waits for a PrepareOK.
    public var asks: Bool
  }

  /// Says only that at this moment the replica knows no later view.
  public struct CommitOK: Equatable, Sendable {
    public var view: View
    public var readRound: UInt64
  }

  /// The sender does not act in earlier views any more. Its log is told by its history.
  public struct DoViewChange: Equatable, Sendable {
    public var view: View
    public var lastNormalView: View
    public var op: LogIndex
    public var commit: LogIndex
    public var history: [Viewstamp]
    /// Of each replica, the sender among them: the latest that the sender knows.
    public var incarnations: [Incarnation] = []
  }

  public struct StartView: Equatable, Sendable {
    public var view: View
    public var op: LogIndex
    public var commit: LogIndex
    public var history: [Viewstamp]
  }

  /// Asks for the operations behind `op` up to `through`.
  public struct GetState: Equatable, Sendable {
    public var view: View
    public var op: LogIndex
    public var through: LogIndex
    /// The newest answer of the replica that is asked whose end has come.
    public var answered: UInt64
  }

  /// Operations behind `op`, all of them numbered in `opView`. None if the end of an answer is told
  /// once more.
  public struct NewState: Equatable, Sendable {
    public var view: View
    public var op: LogIndex
    public var opView: View
    /// The number of the answer that this page belongs to; its sender's answers to one replica
    /// have rising numbers.
    public var answer: UInt64
    /// More pages of this answer follow.
    public var isContinued: Bool
    public var batches: [Batch]
  }

  /// Tells the lives of a replica apart between which it lost its state: the generation of its disk
  /// and, if it keeps no log there, how often it has started. It is the nonce of a recovery.
  public struct Incarnation: Equatable, Comparable, Sendable {
    public var generation: UInt64 = 0
    public var start: UInt64 = 0

    public static func < (a: Incarnation, b: Incarnation) -> Bool {
      (a.generation, a.start) < (b.generation, b.start)
    }

    /// Whether the replica whose newest known incarnation is `known` can have this one.
    func isPossible(after known: Incarnation) -> Bool {
      isPossibleGeneration(generation, after: known.generation)
        && start <= (generation == known.generation ? known.start : 0) + longestEpochJump
    }
  }

  public struct RecoveryResponse: Equatable, Sendable {
    public var view: View
    public var nonce: Incarnation
    public var incarnations: [Incarnation] = []
    /// Of the primary of that view only: its log.
    public var log: StartView?
  }

  /// What must survive a crash.
  public enum Record: Equatable, Sendable {
    /// The view, and the latest in which the replica was normal.
    case view(View, lastNormal: View)
    /// Operations from `op` on, numbered in `view`. Where an operation of another view stood, that
    /// one and all behind it are gone. Without operations, the log ends before `op`.
    case append(at: LogIndex, view: View, [Batch])
    /// The log begins behind this operation, or did so before.
    case snapshot(SnapshotReference)
    /// How often a replica has started that keeps no log on its disk.
    case started(UInt64)
    /// The replica, whose disk took the place of a lost one, has learnt everything.
    case recovered
    /// The latest incarnation of each replica that this one has heard of.
    case incarnations([Incarnation])
  }
}

extension ViewstampedReplica.Message {
  /// The view that the message speaks of; `nil` for one that is not of a view.
  var view: ViewstampedReplica.View? {
    switch self {
    case .prepare(let message): message.view
    case .prepareOK(let message): message.view
    case .commit(let message): message.view
    case .commitOK(let message): message.view
    case .startViewChange(let view): view
    case .doViewChange(let message): message.view
    case .startView(let message): message.view
    case .getState(let message): message.view
    case .newState(let message): message.view
    case .recoveryResponse(let message): message.view
    case .newerView(let view): view
    case .recovery, .snapshot: nil
    }
  }
}
