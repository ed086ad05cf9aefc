import WireFormat

// Snapshots, the same for all protocols. The host takes, keeps, sends and installs them
// (`ReplicaHost`); a core knows only their names.
//
//   host                                   core
//     │ checkpoint(at: n)                   │   writes to the disk a log that begins after n
//     │ ... the snapshot becomes durable    │
//     │ snapshotTaken(forgettingThrough: m) │   entries up to m < n leave the log
//     │◄─ effects.sendSnapshot(to: r) ──────│   r lacks entries that have left the log
//     │ ... pages travel to r, are durable  │
//     │ install(n, from: sender)            │   at r: the log begins after n, n is committed

/// The name of a snapshot. The snapshot holds the application's state and the clients' sessions
/// after the entry at `index`.
public struct SnapshotReference: Hashable, Sendable {
  public var index: LogIndex
  /// The term or view of that entry; 0 if the protocol does not need it to tell entries apart.
  public var epoch: UInt64

  public init(index: LogIndex, epoch: UInt64) {
    self.index = index
    self.epoch = epoch
  }
}

/// A part of a snapshot, as one message carries it.
public struct SnapshotPage: Equatable, Sendable {
  public var reference: SnapshotReference
  /// How many bytes of the snapshot come before this page.
  public var offset: Int
  /// How many bytes the whole snapshot has.
  public var totalByteCount: Int
  public var bytes: [UInt8]

  public init(
    reference: SnapshotReference, offset: Int, totalByteCount: Int, bytes: [UInt8]
  ) {
    self.reference = reference
    self.offset = offset
    self.totalByteCount = totalByteCount
    self.bytes = bytes
  }
}

/// A message between hosts about snapshots. It travels inside the protocol's own messages.
public enum SnapshotMessage: Equatable, Sendable {
  /// Boxed, so that the frequent messages of the enclosing type stay small.
  indirect case page(SnapshotPage)
  /// The answer to the page at `offset`: the receiver has the snapshot's first `through` bytes.
  indirect case received(SnapshotReference, offset: Int, through: Int)
}

extension SnapshotReference: WireCodable {
  public var encodedByteCount: Int { 16 }

  public func encode(into writer: inout WireWriter) {
    index.encode(into: &writer)
    writer.write(epoch)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    index = try LogIndex(from: &reader)
    epoch = try reader.read(UInt64.self)
  }
}

extension SnapshotMessage: WireCodable {
  /// A bound above the size of any snapshot, so that sums of offsets cannot overflow.
  private static var largestOffset: UInt64 { 1 << 48 }

  public var encodedByteCount: Int {
    switch self {
    case .page(let page): 1 + 16 + 20 + page.bytes.count
    case .received: 1 + 16 + 16
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .page(let page):
      writer.write(UInt8(0))
      page.reference.encode(into: &writer)
      writer.write(UInt64(page.offset))
      writer.write(UInt64(page.totalByteCount))
      writer.write(UInt32(page.bytes.count))
      writer.write(page.bytes)
    case .received(let reference, let offset, let through):
      writer.write(UInt8(1))
      reference.encode(into: &writer)
      writer.write(UInt64(offset))
      writer.write(UInt64(through))
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let kind = try reader.read(UInt8.self)
    guard kind <= 1 else { throw .malformed("\(kind) is no message about snapshots") }
    let reference = try SnapshotReference(from: &reader)
    let offset = try reader.read(UInt64.self)
    let second = try reader.read(UInt64.self)
    guard offset <= Self.largestOffset, second <= Self.largestOffset else {
      throw .malformed("no snapshot is as large as \(max(offset, second)) bytes")
    }
    guard kind == 0 else {
      self = .received(reference, offset: Int(offset), through: Int(second))
      return
    }
    let count = try reader.readCount(elementSize: 1)
    guard Int(offset) + count <= Int(second) else {
      throw .malformed("a page reaches beyond the snapshot of \(second) bytes")
    }
    self = .page(
      SnapshotPage(
        reference: reference, offset: Int(offset), totalByteCount: Int(second),
        bytes: try reader.readBytes(count)))
  }
}

/// When snapshots are taken, and how they travel.
public struct SnapshotPolicy: Equatable, Sendable {
  /// A snapshot is taken when the log has grown by this many bytes since the last one; 0 for never.
  public var interval: Int
  public var pageByteCount: Int
  public var bug: SnapshotBug?

  public init(interval: Int, pageByteCount: Int = 256 << 10, bug: SnapshotBug? = nil) {
    self.interval = interval
    self.pageByteCount = pageByteCount
    self.bug = bug
  }

  public static let never = SnapshotPolicy(interval: 0)

  public init(_ values: OptionValues) {
    interval = values.integer("snapshotBytes")
    pageByteCount = values.integer("snapshotPage")
    bug = SnapshotBug.chosen(in: values)
  }

  /// The options about snapshots, the same for all protocols.
  public static var declared: [OptionDeclaration] {
    [
      OptionDeclaration(
        "snapshotBytes", .integer(default: 256 << 20, range: 0...(1 << 40)),
        "Bytes that the log grows by between two snapshots, counting \(entryOverhead) per entry for "
          + "what it takes beside its bytes, and on a real disk also what fills its blocks; more if "
          + "the last snapshot was larger than twice that; 0 takes none"),
      OptionDeclaration(
        "snapshotPage", .integer(default: 256 << 10, range: 64...(4 << 20)),
        "Bytes of one message that carries a part of a snapshot"),
    ]
  }

  /// About how many bytes an entry costs in memory and on the disk besides its own.
  public static var entryOverhead: Int { 256 }
}

/// The known mistakes around snapshots. All protocols share them, because they share the mechanism.
public enum SnapshotBug: String, SwitchableBug {
  case installOlder = "install-older-snapshot"
  case forgetEarly = "forget-before-snapshot"
  case dropSessions = "drop-sessions-from-snapshot"

  public var meaning: String {
    switch self {
    case .installOlder:
      "A replica installs a snapshot that is older than what it has committed, and drops its log"
    case .forgetEarly: "A replica forgets its log before the snapshot is durable that replaces it"
    case .dropSessions: "A snapshot has no sessions, so that a repeated request takes effect again"
    }
  }
}
