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

  public enum Record: Equatable, Sendable, WireCodable {
    /// The next entry of the log.
    case entry(Batch)
    /// The log goes on behind this entry, which a snapshot covers.
    case snapshot(SnapshotReference)

    public var encodedByteCount: Int {
      switch self {
      case .entry(let batch): 1 + batch.encodedByteCount
      case .snapshot(let reference): 1 + reference.encodedByteCount
      }
    }

    public func encode(into writer: inout WireWriter) {
      switch self {
      case .entry(let batch):
        writer.write(UInt8(0))
        batch.encode(into: &writer)
      case .snapshot(let reference):
        writer.write(UInt8(1))
        reference.encode(into: &writer)
      }
    }

    public init(from reader: inout WireReader) throws(WireError) {
      switch try reader.read(UInt8.self) {
      case 0: self = .entry(try Batch(from: &reader))
      case 1: self = .snapshot(try SnapshotReference(from: &reader))
      case let other: throw .malformed("\(other) is no record of a server")
      }
    }
  }

  public enum Timer: Int, TimerName, CaseIterable {
    /// Never set: a server without peers has nothing to wait for.
    case unused
  }

  public enum Bug: String, SwitchableBug, CaseIterable {
    case replyBeforeSync = "reply-before-sync"

    public var meaning: String { "answers before the update is durable" }
  }

  public struct Options: ProtocolOptions {
    public let snapshots: SnapshotPolicy
    public let bug: Bug?

    public static let declared: [OptionDeclaration] = SnapshotPolicy.declared + [Bug.option]
    public init(_ values: OptionValues) {
      snapshots = SnapshotPolicy(values)
      bug = Bug.chosen(in: values)
    }
  }

  public static let description = ProtocolDescription(
    summary: "One server without replicas: the baseline", source: "none",
    replicasPerFailure: 0, assumption: "none", bugs: Bug.list + SnapshotBug.list)

  private let id: ReplicaID
  private let server: ReplicaID
  private let bug: Bug?
  /// The entries behind `base`.
  private var log: [Batch] = []
  /// The last entry that has left the log, because a snapshot covers it.
  private var base = LogIndex.zero
  private var lastIndex: LogIndex { base + log.count }
  private var commitIndex = LogIndex.zero
  private var recoveredThrough = LogIndex.zero
  /// While records are recovered: the entry of which a copy may follow.
  private var nextCopy = LogIndex.zero
  /// Reads wait until what was recovered has been applied.
  private var hasStarted = false

  public init(id: ReplicaID, membership: Membership, options: Options) {
    self.id = id
    server = membership.replicas.first ?? id
    bug = options.bug
  }

  public mutating func recover(_ record: Record) {
    switch record {
    case .entry(let batch): recover(batch)
    case .snapshot(let reference): begin(behind: reference.index)
    }
    recoveredThrough = lastIndex
  }

  public mutating func handle(
    _ event: Event<UnreplicatedServer>, at now: Instant,
    into effects: inout Effects<UnreplicatedServer>
  ) {
    switch event {
    case .started:
      // What was recovered is durable, and whoever was to be answered has asked again by now.
      hasStarted = true
      commit(upTo: lastIndex, into: &effects)
    case .requested(let batch):
      guard id == server else { return effects.refuse(batch, redirect: server) }
      log.append(batch)
      effects.persist(.entry(batch))
      // Bug: reply-before-sync.
      if bug == .replyBeforeSync { return commit(upTo: lastIndex, into: &effects) }
      effects.send(Message(durableUpTo: lastIndex), to: id)
    case .received(let message, let sender):
      guard sender == id, message.durableUpTo <= lastIndex else { return }
      commit(upTo: message.durableUpTo, into: &effects)
    case .readRequested(let ticket, _):
      guard id == server else { return effects.refuseRead(ticket, redirect: server) }
      effects.read(ticket)
    case .timerFired, .disconnected: break
    }
  }

  private mutating func commit(upTo end: LogIndex, into effects: inout Effects<Self>) {
    while commitIndex < end {
      commitIndex = commitIndex.next
      effects.commit(
        log[commitIndex - base - 1], at: commitIndex,
        answering: commitIndex > recoveredThrough)
    }
  }

  public var status: ReplicaStatus {
    ReplicaStatus(
      role: id == server ? "server" : "bystander", isInCharge: id == server && hasStarted, epoch: 1,
      commitIndex: commitIndex, lastIndex: lastIndex)
  }

  public var durableState: DurableState {
    DurableState(
      numbers: ["base": UInt64(base.rawValue)],
      log: log.map { DurableState.Entry(epoch: 1, batch: $0) })
  }

  public func invariantViolation() -> String? {
    commitIndex <= lastIndex ? nil : "more is committed than is in the log"
  }
}

// Snapshots: there is nobody to send one to.
extension UnreplicatedServer {
  public static var takesSnapshots: Bool { true }

  public static func snapshot(in record: Record) -> SnapshotReference? {
    if case .snapshot(let reference) = record { reference } else { nil }
  }

  public mutating func checkpoint(
    at index: LogIndex, into effects: inout Effects<Self>
  ) -> SnapshotReference {
    let reference = SnapshotReference(index: index, epoch: 1)
    effects.beginCheckpoint()
    effects.persist(.snapshot(reference))
    for batch in log[(index - base)...] { effects.persist(.entry(batch)) }
    return reference
  }

  /// The entries that follow are written once more behind this one. They stay in the log, because a
  /// crash may take some of the copies, but not what was durable before.
  private mutating func begin(behind index: LogIndex) {
    if index > lastIndex {
      log = []
      base = index
    }
    nextCopy = index.next
    commitIndex = max(commitIndex, base)
  }

  /// An entry, or its copy behind a checkpoint. A new entry differs from all copies, because its
  /// requests are ordered once.
  private mutating func recover(_ batch: Batch) {
    if nextCopy > base, nextCopy <= lastIndex, log[nextCopy - base - 1] == batch {
      nextCopy = nextCopy.next
    } else {
      log.append(batch)
      nextCopy = lastIndex.next
    }
  }

  public mutating func snapshotTaken(forgettingThrough index: LogIndex) {
    guard index > base else { return }
    log.removeFirst(index - base)
    base = index
  }

  public mutating func recovered(_ reference: SnapshotReference) {
    commitIndex = max(commitIndex, reference.index)
  }
}
