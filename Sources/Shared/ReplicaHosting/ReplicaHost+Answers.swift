import Primitives
import Replication
import WireFormat

/// What the core decides, until clients have it: committed updates are applied in order, reads are
/// answered, and what was refused is redirected.
extension ReplicaHost {
  @inline(__always)
  public mutating func apply(_ commit: Effects<Core>.Commit, at now: Instant) {
    // A snapshot installed in this turn may already include the commit.
    if rarely(commit.index <= appliedIndex) { return }
    precondition(
      commit.index == appliedIndex.next, "\(commit.index) committed after \(appliedIndex)")
    appliedIndex = commit.index
    snapshots.logByteCount += commit.batch.encodedByteCount + SnapshotPolicy.entryOverhead
    commitDigest.note(batchOf: commit.batch.count, at: commit.index)
    var reader = commit.batch.makeReader()
    if rarely(reader.stamp != nil), let stamp = reader.stamp {
      sessions.advance(to: stamp)
      stamping.begin(at: now)
    }
    var lookAhead = 0
    while true {
      if lookAhead == 0, reader.remaining > 1, application.gainsByExpecting {
        lookAhead = Application.lookAheadCount
        reader.upcoming(lookAhead, into: &upcoming)
        application.expect(upcoming, in: reader.reader.storage)
      }
      lookAhead -= 1
      guard let id = reader.next() else { break }
      let response: Application.Response
      commitDigest.note(id)
      admission.finish(id, isRead: false, at: now)
      let place = sessions.place(of: id.client)
      switch sessions.standing(of: id, at: place, continues: reader.continues) {
      case .superseded: continue
      case .expired:
        // The client may send it again, to begin a session.
        pending.remove(id)
        if commit.answering { replies.append(Reply(id: id, result: .expired)) }
        continue
      case .answered(let earlier): response = earlier
      case .fresh:
        // A host never batches malformed bytes; skipping them is the same on every replica.
        guard let answer = reader.apply(to: &application) else { continue }
        executedCount += 1
        response = answer
        sessions.record(id, response: Application.kept(response), at: place)
      }
      if commit.answering { replies.append(Reply(id: id, result: .answer(response))) }
    }
  }

  @inline(__always)
  public mutating func answer(_ ticket: ReadTicket, at now: Instant) {
    var requests = waitingReads.take(ticket)
    requests.turnAround()
    while !requests.isEmpty {
      let request = requests.removeLast()
      executedCount += 1
      admission.finish(request.id, isRead: true, at: now)
      let response = application.query(request.command)
      replies.append(Reply(id: request.id, result: .answer(response)))
    }
    waitingReads.reuse(requests)
  }

  public mutating func refuse(_ ticket: ReadTicket, redirect: ReplicaID?) {
    for request in waitingReads.take(ticket) {
      admission.forget(request.id, isRead: true)
      replies.append(Reply(id: request.id, result: .redirect(redirect)))
    }
  }

  public mutating func refuse(_ refusal: Refusal<Batch>) {
    for id in refusal.refused.requestIDs {
      pending.remove(id)
      admission.forget(id, isRead: false)
      replies.append(Reply(id: id, result: .redirect(refusal.redirect)))
    }
  }

  /// The number of read tickets that the core has not answered yet.
  public var waitingReadCount: Int { waitingReads.count }

  /// Application and sessions as bytes: equal on all replicas that applied the same entries.
  public func snapshot() -> [UInt8] {
    let state = application.snapshot()
    var writer = WireWriter()
    appliedIndex.encode(into: &writer)
    writer.write(UInt64(state.count))
    writer.write(state)
    sessions.encode(into: &writer)
    return writer.bytes()
  }
}
