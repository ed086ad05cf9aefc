import Replication
import ViewService

extension PrimaryBackupReplica {
  /// The primary's knowledge of a backup or of the joiner.
  struct Follower: Sendable {
    let id: ReplicaID
    /// Whether commits wait for it: true for backups, false for the joiner.
    var isMember: Bool
    /// The follower's log is durable and equal to the primary's up to here; `nil` until it has
    /// answered in this view.
    var matchIndex: LogIndex?
    /// The next entry to send.
    var nextIndex: LogIndex
    /// How often the primary has gone back to an earlier entry for this follower.
    var round: UInt32 = 0
    /// When to ask the follower again if it has not answered.
    var pace: ResendPace
    /// The commit index that was last sent to it.
    var told = LogIndex.zero
    /// Timer periods since the last message to it.
    var quietTimers = 0
    /// The follower was asked for a sign of life and has not given one since.
    var isAsked = false
    /// Unanswered questions since the last sign of life.
    var vainQuestions = 0
    /// Until when the follower may be silent without being unreachable.
    var silentUntil = Instant.longAgo
    /// Whether the joiner keeps up with the log.
    var rounds = CatchUpRounds()

    init(id: ReplicaID, isMember: Bool, nextIndex: LogIndex, pace: ResendPace) {
      self.id = id
      self.isMember = isMember
      self.nextIndex = nextIndex
      self.pace = pace
    }

    /// Whether no message to the follower waits for its answer.
    var isIdle: Bool { !isAsked && (matchIndex.map { $0 >= nextIndex.previous } ?? false) }

    /// A follower counts as unreachable after this number of questions without an answer. The pace
    /// doubles from one question to the next, so this takes 15 times the pace, 750 ms with the
    /// default options in a LAN.
    static var vainQuestionLimit: Int { 3 }

    var isUnreachable: Bool { vainQuestions >= Follower.vainQuestionLimit }

    /// An idle follower is asked for a sign of life after this number of timer periods.
    static var quietTimerLimit: Int { 2 }
  }
}
