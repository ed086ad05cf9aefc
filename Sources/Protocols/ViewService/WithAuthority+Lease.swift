import Replication

// Reads of the data protocol, which are answered only while the authority's lease holds.
extension WithAuthority {
  /// Answers a read that the data protocol can answer if the lease holds. Otherwise the read waits
  /// for the lease to be renewed, or is refused if too many wait already.
  mutating func checkLease(
    for ticket: ReadTicket, at now: Instant, into effects: inout Effects<Self>
  ) {
    if viewLease.holdsLease(at: now) {
      effects.read(ticket)
    } else if viewLease.waitingReads.count < ViewLease.waitingReadLimit {
      if viewLease.waitingReads.isEmpty { viewLease.waitingSince = viewLease.ticks }
      viewLease.waitingReads.append(ticket)
    } else {
      effects.refuseRead(ticket, redirect: nil)
    }
  }

  /// Answers the reads that wait once the lease is renewed.
  mutating func releaseWaitingReads(at now: Instant, into effects: inout Effects<Self>) {
    guard !viewLease.waitingReads.isEmpty, viewLease.holdsLease(at: now) else { return }
    for ticket in viewLease.waitingReads { effects.read(ticket) }
    viewLease.waitingReads.removeAll(keepingCapacity: true)
  }

  /// Refuses the reads that wait when the lease was not renewed for as long as the authority waits
  /// before it removes a replica, because another replica may be in charge then.
  mutating func refuseOverdueReads(into effects: inout Effects<Self>) {
    let limit = Int(viewLease.patience.nanoseconds / options.ping.nanoseconds) + 1
    guard !viewLease.waitingReads.isEmpty, viewLease.ticks - viewLease.waitingSince >= limit
    else { return }
    for ticket in viewLease.waitingReads { effects.refuseRead(ticket, redirect: nil) }
    viewLease.waitingReads.removeAll()
  }
}
