import Replication
import WireFormat

/// Not a protocol: records what it hears, and does about it what a test's script says. Without a
/// script it does nothing.
public struct ScriptedCore: ReplicaCore {
  public typealias Message = UInt64
  public typealias Record = UInt64

  public enum Timer: Int, TimerName, CaseIterable { case bell, other }

  public typealias Script =
    @Sendable (
      ScriptedCore, Event<ScriptedCore>, inout Effects<ScriptedCore>
    ) -> Void

  public struct Options: ProtocolOptions {
    public static let declared: [OptionDeclaration] = []
    public var heedsDisconnects = false
    public var snapshots = SnapshotPolicy.never
    public var script: Script = { _, _, _ in }

    public init(_ values: OptionValues) {}
    public init(_ script: @escaping Script) { self.script = script }
  }

  public struct Heard: Sendable {
    public var event: Event<ScriptedCore>
    public var at: Instant
  }

  public let id: ReplicaID
  public let membership: Membership
  /// Since it was made, or since the test has emptied this.
  public var heard: [Heard] = []
  public private(set) var recovered: [UInt64] = []
  /// The status that a test wants the core to report.
  public var status = ReplicaStatus(
    role: "scripted", isInCharge: false, isTail: false, isCoordinator: false, epoch: 0,
    commitIndex: .zero, lastIndex: .zero)
  private let script: Script

  public init(id: ReplicaID, membership: Membership, options: Options) {
    self.id = id
    self.membership = membership
    script = options.script
  }

  public mutating func recover(_ record: UInt64) { recovered.append(record) }

  public mutating func handle(
    _ event: Event<ScriptedCore>, at now: Instant, into effects: inout Effects<ScriptedCore>
  ) {
    heard.append(Heard(event: event, at: now))
    script(self, event, &effects)
  }

  public func invariantViolation() -> String? { nil }

  public static var takesSnapshots: Bool { true }

  /// Records from this number on are checkpoints. What exceeds it is the number of the entry after
  /// which the log begins.
  public static let checkpoints: UInt64 = 1 << 32

  public static func snapshot(in record: UInt64) -> SnapshotReference? {
    guard record >= checkpoints else { return nil }
    return SnapshotReference(index: LogIndex(Int(record - checkpoints)), epoch: 0)
  }

  /// Writes a checkpoint of two records: the one that names the snapshot, and an entry after it.
  public mutating func checkpoint(
    at index: LogIndex, into effects: inout Effects<ScriptedCore>
  ) -> SnapshotReference {
    effects.beginCheckpoint()
    effects.persist(ScriptedCore.checkpoints + UInt64(index.rawValue))
    effects.persist(UInt64(index.next.rawValue))
    return SnapshotReference(index: index, epoch: 0)
  }

  /// The messages that it got, oldest first.
  public var received: [UInt64] {
    heard.compactMap { if case .received(let message, _) = $0.event { message } else { nil } }
  }

  /// The batches of which it was asked.
  public var requested: [Batch] {
    heard.compactMap { if case .requested(let batch) = $0.event { batch } else { nil } }
  }

  /// The reads of which it was asked.
  public var tickets: [ReadTicket] {
    heard.compactMap { if case .readRequested(let ticket, _) = $0.event { ticket } else { nil } }
  }

  /// How often a timer of its fired.
  public var firedCount: Int {
    heard.count { if case .timerFired = $0.event { true } else { false } }
  }
}
