import ProtocolTesting
import Replication
import SteppedCluster
import ViewService
import WireFormat

/// A data protocol that only remembers its views; the first member answers reads.
///
/// The kit's `ScriptedCore` cannot take its place, because an authority supervises a
/// `ViewFollower`, which adopts views and reports on them. A test changes the report with a
/// message.
struct StubReplica: ViewFollower {
  typealias Record = UInt64

  enum Message: ViewFollowerMessage {
    case word(UInt64)
    indirect case authority(AuthorityMessage)

    var authority: AuthorityMessage? {
      if case .authority(let message) = self { message } else { nil }
    }

    var encodedByteCount: Int { authority?.encodedByteCount ?? 9 }

    func encode(into writer: inout WireWriter) {
      switch self {
      case .authority(let message): message.encode(into: &writer)
      case .word(let word):
        writer.write(Self.dataTag)
        writer.write(word)
      }
    }

    init(from reader: inout WireReader) throws(WireError) {
      if let message = try Self.readAuthority(from: &reader) {
        self = message
      } else {
        self = .word(try reader.read(UInt64.self))
      }
    }
  }

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
  var expectedSilences: [ReplicaID] = []
  /// How often it was told of a view, and of a joiner alone.
  var viewCount = 0
  var joinerCount = 0

  init(id: ReplicaID, membership: Membership, options: Options) { self.id = id }

  mutating func recover(_ record: UInt64) {}

  mutating func expectSilence(of id: ReplicaID, for pause: Interval, at now: Instant) {
    expectedSilences.append(id)
  }

  /// Messages that say what the stub is to report.
  static let notEstablished: UInt64 = 1
  static let established: UInt64 = 2
  static let joinerHasCaughtUp: UInt64 = 3
  static let reachesAll: UInt64 = 10
  static func cannotReach(_ id: ReplicaID) -> UInt64 { reachesAll + 1 + UInt64(id.index) }

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
    case .received(.word(Self.notEstablished), _): isEstablished = false
    case .received(.word(Self.established), _): isEstablished = true
    case .received(.word(Self.joinerHasCaughtUp), _): joinerHasCaughtUp = true
    case .received(.word(Self.reachesAll), _): unreachable = []
    case .received(.word(let number), _) where number > Self.reachesAll:
      unreachable.append(ReplicaID(Int(number - Self.reachesAll) - 1))
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
///
/// The kit's `PromiseCore` cannot take its place, because tests of the authority hold its commits
/// and its reads back one by one, and take its leadership away.
struct SoloConsensus: ReplicaCore {
  typealias Record = UInt64

  static func batches(in message: Message) -> [Batch] {
    if case .append(let batch) = message { [batch] } else { [] }
  }

  enum Message: Equatable, Sendable, WireCodable {
    case append(Batch)
    /// Confirm no more reads, until told otherwise.
    case holdReads(Bool)
    /// Commit no more entries, until told otherwise.
    case holdCommits(Bool)
    case lead(Bool)

    var encodedByteCount: Int {
      if case .append(let batch) = self { 1 + batch.encodedByteCount } else { 2 }
    }

    func encode(into writer: inout WireWriter) {
      switch self {
      case .append(let batch):
        writer.write(UInt8(0))
        batch.encode(into: &writer)
      case .holdReads(let holds):
        writer.write(UInt8(1))
        writer.write(holds)
      case .holdCommits(let holds):
        writer.write(UInt8(2))
        writer.write(holds)
      case .lead(let leads):
        writer.write(UInt8(3))
        writer.write(leads)
      }
    }

    init(from reader: inout WireReader) throws(WireError) {
      switch try reader.read(UInt8.self) {
      case 0: self = .append(try Batch(from: &reader))
      case 1: self = .holdReads(try reader.readFlag())
      case 2: self = .holdCommits(try reader.readFlag())
      case 3: self = .lead(try reader.readFlag())
      case let tag: throw .malformed("\(tag) is no message of the stub")
      }
    }
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

  mutating func tell(_ message: SoloConsensus.Message) {
    handle(
      .received(.authority(.consensus(message.encoded())), from: authority), at: authority)
  }

  func view(at id: ReplicaID) -> View { core(id).view }

  /// Sends a stub a message that `StubReplica.handle` understands.
  mutating func say(_ word: UInt64, to id: ReplicaID) {
    handle(.received(.word(word), from: id), at: id)
    run()
  }
}
