import Primitives
import Replication
import WireFormat

/// Requests of clients, until the core has them: repeated ones are answered again or dropped, those
/// that find no room are refused, and the others gather into batches.
extension ReplicaHost {
  /// Accepts a client's request. The core receives it at the end of the turn, together with the
  /// others.
  /// - Parameters:
  ///   - waited: how long ago the request arrived at this node.
  /// - Returns: false if it was dropped, because its client has stopped waiting.
  @discardableResult
  public mutating func submit(
    _ request: consuming Request, waited: Interval = .zero, at now: Instant = .zero
  ) -> Bool {
    if rarely(admission.isLate(timeLeft: request.timeLeft, waited: waited)) { return false }
    if Application.isReadOnly(request.command) {
      gather(request, arrived: now - waited)
      return true
    }
    guard isFresh(request.id, arrived: now - waited) else { return true }
    if rarely(stamping.isDue(at: now)) { appendStamp(at: now) }
    builder.append(request.id, request.command, continues: request.continues)
    closeFullBatch()
    return true
  }

  /// Begins a batch with the logged time, unless a batch is begun already.
  private mutating func appendStamp(at now: Instant) {
    guard builder.isEmpty else { return }
    builder.append(stamping.next(after: sessions.periods.time, at: now))
  }

  /// Accepts a client's request as bytes, which must be the rest of the reader. Equivalent to
  /// decoding it, but the bytes of an update are only checked and copied into the batch.
  /// - Throws: if the bytes are not a request; no request has been accepted then.
  public mutating func submit(
    reading reader: inout WireReader, at now: Instant = .zero
  ) throws(WireError) -> RequestID {
    let head = try RequestHead(from: &reader)
    let id = head.id
    let start = reader.offset
    guard try !Application.isReadOnly(reading: &reader) else {
      reader.offset = start
      gather(
        Request(id: id, command: try reader.readLast(Application.Command.self)), arrived: now)
      return id
    }
    if isFresh(id, arrived: now) {
      if rarely(stamping.isDue(at: now)) { appendStamp(at: now) }
      builder.append(
        id, encoded: reader.storage, in: start..<reader.end, continues: head.continues)
      closeFullBatch()
    }
    return id
  }

  public mutating func gather(_ read: consuming Request, arrived: Instant) {
    guard usually(hasRoom(for: read.id)) else { return }
    admission.take(read.id, isRead: true, arrived: arrived)
    gatheredReads.append(read)
  }

  /// Whether there is room for one more request; if not, the request is refused.
  public mutating func hasRoom(for id: RequestID) -> Bool {
    let reads = gatheredReads.count + waitingReads.requestCount
    guard rarely(!admission.hasRoom(behind: admission.updateCount + reads)) else { return true }
    replies.append(Reply(id: id, result: .busy))
    return false
  }

  /// Whether the request must go to the core. If it has taken effect, it is answered again from its
  /// session; if the core is at work on it, it is answered when it takes effect.
  public mutating func isFresh(_ id: RequestID, arrived: Instant) -> Bool {
    switch sessions.standing(of: id) {
    case .answered(let response):
      replies.append(Reply(id: id, result: .answer(response)))
      return false
    case .superseded: return false
    // Whether a session has expired is known only where the request is ordered.
    case .fresh, .expired: return noteAsPending(id, arrived: arrived)
    }
  }

  /// - Returns: false if the request was already pending, or is refused.
  public mutating func noteAsPending(_ id: RequestID, arrived: Instant) -> Bool {
    if !hasUpdates, pending.begin(core.status) { admission.forgetUpdates() }
    let place = pending.place(of: id.client)
    if rarely(pending.contains(id, at: place)) { return false }
    guard usually(hasRoom(for: id)) else { return false }
    admission.take(id, isRead: false, arrived: arrived)
    if pending.replace(by: id, at: place) { return true }
    if rarely(pending.isLarge) {
      pending.removeAll { client, sequence in
        sessions.standing(of: RequestID(client: client, sequence: sequence)) != .fresh
      }
    }
    pending.insert(id)
    return true
  }

  public mutating func closeFullBatch() {
    guard
      rarely(
        builder.count >= Self.maximumBatchCount
          || builder.byteCount >= Self.maximumBatchByteCount)
    else { return }
    closedBatches.append(builder.build())
  }
}
