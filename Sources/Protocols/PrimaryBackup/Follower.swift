import Replication

extension PrimaryBackupReplica {
  /// What the primary knows of a backup or of the joiner.
  struct Follower: Sendable {
    let id: ReplicaID
    /// Commits wait for it. The joiner is none.
    var isMember: Bool
    /// Durable there and equal to the primary's log up to here; `nil` until it has answered in this
    /// view.
    var matchIndex: LogIndex?
    /// The next entry to send.
    var nextIndex: LogIndex
    /// How often the primary has had to go back for this follower.
    var round: UInt32 = 0
    /// When to ask again for the answer to what was sent.
    var pace: ResendPace
    /// The commit index that it was last sent.
    var told = LogIndex.zero
    /// Timer periods since it was last sent anything.
    var quietTimers = 0
    /// It was asked for a sign of life and has given none since.
    var isAsked = false
    /// Questions since the last sign of life.
    var vainQuestions = 0
    /// The end of the log when everything in it had been sent for the first time since the follower
    /// fell behind. Once it holds that, it lacks no more than what is on its way.
    var goal: LogIndex?
    var hasCaughtUp = false

    init(id: ReplicaID, isMember: Bool, nextIndex: LogIndex, pace: ResendPace) {
      self.id = id
      self.isMember = isMember
      self.nextIndex = nextIndex
      self.pace = pace
    }

    /// Nothing that was sent waits for its answer.
    var isIdle: Bool { !isAsked && (matchIndex.map { $0 >= nextIndex.previous } ?? false) }

    /// So many questions in vain make a follower unreachable. The pace doubles from one to the
    /// next, so this takes 15 times the pace, 375 ms with the default options in a LAN.
    static var vainQuestionLimit: Int { 3 }

    var isUnreachable: Bool { vainQuestions >= Follower.vainQuestionLimit }

    /// An idle follower is asked for a sign of life after so many timer periods.
    static var quietTimerLimit: Int { 4 }

    mutating func fallBehind() {
      goal = nil
      hasCaughtUp = false
    }
  }
}
