import Primitives
import Replication
import WireFormat

// Snapshots are taken, sent, received and installed here, for all protocols alike. The core decides
// where its log begins and which replicas its log cannot help; the runtime stores the bytes.

extension ReplicaHost {
  // MARK: Taking

  /// Begins a snapshot if the log has grown enough. Called at the end of a turn, after committed
  /// entries were applied.
  @inline(__always)
  public mutating func takeSnapshotIfDue(at now: Instant) {
    guard snapshots.isDue(whileSending: false), effects.checkpointStart == nil else { return }
    takeSnapshot(at: now)
  }

  private mutating func takeSnapshot(at now: Instant) {
    sendings.removeAll { !$0.isInUse(at: now) }
    guard snapshots.isDue(whileSending: !sendings.isEmpty), receiving?.isComplete != true else {
      return
    }
    let reference = core.checkpoint(at: appliedIndex, into: &effects)
    snapshots.logByteCount = 0
    snapshots.counts.taken += 1
    application.beginReadout()
    store(encodedHead(), as: reference, from: nil)
    // Bug: forget-before-snapshot.
    if snapshots.policy.bug == .forgetEarly {
      core.snapshotTaken(forgettingThrough: appliedIndex)
      snapshots.forgetsAtOnce = true
    }
  }

  private mutating func store(
    _ content: [UInt8], as reference: SnapshotReference, from sender: ReplicaID?
  ) {
    snapshots.storing = SnapshotKeeping.Storing(
      reference: reference, sender: sender, content: content)
    snapshots.isStoringNew = true
  }

  /// The next part, of about `byteCount` bytes, of the snapshot that is being stored.
  public mutating func nextSnapshotPart(
    atMost byteCount: Int
  ) -> (bytes: [UInt8], isLast: Bool)? {
    guard let storing = snapshots.storing, !storing.isHandedOver else { return nil }
    var part: (bytes: [UInt8], isLast: Bool)
    if storing.sender != nil {
      part = (storing.content, true)
    } else if !Application.readsOutInParts {
      part = (storing.content + application.snapshot(), true)
    } else if storing.byteCount == 0 {
      part = (storing.content, false)
    } else if let bytes = application.readOut(atMost: byteCount) {
      part = (bytes, false)
    } else {
      part = ([], true)
    }
    if storing.sender == nil { snapshots.storing?.content = [] }
    snapshots.storing?.byteCount += part.bytes.count
    snapshots.storing?.isHandedOver = part.isLast
    return part
  }

  /// Gives up a snapshot that the runtime cannot store. The next one is taken when the log has
  /// grown further.
  public mutating func abandonSnapshot() {
    if snapshots.storing?.sender != nil { receiving = nil }
    // Finishes the walk over the state, whose remaining parts are dropped.
    while application.readOut(atMost: SnapshotKeeping.partByteCount) != nil {}
    snapshots.storing = nil
  }

  /// Notes that the snapshot being stored is on the disk, and installs it if a peer sent it.
  public mutating func snapshotStored(at now: Instant) {
    snapshots.storing?.isStored = true
    guard let stored = snapshots.storing, let sender = stored.sender else { return }
    snapshots.storing = nil
    receiving = nil
    // The bytes come from a peer, so they may be malformed.
    guard let state = try? State(stored.content, hashSecret),
      state.appliedIndex == stored.reference.index,
      core.install(stored.reference, from: sender, at: now, into: &effects)
    else { return }
    precondition(effects.checkpointStart != nil, "an installed snapshot begins the log anew")
    adopt(state)
    snapshots.installedIndex = stored.reference.index
    snapshots.counts.installed += 1
    snapshots.handledByteCount += stored.byteCount
    snapshots.latest = stored.reference
    snapshots.latestByteCount = stored.byteCount
    snapshots.logByteCount = 0
    sendings.removeAll()
  }

  /// Settles the snapshot being stored if the records of its checkpoint are among the
  /// `durableCount` durable ones; then records before the earlier checkpoint can be removed.
  ///
  /// A snapshot counts only from then on, because a restart finds it by its checkpoint.
  /// - Returns: the snapshots to keep, the oldest first.
  public mutating func settleSnapshot(durableCount: Int) -> [SnapshotReference]? {
    guard let stored = snapshots.storing, stored.isStored, let checkpoint = snapshots.checkpoint,
      let end = checkpoint.end, durableCount >= end
    else { return nil }
    snapshots.storing = nil
    snapshots.latest = stored.reference
    snapshots.latestByteCount = stored.byteCount
    if let earlier = snapshots.earlier {
      // A log that began with a torn checkpoint would lack the entries of the records that a crash
      // took from it. The checkpoint of the snapshot that is durable now is complete.
      let start = earlier.end == nil ? checkpoint : earlier
      snapshots.removal = (before: start.firstRecord, needs: earlier.end ?? end)
      core.snapshotTaken(forgettingThrough: start.reference.index)
    }
    storeReceived()
    return [stored.reference]
  }

  // MARK: State as bytes

  /// The part of a snapshot before the application's state. Replicas that applied the same entries
  /// need not write the same bytes.
  func encodedHead() -> [UInt8] {
    var writer = WireWriter()
    appliedIndex.encode(into: &writer)
    writer.write(commitDigest.state)
    // Bug: drop-sessions-from-snapshot.
    if snapshots.policy.bug == .dropSessions {
      Sessions<Application.Response>().encode(into: &writer)
    } else {
      sessions.encode(into: &writer)
    }
    return writer.bytes()
  }

  private struct State {
    var appliedIndex: LogIndex
    var commitDigest: CommitDigest
    var sessions: Sessions<Application.Response>
    var application: Application

