import Replication
import WireFormat

/// One server without replication: the baseline that shows what the harness itself costs, and the
/// smallest worked example of a protocol.
///
/// Replica 0 is the server. It writes each batch to its own disk and answers when that is durable.
/// Other replicas, if an experiment asks for some, only say where the server is. When the server is
/// down the service is down; after a restart it has everything it ever acknowledged.
public struct UnreplicatedServer: ReplicaCore {
  /// The only message goes to the server itself: everything up to an index is durable.
  public struct Message: Equatable, Sendable, WireCodable {
    public var durableUpTo: LogIndex

    public init(durableUpTo: LogIndex) { self.durableUpTo = durableUpTo }

    public var encodedByteCount: Int { durableUpTo.encodedByteCount }
    public func encode(into writer: inout WireWriter) { durableUpTo.encode(into: &writer) }
    public init(from reader: inout WireReader) throws(WireError) {
      durableUpTo = try LogIndex(from: &reader)
    }
  }

  /// A record is a batch; its place in the log is its place on the disk.
  public typealias Record = Batch

  public enum Timer: Int, TimerName, CaseIterable {
    /// Never set: a server without peers has nothing to wait for.
    case unused
  }

  public enum Bug: String, SwitchableBug, CaseIterable {
    case replyBeforeSync = "reply-before-sync"

    public var meaning: String { "answers before the update is durable" }
  }

  public struct Options: ProtocolOptions {
    public let bug: Bug?

    public static let declared: [OptionDeclaration] = [Bug.option]
    public init(_ values: OptionValues) { bug = Bug.chosen(in: values) }
  }

  public static let description = ProtocolDescription(
    summary: "One server without replicas: the baseline", source: "none",
    replicasPerFailure: 0, assumption: "none", bugs: Bug.list)

  private let id: ReplicaID
  private let server: ReplicaID
  private let bug: Bug?
  private var log: [Batch] = []
  private var commitIndex = LogIndex.zero
  private var recoveredCount = 0
  /// Reads wait until what was recovered has been applied.
  private var hasStarted = false

  public init(id: ReplicaID, membership: Membership, options: Options) {
    self.id = id
    server = membership.replicas.first ?? id
    bug = options.bug
  }

  public mutating func recover(_ record: Batch) {
    log.append(record)
    recoveredCount += 1
  }

  public mutating func handle(
    _ event: Event<UnreplicatedServer>, at now: Instant,
    into effects: inout Effects<UnreplicatedServer>
  ) {
    switch event {
    case .started:
      // What was recovered is durable, and whoever was to be answered has asked again by now.
      hasStarted = true
      commit(upTo: LogIndex(log.count), into: &effects)
    case .requested(let batch):
      guard id == server else { return effects.refuse(batch, redirect: server) }
      log.append(batch)
      effects.persist(batch)
      // Bug: reply-before-sync.
      if bug == .replyBeforeSync { return commit(upTo: LogIndex(log.count), into: &effects) }
      effects.send(Message(durableUpTo: LogIndex(log.count)), to: id)
    case .received(let message, let sender):
      guard sender == id, message.durableUpTo.rawValue <= log.count else { return }
      commit(upTo: message.durableUpTo, into: &effects)
    case .readRequested(let ticket):
      guard id == server else { return effects.refuseRead(ticket, redirect: server) }
      effects.read(ticket)
    case .timerFired, .disconnected: break
    }
  }

  private mutating func commit(upTo end: LogIndex, into effects: inout Effects<Self>) {
    while commitIndex < end {
      commitIndex = commitIndex.next
      effects.commit(
        log[commitIndex.rawValue - 1], at: commitIndex,
        answering: commitIndex.rawValue > recoveredCount)
    }
  }

  public var status: ReplicaStatus {
    ReplicaStatus(
      role: id == server ? "server" : "bystander", isInCharge: id == server && hasStarted, epoch: 1,
      commitIndex: commitIndex, lastIndex: LogIndex(log.count))
  }

  public func invariantViolation() -> String? {
    commitIndex.rawValue <= log.count ? nil : "more is committed than is in the log"
  }
}
