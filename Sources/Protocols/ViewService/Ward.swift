import Replication

/// What a replica knows of the authority: its view, its pings on their way, its lease.
struct Ward: Sendable {
  struct SentPing: Sendable {
    var sequence: UInt64
    var sentAt: Instant
    var tick: Int
  }

  /// The view the replica works in.
  var view = View.none
  /// The last view whose number is durable or on its way to the disk.
  var announced: UInt64 = 0
  /// The last view that was taken over, in this life or an earlier one.
  var held: UInt64 = 0
  var incarnation: UInt64 = 0
  /// What the authority was last told.
  var reported = Report(view: 0)

  /// Which node of the authority is asked, by its place in the membership.
  var target = 0
  /// Whether a redirect was followed since the last tick; more would let two nodes play ball.
  var hasFollowedRedirect = false
  var lastAnswerTick = 0

  private(set) var ticks = 0
  private var sequence: UInt64 = 0
  private var sentPings: [SentPing] = []
  private var leaseStart: SentPing?
  private var latest: Instant?

  /// How long a lease lasts by this node's clock. A fifth of `failureTimeout` is left for drift.
  private let leaseDuration: Interval
  /// A lease is over when more ticks than these have passed since its ping, whatever the clock
  /// says.
  private let leaseTickLimit: Int
  let countsFromReceipt: Bool

  /// Reads that wait for the lease to be renewed.
  var heldReads: [ReadTicket] = []
  var heldReadsTick = 0
  static var heldReadLimit: Int { 1024 }

  init<Replica, Consensus>(options: Supervised<Replica, Consensus>.Options) {
    leaseDuration = options.failureTimeout.scaled(by: 0.8)
    leaseTickLimit = Int(leaseDuration.nanoseconds / options.ping.nanoseconds) - 1
    // Bug: lease-from-receipt.
    countsFromReceipt = options.bug == .leaseFromReceipt
  }

  mutating func tick() {
    ticks += 1
    hasFollowedRedirect = false
  }

  /// Ends the lease if the clock went back: nothing measured with it means anything.
  mutating func observe(_ now: Instant) {
    if let latest, now < latest {
      leaseStart = nil
      sentPings.removeAll(keepingCapacity: true)
    }
    latest = now
  }

  mutating func nextPing(_ report: Report, at now: Instant) -> Ping {
    sequence += 1
    reported = report
    if sentPings.count >= 8 { sentPings.removeFirst() }
    sentPings.append(SentPing(sequence: sequence, sentAt: now, tick: ticks))
    return Ping(report: report, sequence: sequence, incarnation: incarnation)
  }

  /// Takes note of an answer, and renews the lease if it is for a ping of this life, sent in this
  /// view.
  mutating func answered(_ pong: Pong, at now: Instant) {
    guard pong.incarnation == incarnation,
      var ping = sentPings.first(where: { $0.sequence == pong.sequence })
    else { return }
    lastAnswerTick = ticks
    sentPings.removeAll { $0.sequence <= pong.sequence }
    guard pong.view.number == view.number, view.number > 0 else { return }
    if countsFromReceipt { ping = SentPing(sequence: ping.sequence, sentAt: now, tick: ticks) }
    leaseStart = ping
  }

  mutating func take(_ next: View) {
    view = next
    held = next.number
    leaseStart = nil
  }

  func holdsLease(at now: Instant) -> Bool {
    guard let leaseStart, view.number > 0 else { return false }
    return now >= leaseStart.sentAt && now - leaseStart.sentAt < leaseDuration
      && ticks - leaseStart.tick <= leaseTickLimit
  }
}
