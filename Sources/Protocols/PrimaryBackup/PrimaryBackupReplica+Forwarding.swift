import Replication
import ViewService

// How the primary sends its followers the entries they lack.
//
// Every entry is sent once, as soon as it exists and `inFlightBytes` allow it. It is sent again
// only when an answer shows that it is missing: a follower that gets entries which do not fit sends
// a summary of its log. A timer detects lost messages that no later message follows: it sends an
// empty append, which a follower answers in one of the two ways.
extension PrimaryBackupReplica {
  mutating func addFollower(
    _ id: ReplicaID, isMember: Bool, at now: Instant, into effects: inout Effects<Self>
  ) {
    var follower = Follower(
      id: id, isMember: isMember, nextIndex: log.lastIndex.next,
      pace: ResendPace(least: options.resend))
    if let known = roundTrips.first(where: { $0.id == id }) {
      follower.pace.roundTrip = known.estimate
    }
    follower.pace.restart(at: now)
    // Bug: skip-sync.
    if broken(.skipSync) { follower.matchIndex = log.lastIndex }
    followers.append(follower)
    ask(followers.count - 1, at: now, into: &effects)
  }

  /// Keeps the measured round trips of replicas that are no longer followers.
  mutating func remember(_ gone: [Follower]) {
    for follower in gone {
      roundTrips.removeAll { $0.id == follower.id }
      roundTrips.append((follower.id, follower.pace.roundTrip))
    }
  }

  /// Sends an empty append, which asks how the follower's log ends and whether it is reachable.
  private mutating func ask(
    _ position: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    let previous = followers[position].nextIndex.previous
    if followers[position].isIdle { followers[position].pace.restart(at: now) }
    followers[position].isAsked = true
    send([], after: previous, to: position, into: &effects)
  }

  /// Sends a new entry, which is the last one of the log, if the bytes in flight allow it.
  mutating func offer(
    _ entries: [ViewEntry], to position: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard let matchIndex = followers[position].matchIndex else { return }
    let index = log.lastIndex
    guard followers[position].nextIndex == index,
      matchIndex == index.previous
        || log.byteCount(after: matchIndex, through: index) <= options.inFlightBytes
    else { return sendEntries(to: position, at: now, into: &effects) }
    sendNew(entries, to: position, at: now, into: &effects)
  }

  /// Sends the entries that a follower lacks, as far as the bytes in flight and a message's size
  /// allow.
  mutating func sendEntries(
    to position: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard let matchIndex = followers[position].matchIndex else { return }
    while followers[position].nextIndex <= log.lastIndex {
      let next = followers[position].nextIndex
      guard next > log.base else {
        followers[position].rounds = CatchUpRounds()
        return effects.sendSnapshot(to: followers[position].id)
      }
      let room =
        options.inFlightBytes - log.byteCount(after: matchIndex, through: next.previous)
      if next > matchIndex.next, log.byteCount(after: next.previous, through: next) > room {
        return
      }
      let entries = log.page(
        from: next, through: log.lastIndex, byteLimit: min(room, ViewLog.pageByteLimit))
      sendNew(entries, to: position, at: now, into: &effects)
    }
  }

  private mutating func sendNew(
    _ entries: [ViewEntry], to position: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    let previous = followers[position].nextIndex.previous
    let last = previous + entries.count
    if !followers[position].isMember,
      followers[position].matchIndex ?? .zero >= followers[position].rounds.end
    {
      beginRound(of: position, at: now)
    }
    followers[position].pace.sent(
      UInt64(last.rawValue), first: followers[position].isIdle, at: now)
    followers[position].nextIndex = last.next
    send(entries, after: previous, to: position, into: &effects)
  }

  /// The follower has everything up to `index` on its disk.
  mutating func raiseMatchIndex(of position: Int, to index: LogIndex, at now: Instant) {
    if let known = followers[position].matchIndex, known >= index { return }
    followers[position].matchIndex = index
    followers[position].pace.answered(through: UInt64(index.rawValue), at: now)
    if followers[position].nextIndex <= index { followers[position].nextIndex = index.next }
  }

  /// Begins a round of the joiner, which ends when it holds all that the primary holds now.
  mutating func beginRound(of position: Int, at now: Instant) {
    let pace = followers[position].pace
    followers[position].rounds.begin(through: log.lastIndex, pace: pace, at: now)
  }

  /// Ends the joiner's round if it holds all that the primary held when the round began.
  mutating func countRound(of position: Int, at now: Instant) {
    guard !followers[position].isMember, let matchIndex = followers[position].matchIndex else {
      return
    }
    let pace = followers[position].pace
    followers[position].rounds.count(through: matchIndex, of: log.lastIndex, pace: pace, at: now)
  }

  /// Notes that a message came from a follower, with any content.
  mutating func heardFrom(_ position: Int) {
    followers[position].isAsked = false
    followers[position].vainQuestions = 0
  }

  public mutating func expectSilence(of id: ReplicaID, for pause: Interval, at now: Instant) {
    guard role == .primary else { return }
    for position in followers.indices where followers[position].id == id {
      followers[position].silentUntil = max(followers[position].silentUntil, now + pause)
    }
  }

  /// Asks the followers whose answers are overdue, and those that have been quiet for long; tells
  /// the others the commit index.
  mutating func resendTimerFired(at now: Instant, into effects: inout Effects<Self>) {
    guard role == .primary else { return }
    for position in followers.indices {
      followers[position].quietTimers += 1
      if !followers[position].isIdle {
        guard followers[position].pace.isDue(at: now) else { continue }
        if followers[position].isAsked, now >= followers[position].silentUntil {
          followers[position].vainQuestions += 1
        }
        // Bug: continue-without-backup.
        if broken(.continueWithoutBackup), followers[position].vainQuestions >= 2 {
          followers[position].isMember = false
        }
        followers[position].pace.sentAgain(at: now)
        ask(position, at: now, into: &effects)
      } else if followers[position].quietTimers >= Follower.quietTimerLimit {
        ask(position, at: now, into: &effects)
      } else if followers[position].told < commitIndex {
        send([], after: followers[position].nextIndex.previous, to: position, into: &effects)
      }
    }
    // Bug: continue-without-backup.
    if broken(.continueWithoutBackup) { advanceCommit(into: &effects) }
    effects.setTimer(.resend, after: options.resend)
  }

  private mutating func send(
    _ entries: [ViewEntry], after previous: LogIndex, to position: Int,
    into effects: inout Effects<Self>
  ) {
    followers[position].quietTimers = 0
    followers[position].told = commitIndex
    let append = Append(
      view: view.number, round: followers[position].round, previous: previous,
      previousView: log.view(at: previous) ?? 0, commitIndex: commitIndex, entries: entries)
    // Early, because an append makes no promise. The primary counts its own disk by its message to
    // itself. After a crash it never proposes in this view again, so an entry that it forgot and a
    // backup kept stays the only one of its view and index.
    effects.sendEarly(.append(append), to: followers[position].id)
  }
}
