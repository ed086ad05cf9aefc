import Replication
import ViewService
import WireFormat

extension PrimaryBackupReplica {
  /// What the replicas of one view say to each other. Every message names the view it was sent in.
  public enum Message: Equatable, Sendable {
    /// From the primary to a backup or the joiner.
    case append(Append)
    /// Everything up to `index` equals the primary's log and is durable at the sender. From the
    /// primary to itself, too.
    case appended(view: UInt64, index: LogIndex)
    /// The sender's log, in so many words: an append did not fit, or the sender has just taken the
    /// view over (`round` is then `Message.unasked`).
    case summary(view: UInt64, round: UInt32, runs: [ViewRun])
    /// An append without entries has arrived. It leaves before the disk has been waited for, so
    /// that a backup with a slow disk is not taken for one that cannot be reached.
    case present(view: UInt64)
    /// The sender works in this view, which is newer than that of the message it answers.
    case outdated(view: UInt64)

    static let unasked = UInt32.max
  }

  /// Entries that follow `previous`, or none to find out how the receiver's log ends.
  public struct Append: Equatable, Sendable {
    public var view: UInt64
    /// How often the primary has had to go back for this receiver. A summary that answers an append
    /// of an earlier round comes too late to matter.
    public var round: UInt32
    public var previous: LogIndex
    /// The view of the entry at `previous`; 0 at the start of the log.
    public var previousView: UInt64
    /// Everything up to here is durable at all members.
    public var commit: LogIndex
    public var entries: [ViewEntry]
  }

  /// An entry of the log. What stood at its index and behind it is gone.
  public struct Record: Equatable, Sendable {
    public var index: LogIndex
    public var entry: ViewEntry
  }
}

extension PrimaryBackupReplica.Message: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .append(let append): 1 + append.encodedByteCount
    case .appended: 1 + 16
    case .summary(_, _, let runs): 1 + 12 + runs.encodedByteCount
    case .present, .outdated: 1 + 8
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .append(let append):
      writer.write(UInt8(0))
      append.encode(into: &writer)
    case .appended(let view, let index):
      writer.write(UInt8(1))
      writer.write(view)
      index.encode(into: &writer)
    case .summary(let view, let round, let runs):
      writer.write(UInt8(2))
      writer.write(view)
      writer.write(round)
      runs.encode(into: &writer)
    case .outdated(let view):
      writer.write(UInt8(3))
      writer.write(view)
    case .present(let view):
      writer.write(UInt8(4))
      writer.write(view)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 0: self = .append(try PrimaryBackupReplica.Append(from: &reader))
    case 1:
      self = .appended(view: try reader.read(UInt64.self), index: try LogIndex(from: &reader))
    case 2:
      self = .summary(
        view: try reader.read(UInt64.self), round: try reader.read(UInt32.self),
        runs: try [ViewRun](from: &reader))
    case 3: self = .outdated(view: try reader.read(UInt64.self))
    case 4: self = .present(view: try reader.read(UInt64.self))
    case let other: throw .malformed("\(other) is no message of primary-backup")
    }
  }
}

extension PrimaryBackupReplica.Append: WireCodable {
  public var encodedByteCount: Int { 36 + entries.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    writer.write(view)
    writer.write(round)
    previous.encode(into: &writer)
    writer.write(previousView)
    commit.encode(into: &writer)
    entries.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    view = try reader.read(UInt64.self)
    round = try reader.read(UInt32.self)
    previous = try LogIndex(from: &reader)
    previousView = try reader.read(UInt64.self)
    commit = try LogIndex(from: &reader)
    entries = try [ViewEntry](from: &reader)
  }
}

extension PrimaryBackupReplica.Record: WireCodable {
  public var encodedByteCount: Int { 8 + entry.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    index.encode(into: &writer)
    entry.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    index = try LogIndex(from: &reader)
    entry = try ViewEntry(from: &reader)
  }
}
