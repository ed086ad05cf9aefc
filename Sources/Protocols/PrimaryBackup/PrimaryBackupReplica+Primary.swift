import Replication
import ViewService

// The primary of a view.
extension PrimaryBackupReplica {
  struct Leadership: Sendable {
    /// The backups, then the joiner if there is one.
    var followers: [Follower] = []
    /// The last entry on this replica's own disk.
    var ownMatchIndex = LogIndex.zero
    /// The end of the log when the view began.
    var inheritedLast: LogIndex
    /// The first entry that this replica proposed since it last became primary: it answers clients
    /// from there on.
    var firstOwn: LogIndex
    var isEstablished = false
    var waitingReads: [ReadTicket] = []
  }

  /// The state of a primary, in place. Precondition: this replica is primary.
  var leading: Leadership {
    @inline(__always) _read { yield leadership! }
    @inline(__always) _modify { yield &leadership! }
  }

  var followers: [Follower] {
    @inline(__always) _read { yield leadership!.followers }
    @inline(__always) _modify { yield &leadership!.followers }
  }

  /// Begins the view: asks every other member, and the joiner, how its log ends. A primary that
  /// stays primary also answers the updates it proposed in the view before.
  mutating func lead(at now: Instant, into effects: inout Effects<Self>) {
    assert(view.members.first == id, "the first member of a view leads it")
    let earlier = leadership
    if let earlier { remember(earlier.followers) }
    leadership = Leadership(
      inheritedLast: log.lastIndex, firstOwn: earlier?.firstOwn ?? log.lastIndex.next,
      waitingReads: earlier?.waitingReads ?? [])
    for member in view.members where member != id {
      addFollower(member, isMember: true, at: now, into: &effects)
    }
    if let joiner = view.joiner { addFollower(joiner, isMember: false, at: now, into: &effects) }
    // This message arrives when all entries that this replica holds are durable.
    effects.send(.appended(view: view.number, index: log.lastIndex), to: id)
    effects.setTimer(.resend, after: options.resend)
  }

  mutating func propose(_ batch: Batch, at now: Instant, into effects: inout Effects<Self>) {
    guard role == .primary else { return effects.refuse(batch, redirect: redirect) }
    // Without a redirect, because only the primary takes updates, and a redirected client would
    // come back at once.
    guard log.lastIndex - commitIndex < Self.pendingLimit else {
      return effects.refuse(batch, redirect: nil)
    }
    let entry = ViewEntry(view: view.number, batch: batch)
    log.append(entry)
    let index = log.lastIndex
    effects.persist(Record(index: index, entry: entry))
    effects.send(.appended(view: view.number, index: index), to: id)
    // Most followers are up to date and share one array.
    let entries = [entry]
    for position in followers.indices { offer(entries, to: position, at: now, into: &effects) }
  }

  mutating func requestRead(_ ticket: ReadTicket, into effects: inout Effects<Self>) {
    guard role == .primary else { return effects.refuseRead(ticket, redirect: redirect) }
    guard leading.waitingReads.count < Self.waitingReadLimit else {
      return effects.refuseRead(ticket, redirect: nil)
    }
    // Bug: read-unestablished.
    if leading.isEstablished || broken(.readUnestablished) {
      effects.read(ticket)
    } else {
      // An earlier primary may have acknowledged entries that are not known to be committed here
      // yet.
      leading.waitingReads.append(ticket)
    }
  }

  /// A member, perhaps this one, has everything up to `index` on its disk.
  mutating func receiveAppended(
    _ index: LogIndex, in view: UInt64, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard view == self.view.number, role == .primary else { return }
    guard index <= log.lastIndex else { return }
    if sender == id {
      leading.ownMatchIndex = max(leading.ownMatchIndex, index)
    } else {
      guard let position = position(of: sender) else { return }
      heardFrom(position)
      raiseMatchIndex(of: position, to: index, at: now)
      sendEntries(to: position, at: now, into: &effects)
      countRound(of: position, at: now)
    }
    advanceCommit(into: &effects)
  }

  /// A follower's log differs from the assumed one: continues after the last entry that both have.
  mutating func receiveSummary(
    _ runs: [ViewRun], round: UInt32, in view: UInt64, from sender: ReplicaID, at now: Instant,
    into effects: inout Effects<Self>
  ) {
    guard view == self.view.number, role == .primary else { return }
    guard let position = position(of: sender) else { return }
    heardFrom(position)
    guard followers[position].matchIndex == nil || round == followers[position].round else {
      return
    }
    // The summary left after its sender's records were durable, and in this view the sender
    // overwrites only entries that differ from this log. So the common prefix counts as
    // acknowledged.
    let common = log.commonPrefix(with: runs)
    guard common >= log.base else {
      // The follower sends a summary again when it has the snapshot, and each time it is asked
      // until then.
      followers[position].rounds = CatchUpRounds()
      return effects.sendSnapshot(to: sender)
    }
    followers[position].round += 1
    followers[position].pace.restart(at: now)
    followers[position].nextIndex = common.next
    if followers[position].matchIndex == nil { beginRound(of: position, at: now) }
    raiseMatchIndex(of: position, to: common, at: now)
    sendEntries(to: position, at: now, into: &effects)
    countRound(of: position, at: now)
    advanceCommit(into: &effects)
  }

  func position(of follower: ReplicaID) -> Int? {
    followers.firstIndex { $0.id == follower }
  }

  /// A follower is reachable; the message does not say which entries it holds.
  mutating func receivePresent(in view: UInt64, from sender: ReplicaID, at now: Instant) {
    guard view == self.view.number, role == .primary,
      let position = position(of: sender)
    else { return }
    heardFrom(position)
    followers[position].pace.answeredQuestion(through: 0, at: now)
  }

  /// A newer view exists: this replica serves no client until it knows that view.
  mutating func receiveOutdated(by view: UInt64, into effects: inout Effects<Self>) {
    guard view > self.view.number, role == .primary else { return }
    effects.cancelTimer(.resend)
    endLeadership(into: &effects)
    assert(role == .deposed)
  }

  /// Commits the entries that every member has on its disk.
  mutating func advanceCommit(into effects: inout Effects<Self>) {
    var lowest = leading.ownMatchIndex
    // Bug: reply-before-backups.
    if !broken(.replyBeforeBackups) {
      for position in followers.indices where followers[position].isMember {
        guard let matchIndex = followers[position].matchIndex else { return }
        lowest = min(lowest, matchIndex)
      }
    }
    if lowest > commitIndex { commit(through: lowest, into: &effects) }
    if !leading.isEstablished, lowest >= leading.inheritedLast {
      leading.isEstablished = true
      for ticket in leading.waitingReads { effects.read(ticket) }
      leading.waitingReads.removeAll()
    }
  }
}
