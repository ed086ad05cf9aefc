import PrimaryBackup
import Replication
import SteppedCluster
import ViewService
import WireFormat

/// A supervised core whose views come from the test.
struct Directed<Inner: ViewFollower>: ReplicaCore {
  enum Message: Equatable, Sendable, WireCodable {
    case inner(Inner.Message)
    case adopt(View)
    case changeJoiner(View)

    var encodedByteCount: Int { 1 }
    func encode(into writer: inout WireWriter) { writer.write(UInt8(0)) }
    init(from reader: inout WireReader) throws(WireError) { throw .malformed("not for the wire") }
  }

  typealias Record = Inner.Record
  typealias Timer = Inner.Timer
  typealias Options = Inner.Options

  var inner: Inner
  private var innerEffects = Effects<Inner>()

  init(id: ReplicaID, membership: Membership, options: Options) {
    inner = Inner(id: id, membership: membership, options: options)
  }

  mutating func recover(_ record: Record) { inner.recover(record) }

  mutating func handle(
    _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    switch event {
    case .started: inner.handle(.started, at: now, into: &innerEffects)
    case .received(.inner(let message), let sender):
      inner.handle(.received(message, from: sender), at: now, into: &innerEffects)
    case .received(.adopt(let view), _): inner.adopt(view, at: now, into: &innerEffects)
    case .received(.changeJoiner(let view), _):
      inner.changeJoiner(to: view, at: now, into: &innerEffects)
    case .timerFired(let timer): inner.handle(.timerFired(timer), at: now, into: &innerEffects)
    case .requested(let batch): inner.handle(.requested(batch), at: now, into: &innerEffects)
    case .disconnected: break
    case .readRequested(let ticket, _):
      inner.handle(.readRequested(ticket), at: now, into: &innerEffects)
    }
    effects.forward(innerEffects, record: { $0 }, message: Message.inner, timer: { $0 })
    for commit in innerEffects.commits {
      effects.commit(commit.batch, at: commit.index, answering: commit.answering)
    }
    for ticket in innerEffects.reads { effects.read(ticket) }
    for refusal in innerEffects.refusedBatches {
      effects.refuse(refusal.refused, redirect: refusal.redirect)
    }
    for refusal in innerEffects.refusedReads {
      effects.refuseRead(refusal.refused, redirect: refusal.redirect)
    }
    innerEffects.removeAll()
  }

  var status: ReplicaStatus { inner.status }
  func invariantViolation() -> String? { inner.invariantViolation() }
}

typealias DirectedCluster = InProcessCluster<Directed<PrimaryBackupReplica>>

extension InProcessCluster where Core == Directed<PrimaryBackupReplica> {
  init(
    replicas: Int = 3, bug: PrimaryBackupReplica.Bug? = nil, inFlightBytes: Int = 4 << 20
  ) {
    var options = Core.Options()
    options.bug = bug
    options.inFlightBytes = inFlightBytes
    self.init(membership: Membership(replicas: replicas), options: options)
  }

  /// Tells the given replicas, or all members and the joiner, of a view; delivers nothing.
  mutating func announce(
    _ number: UInt64, _ members: [Int], joiner: Int? = nil, to told: [Int]? = nil
  ) {
    let view = View(
      number: number, members: members.map { ReplicaID($0) },
      joiner: joiner.map { ReplicaID($0) })
    for id in told ?? members + (joiner.map { [$0] } ?? []) {
      handle(.received(.adopt(view), from: ReplicaID(id)), at: ReplicaID(id))
    }
  }

  /// The same, with all messages delivered.
  mutating func begin(_ number: UInt64, _ members: [Int], joiner: Int? = nil, to told: [Int]? = nil)
  {
    announce(number, members, joiner: joiner, to: told)
    run()
  }

  /// Tells the given replicas, or all, of another joiner in a view, and delivers everything.
  mutating func join(
    _ number: UInt64, _ members: [Int], joiner: Int?, joining: UInt64, to told: [Int]? = nil
  ) {
    let view = View(
      number: number, members: members.map { ReplicaID($0) },
      joiner: joiner.map { ReplicaID($0) }, joining: joining)
    for id in told ?? Array(nodes.indices) {
      let isKnown = core(id).status.epoch == number
      handle(
        .received(isKnown ? .changeJoiner(view) : .adopt(view), from: ReplicaID(id)),
        at: ReplicaID(id))
    }
    run()
  }

  mutating func request(_ value: UInt64, at id: Int) {
    handle(.requested(batch(value)), at: ReplicaID(id))
  }

  /// The values committed at a replica, in order.
  func committed(_ id: Int) -> [UInt64] { nodes[id].commits.map { $0.batch.value } }

  /// Separates replicas from all others, with what is on its way.
  mutating func isolate(_ ids: Int...) {
    let isolated = ids.map { ReplicaID($0) }
    inFlight.removeAll { isolated.contains($0.from) != isolated.contains($0.to) }
    delivers = { isolated.contains($0.from) == isolated.contains($0.to) }
  }

  mutating func heal() { delivers = { _ in true } }

  mutating func beat(_ id: Int) {
    fire(.resend, at: ReplicaID(id))
    run()
  }

  var core0: PrimaryBackupReplica { nodes[0].core.inner }
  func core(_ id: Int) -> PrimaryBackupReplica { nodes[id].core.inner }
}

/// What one entry of a test's batch takes on the wire.
let entryBytes = ViewEntry(view: 1, batch: batch(1)).encodedByteCount

func batch(_ value: UInt64) -> Batch {
  Batch([(id: RequestID(client: ClientID(1), sequence: value), command: value)])
}

extension Batch {
  /// The one number that a test's batch holds.
  var value: UInt64 {
    var reader = makeReader()
    _ = reader.next()
    return reader.command(as: UInt64.self) ?? 0
  }
}