    init(_ bytes: [UInt8], _ secret: FlatHashSecret) throws(WireError) {
      var reader = WireReader(bytes)
      appliedIndex = try LogIndex(from: &reader)
      commitDigest = CommitDigest()
      commitDigest.state = try reader.read(UInt64.self)
      // Set before any key is added, because chosen keys must not collide under the publicly known
      // secret.
      sessions = Sessions(secret: secret)
      try sessions.restore(from: &reader)
      application = Application()
      application.useHashSecret(secret)
      try application.restore(readingOut: &reader)
    }
  }

  private mutating func adopt(_ state: State) {
    appliedIndex = state.appliedIndex
    commitDigest = state.commitDigest
    sessions = state.sessions
    application = state.application
  }

  // MARK: Recovery

  /// Restores the newest snapshot that the recovered records name and that is available. Called
  /// after the last record and before `start`.
  /// - Parameters:
  ///   - firstRecord: the number of records that were removed before the recovered ones.
  ///   - content: returns the bytes of a snapshot if the runtime has it.
  /// - Returns: a description of the missing snapshot, if the log begins after entries that no
  ///   snapshot covers.
  public mutating func recoverSnapshot(
    firstRecord: Int, content: (SnapshotReference) -> [UInt8]?
  ) -> String? {
    let first = recoveredCheckpoints.first
    let base = first.map { $0.firstRecord == 0 ? $0.reference.index : .zero } ?? .zero
    var found = false
    for place in recoveredCheckpoints.indices.reversed() {
      let reference = recoveredCheckpoints[place].reference
      guard reference.index >= base, let bytes = content(reference),
        let state = try? State(bytes, hashSecret)
      else { continue }
      found = true
      adopt(state)
      core.recovered(reference)
      snapshots.latest = reference
      snapshots.latestByteCount = bytes.count
      snapshots.handledByteCount += bytes.count
      snapshots.checkpoint = recoveredCheckpoints[place]
      break
    }
    snapshots.checkpoint?.firstRecord += firstRecord
    recoveredCheckpoints = []
    guard !found, base > .zero else { return nil }
    // Commits continue from here all the same, so that a simulator can report the error.
    if let first { core.recovered(first.reference) }
    appliedIndex = base
    return "the log begins behind entry \(base), and there is no snapshot of what lies before"
  }

  // MARK: Sending

  /// Sends snapshots to the replicas that the core cannot help with its log.
  mutating func sendSnapshots(at now: Instant) {
    guard let latest = snapshots.latest else { return }
    for replica in effects.snapshotRequests where replica != id {
      if let place = sendings.firstIndex(where: { $0.to == replica }) {
        if sendings[place].reference == latest {
          sendings[place].askedAgain(at: now)
          sendPages(place, at: now)
          continue
        }
        sendings.remove(at: place)
      }
      sendings.append(
        SnapshotSending(
          to: replica, latest, totalByteCount: snapshots.latestByteCount,
          pageByteCount: snapshots.policy.pageByteCount, at: now))
      sendPages(sendings.count - 1, at: now)
    }
  }

  private mutating func sendPages(_ place: Int, at now: Instant) {
    while let range = sendings[place].nextPage(at: now) {
      if range.lowerBound == 0 { snapshots.counts.sent += 1 }
      snapshots.pages.append(
        SnapshotKeeping.PageOrder(
          to: sendings[place].to, reference: sendings[place].reference, range: range,
          totalByteCount: sendings[place].totalByteCount))
    }
  }

  /// Handles a message about a snapshot, which the core does not see.
  mutating func receive(
    _ message: SnapshotMessage, from sender: ReplicaID, at now: Instant
  ) {
    switch message {
    case .page(let page): receive(page, from: sender, at: now)
    case .received(let reference, let offset, let through):
      guard
        let place = sendings.firstIndex(where: { $0.to == sender && $0.reference == reference })
      else { return }
      sendings[place].received(offset: offset, through: through, at: now)
      sendPages(place, at: now)
    }
  }

  // MARK: Receiving

  private mutating func receive(_ page: SnapshotPage, from sender: ReplicaID, at now: Instant) {
    // Bug: install-older-snapshot.
    let isNews =
      page.reference.index > appliedIndex || snapshots.policy.bug == .installOlder
    guard isNews, page.totalByteCount <= SnapshotKeeping.largest else {
      return acknowledge(page, through: page.totalByteCount, to: sender)
    }
    if receiving.map({ !$0.belongs(page, from: sender) }) ?? true {
      // A complete snapshot is being written to the disk; it is not replaced.
      guard receiving?.isComplete != true else { return }
      receiving = SnapshotReceiving(page, from: sender)
    }
    guard receiving?.isComplete == false else {
      return acknowledge(page, through: page.totalByteCount, to: sender)
    }
    receiving?.take(page)
    acknowledge(page, through: receiving?.bytes.count ?? 0, to: sender)
    storeReceived()
  }

  /// Sent early, because the answer only reports received bytes, and the sender asks again if it is
  /// lost.
  private mutating func acknowledge(
    _ page: SnapshotPage, through: Int, to sender: ReplicaID
  ) {
    guard
      let answer = Core.message(
        carrying: .received(page.reference, offset: page.offset, through: through))
    else { return }
    effects.sendEarly(answer, to: sender)
  }

  /// Stores a received snapshot, after a snapshot of this replica's own state that is still being
  /// written.
  mutating func storeReceived() {
    guard snapshots.storing == nil, let received = receiving, received.isComplete else { return }
    store(received.bytes, as: received.reference, from: received.sender)
  }
}
