import Replication
import SteppedCluster
import ViewService
import WireFormat

/// A data protocol that only remembers its views; the first member answers reads.
struct StubReplica: ViewFollower {
  typealias Message = UInt64
  typealias Record = UInt64

  enum Timer: Int, TimerName, CaseIterable { case unused }

  static let memberLinks = MemberLinks.withFirst

  struct Options: ProtocolOptions {
    static var declared: [OptionDeclaration] { [] }
    init(_ values: OptionValues) {}
  }

  let id: ReplicaID
  var view = View.none
  var isEstablished = true
  var joinerHasCaughtUp = false
  var unreachable: [ReplicaID] = []
  /// How often it was told of a view, and of a joiner alone.
  var viewCount = 0
  var joinerCount = 0

  init(id: ReplicaID, membership: Membership, options: Options) { self.id = id }

  mutating func recover(_ record: UInt64) {}

  /// The message 1 says that the view is not established after all, 2 that it is, 3 that the joiner
  /// has caught up; 10 that all can be reached, 10 + n that replica n - 1 cannot.
  mutating func handle(
    _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    switch event {
    case .disconnected: break
    case .readRequested(let ticket, _):
      if view.members.first == id {
        effects.read(ticket)
      } else {
        effects.refuseRead(ticket, redirect: view.members.first)
      }
    case .received(1, _): isEstablished = false
    case .received(2, _): isEstablished = true
    case .received(3, _): joinerHasCaughtUp = true
    case .received(10, _): unreachable = []
    case .received(let number, _) where number > 10:
      unreachable.append(ReplicaID(Int(number) - 11))
    case .requested(let batch): effects.refuse(batch, redirect: view.members.first)
    default: break
    }
  }

  mutating func adopt(_ view: View, at now: Instant, into effects: inout Effects<Self>) {
    self.view = view
    joinerHasCaughtUp = false
    unreachable = []
    viewCount += 1
  }

  mutating func changeJoiner(to view: View, at now: Instant, into effects: inout Effects<Self>) {
    self.view = view
    joinerHasCaughtUp = false
    joinerCount += 1
  }

  mutating func makeReport() -> Report {
    Report(
      view: view.number, isEstablished: isEstablished && view.members.first == id,
      joining: view.joining, joinerHasCaughtUp: joinerHasCaughtUp, unreachable: unreachable)
  }

  var status: ReplicaStatus {
    ReplicaStatus(
      role: "stub", isInCharge: view.members.first == id, epoch: view.number, commitIndex: .zero,
      lastIndex: .zero)
  }

  func invariantViolation() -> String? { nil }
}

/// Consensus among one node: its log is chosen at once. Tests send it messages to delay results.
struct SoloConsensus: ReplicaCore {
  typealias Record = UInt64

  enum Message: Equatable, Sendable, WireCodable {
    case append(Batch)
    /// Confirm no more reads, until told otherwise.
    case holdReads(Bool)
    /// Commit no more entries, until told otherwise.
    case holdCommits(Bool)
    case lead(Bool)

    var encodedByteCount: Int { 1 }
    func encode(into writer: inout WireWriter) { writer.write(UInt8(0)) }
    init(from reader: inout WireReader) throws(WireError) { throw .malformed("not for the wire") }
  }

  enum Timer: Int, TimerName, CaseIterable { case first, second }

  struct Options: ProtocolOptions {
    static var declared: [OptionDeclaration] { [] }
    init(_ values: OptionValues) {}
  }

  let id: ReplicaID
  var isLeader = true
  var holdsReads = false
  var holdsCommits = false
  var heldReads: [ReadTicket] = []
  var heldBatches: [Batch] = []
  var last = LogIndex.zero

  init(id: ReplicaID, membership: Membership, options: Options) { self.id = id }

  mutating func recover(_ record: UInt64) {}

  mutating func handle(
    _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    switch event {
    case .requested(let batch):
      if isLeader {
        effects.send(.append(batch), to: id)
      } else {
        effects.refuse(batch, redirect: nil)
      }
    case .received(.append(let batch), _):
      heldBatches.append(batch)
    case .received(.holdReads(let holds), _): holdsReads = holds
    case .received(.holdCommits(let holds), _): holdsCommits = holds
    case .received(.lead(let leads), _): isLeader = leads
    case .disconnected: break
    case .readRequested(let ticket, _): heldReads.append(ticket)
    case .started, .timerFired: break
    }
    if !holdsCommits {
      for batch in heldBatches {
        last = last.next
        effects.commit(batch, at: last, answering: true)
      }
      heldBatches = []
    }
    if !isLeader {
      for ticket in heldReads { effects.refuseRead(ticket, redirect: nil) }
      heldReads = []
    } else if !holdsReads {
      for ticket in heldReads { effects.read(ticket) }
      heldReads = []
    }
  }

  var status: ReplicaStatus {
    ReplicaStatus(
      role: "solo", isInCharge: isLeader, epoch: 1, commitIndex: last, lastIndex: last)
  }

  func invariantViolation() -> String? { nil }
}

typealias StubCluster = InProcessCluster<WithAuthority<StubReplica, SoloConsensus>>

extension InProcessCluster where Core == WithAuthority<StubReplica, SoloConsensus> {
  /// `replicas` stubs and one authority node, with all messages of the start delivered.
  init(replicas: Int, bug: ViewServiceBug? = nil) {
    var options = Core.Options()
    options.bug = bug
    self.init(membership: Membership(replicas: replicas, authority: 1), options: options)
    run()
  }

  var authority: ReplicaID { ReplicaID(membership.replicas.count) }

  /// Fires the tick of every node that is up once, at one and the same time, and delivers
  /// everything.
  mutating func tickAll(except silent: [ReplicaID] = []) {
    let later = now + options.ping
    for number in nodes.indices where !silent.contains(ReplicaID(number)) {
      now = later - options.ping
      fire(.tick, at: ReplicaID(number))
    }
    now = later
    run()
  }

  mutating func tell(_ message: SoloConsensus.Message) {
    handle(.received(.consensus(message), from: authority), at: authority)
  }

  func view(at id: Int) -> View { nodes[id].core.view }

  /// Sends a stub a message that `StubReplica.handle` understands.
  mutating func say(_ word: UInt64, to id: Int) {
    handle(.received(.replica(word), from: ReplicaID(id)), at: ReplicaID(id))
    run()
  }
}
