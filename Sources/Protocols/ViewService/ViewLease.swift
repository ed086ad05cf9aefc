import Replication

/// A replica's knowledge of the authority: its view, its pings on their way, and the lease under
/// which it may answer reads.
struct ViewLease: Sendable {
  struct SentPing: Sendable {
    var sequence: UInt64
    var sentAt: Instant
    var tick: Int
  }

  struct Lease: Sendable {
    var ping: SentPing
    /// How long the lease is valid by this node's clock: four fifths of the time that the authority
    /// waits, because clocks drift.
    var duration: Interval
    /// The lease is over once more ticks than this have passed since its ping, whatever the clock
    /// says.
    var tickLimit: Int
  }

  /// The view the replica works in.
  var view = View.none
  /// The last view whose number is durable or on its way to the disk.
  var lastRecorded = View.none
  /// The last view that the replica adopted. After a restart only its number is known.
  var lastAdopted = View.none
  var incarnation: UInt64 = 0
  /// Whether the replica's disk was lost and it has not become a member since.
  var isBlank = false
  /// Whether the number of this incarnation is durable, so that pings may name it.
  var mayPing = false
  /// The report in the last ping.
  var reported = Report(view: 0)

  /// The node of the authority that gets the pings, by its position in the membership.
  var target = 0
  /// Whether a redirect was followed since the last tick. Only one is followed per tick, because
  /// otherwise two nodes could send the ping back and forth for ever.
  var hasFollowedRedirect = false

  private(set) var ticks = 0
  private var sequence: UInt64 = 0
  private var sentPings: [SentPing] = []
  /// The newest ping whose answer has arrived.
  private var answeredSequence: UInt64 = 0
  /// How long the authority takes to answer.
  private(set) var answerTime = RoundTripEstimate()
  /// How many pings were sent since the last tick because the report had changed.
  private var newsCount = 0
  private var lease: Lease?
  private var latest: Instant?

  private let ping: Interval
  /// How long the authority waits before it removes a silent replica, as far as this replica knows.
  private(set) var patience: Interval
  let countsFromReceipt: Bool

  /// Reads that wait until the lease is renewed.
  var waitingReads: [ReadTicket] = []
  var waitingSince = 0
  static var waitingReadLimit: Int { 1024 }
  /// How many unanswered pings are remembered. The answer to an older ping gives no lease.
  static var sentPingLimit: Int { 64 }
  static var newsLimit: Int { 4 }

  init<Replica, Consensus>(options: WithAuthority<Replica, Consensus>.Options) {
    ping = options.ping
    patience = options.failureTimeout
    // Bug: lease-from-receipt.
    countsFromReceipt = options.bug == .leaseFromReceipt
  }

  mutating func tick() {
    ticks += 1
    hasFollowedRedirect = false
    newsCount = 0
  }

  /// Ends the lease if the clock went back, because no time measured with it can be trusted.
  mutating func observe(_ now: Instant) {
    if let latest, now < latest {
      lease = nil
      sentPings.removeAll(keepingCapacity: true)
    }
    latest = now
  }

  mutating func nextPing(_ report: Report, at now: Instant) -> Ping {
    sequence += 1
    reported = report
    if sentPings.count >= ViewLease.sentPingLimit { sentPings.removeFirst() }
    sentPings.append(SentPing(sequence: sequence, sentAt: now, tick: ticks))
    return Ping(
      report: report, sequence: sequence, incarnation: incarnation, isBlank: isBlank,
      answered: answeredSequence, answerTime: min(answerTime.usual, .longestTold))
  }

  /// Whether to send a changed report before the next tick. The number of such pings is bounded,
  /// because a report may change with every message.
  @inline(__always)
  mutating func maySendNews(_ report: Report) -> Bool {
    guard mayPing, newsCount < ViewLease.newsLimit, report.isNews(after: reported) else {
      return false
    }
    newsCount += 1
    return true
  }

  /// Whether a ping should have been answered by now. If so, another node may lead the authority.
  func isAnswerOverdue(at now: Instant) -> Bool {
    guard let oldest = sentPings.first else { return false }
    return now - oldest.sentAt >= max(ping, answerTime.usual * 2)
  }

  /// Notes an answer to a ping of this incarnation, and renews the lease if the answer grants one.
  mutating func answered(_ pong: Pong, at now: Instant) {
    guard pong.incarnation == incarnation,
      var ping = sentPings.first(where: { $0.sequence == pong.sequence })
    else { return }
    answeredSequence = max(answeredSequence, pong.sequence)
    answerTime.learn(max(now - ping.sentAt, .zero))
    sentPings.removeAll { $0.sequence <= pong.sequence }
    if pong.lease > .zero { patience = pong.lease }
    guard pong.view.number == view.number, view.number > 0, pong.lease > .zero else { return }
    if countsFromReceipt { ping = SentPing(sequence: ping.sequence, sentAt: now, tick: ticks) }
    let duration = pong.lease.scaled(by: 0.8)
    lease = Lease(
      ping: ping, duration: duration,
      tickLimit: Int(duration.nanoseconds / self.ping.nanoseconds) - 1)
  }

  mutating func take(_ next: View) {
    assert(view.precedes(next), "a replica goes on to later views only")
    if next.number != view.number { lease = nil }
    view = next
    lastAdopted = next
  }

  func holdsLease(at now: Instant) -> Bool {
    guard let lease, view.number > 0 else { return false }
    return now >= lease.ping.sentAt && now - lease.ping.sentAt < lease.duration
      && ticks - lease.ping.tick <= lease.tickLimit
  }
}
