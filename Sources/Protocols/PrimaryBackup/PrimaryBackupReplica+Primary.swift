import Replication
import ViewService

// The primary of a view.
extension PrimaryBackupReplica {
  /// Begins the view: asks every other member, and the joiner, how its log ends.
  mutating func lead(into effects: inout Effects<Self>) {
    inheritedLast = log.lastIndex
    ownMatched = .zero
    for member in view.members where member != id { addFollower(member, isMember: true) }
    if let joiner = view.joiner { addFollower(joiner, isMember: false) }
    for position in followers.indices { sendEntries([], to: position, into: &effects) }
    // Comes back when all that this replica holds is durable.
    effects.send(.appended(view: view.number, index: log.lastIndex), to: id)
    effects.setTimer(.resend, after: options.resend)
  }

  private mutating func addFollower(_ id: ReplicaID, isMember: Bool) {
    var follower = Follower(id: id, isMember: isMember, next: log.lastIndex.next)
    // Bug: skip-sync.
    if options.bug == .skipSync { follower.matched = log.lastIndex }
    followers.append(follower)
  }

  mutating func propose(_ batch: Batch, into effects: inout Effects<Self>) {
    guard role == .primary, log.lastIndex - commitIndex < Self.pendingLimit else {
      effects.refuse(batch, redirect: redirect)
      return
    }
    let entry = ViewEntry(view: view.number, batch: batch)
    log.append(entry)
    let index = log.lastIndex
    effects.persist(Record(index: index, entry: entry))
    effects.send(.appended(view: view.number, index: index), to: id)
    // Most followers are up to date and share one array.
    let entries = [entry]
    for position in followers.indices {
      let follower = followers[position]
      guard let matched = follower.matched else { continue }
      if follower.next == index, index - matched <= options.window {
        followers[position].next = index.next
        sendEntries(entries, after: index.previous, to: position, into: &effects)
      } else {
        sendPage(to: position, into: &effects)
      }
    }
  }

  mutating func read(_ ticket: ReadTicket, into effects: inout Effects<Self>) {
    guard role == .primary, waitingReads.count < Self.waitingReadLimit else {
      effects.refuseRead(ticket, redirect: redirect)
      return
    }
    // Bug: read-unestablished.
    if isEstablished || options.bug == .readUnestablished {
      effects.read(ticket)
    } else {
      // An earlier primary may have acknowledged what is not known to be committed here yet.
      waitingReads.append(ticket)
    }
  }

  /// A member, perhaps this one, has everything up to `index` on its disk.
  mutating func acknowledge(
    _ index: LogIndex, from sender: ReplicaID, into effects: inout Effects<Self>
  ) {
    guard index <= log.lastIndex else { return }
    if sender == id {
      ownMatched = max(ownMatched, index)
    } else {
      guard let position = followers.firstIndex(where: { $0.id == sender }) else { return }
      raiseMatched(of: position, to: index)
      sendPage(to: position, into: &effects)
    }
    advanceCommit(into: &effects)
  }

  /// A follower's log is not what was assumed: goes on behind what both have.
  mutating func synchronise(
    _ sender: ReplicaID, round: UInt32, runs: [ViewRun], into effects: inout Effects<Self>
  ) {
    guard let position = followers.firstIndex(where: { $0.id == sender }) else { return }
    let follower = followers[position]
    guard follower.matched == nil || round == follower.round else { return }
    // The summary left after its sender's records were durable, and in this view the sender
    // overwrites only what differs from this log: so the common prefix counts as acknowledged.
    let common = log.commonPrefix(with: runs)
    followers[position].round += 1
    followers[position].next = common.next
    raiseMatched(of: position, to: common)
    sendPage(to: position, into: &effects)
    advanceCommit(into: &effects)
  }

  private mutating func raiseMatched(of position: Int, to index: LogIndex) {
    let known = followers[position].matched ?? .zero
    followers[position].matched = max(known, index)
    if followers[position].next <= index { followers[position].next = index.next }
  }

  /// Sends again what was not acknowledged since the timer fired last; to others, what is
  /// committed.
  mutating func resend(into effects: inout Effects<Self>) {
    guard role == .primary else { return }
    for position in followers.indices {
      let follower = followers[position]
      let isStuck =
        follower.matched == follower.matchedAtTimer
        && (follower.matched.map { $0 < log.lastIndex } ?? true)
      followers[position].matchedAtTimer = follower.matched
      followers[position].idleTimers = isStuck ? follower.idleTimers + 1 : 0
      // Bug: continue-without-backup.
      if options.bug == .continueWithoutBackup, followers[position].idleTimers > 3 {
        followers[position].isMember = false
      }
      if isStuck, let matched = follower.matched {
        followers[position].round += 1
        followers[position].next = matched.next
        sendPage(to: position, into: &effects)
      } else {
        sendEntries([], to: position, into: &effects)
      }
    }
    // Bug: continue-without-backup.
    if options.bug == .continueWithoutBackup { advanceCommit(into: &effects) }
    effects.setTimer(.resend, after: options.resend)
  }

  /// A newer view exists: this replica serves nobody until it knows that view.
  mutating func stop(into effects: inout Effects<Self>) {
    role = .deposed
    isEstablished = false
    effects.cancelTimer(.resend)
    refuseWaitingReads(into: &effects)
  }

  /// Commits what every member has on its disk.
  private mutating func advanceCommit(into effects: inout Effects<Self>) {
    var lowest = ownMatched
    // Bug: reply-before-backups.
    if options.bug != .replyBeforeBackups {
      for follower in followers where follower.isMember {
        guard let matched = follower.matched else { return }
        lowest = min(lowest, matched)
      }
    }
    if lowest > commitIndex { commit(through: lowest, into: &effects) }
    if !isEstablished, lowest >= inheritedLast {
      isEstablished = true
      for ticket in waitingReads { effects.read(ticket) }
      waitingReads.removeAll()
    }
  }

  var joinerHasCaughtUp: Bool {
    guard role == .primary, let follower = followers.last, follower.id == view.joiner,
      let matched = follower.matched
    else { return false }
    return log.lastIndex - matched <= options.window
  }

  /// Sends what a follower lacks, as far as the window and a message's size allow.
  private mutating func sendPage(to position: Int, into effects: inout Effects<Self>) {
    let follower = followers[position]
    guard let matched = follower.matched else { return }
    let limit = min(log.lastIndex, matched + options.window)
    guard follower.next <= limit else { return }
    let entries = log.page(from: follower.next, through: limit)
    followers[position].next = follower.next + entries.count
    sendEntries(entries, after: follower.next.previous, to: position, into: &effects)
  }

  private func sendEntries(
    _ entries: [ViewEntry], after previous: LogIndex? = nil, to position: Int,
    into effects: inout Effects<Self>
  ) {
    let follower = followers[position]
    let previous = previous ?? follower.next.previous
    let append = Append(
      view: view.number, round: follower.round, previous: previous,
      previousView: log.view(at: previous) ?? 0, commit: commitIndex, entries: entries)
    // Safe early: an append promises nothing. The primary counts its own disk by its message to
    // itself, and after a crash it never proposes in this view again, so an entry that it forgot
    // and a backup kept stays the only one of its view and index.
    effects.sendEarly(.append(append), to: follower.id)
  }
}
