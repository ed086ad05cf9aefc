import Glibc
import Replication
import WireFormat

/// Identifies one of the logs that a node has had: a replica that has lost its directory gets
/// another log with another card.
public struct LogCard: Equatable, Sendable {
  /// Drawn when the log is created.
  public var number: UInt64
  /// 0 for the first log of a node; greater for each log that replaces a lost one.
  public var generation: UInt64

  public init(number: UInt64, generation: UInt64) {
    self.number = number
    self.generation = generation
  }

  /// Whether the log was begun before now, and a day for the clocks of hosts that differ. A
  /// generation is the time in milliseconds at which `--replace` began the log. If peers remembered
  /// a later one, no later replacement of that node could have a larger one.
  public func mayExist(at now: UInt64 = LogCard.presentTime) -> Bool {
    generation <= now + 24 * 3600 * 1000
  }

  /// The present time as a generation.
  public static var presentTime: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(max(time.tv_sec, 0)) * 1000 + UInt64(max(time.tv_nsec, 0)) / 1_000_000
  }
}

/// The conditions under which a log may be opened.
public enum LogOpening: Equatable, Sendable {
  /// Creates a log if there is none.
  case any
  /// The node has run before, so its log must exist; otherwise it is lost.
  case existing
  /// The node has lost its log, and begins a new one of this generation. If a replacement exists
  /// already, it is used.
  case replacement(generation: UInt64)
}

/// The file `member`: the card of this log, and those of the peers' logs that this node has met. By
/// these cards it recognises a peer that has lost its log.
///
/// One sector: magic (8 bytes), format version (4), number (8), generation (8), count (4), then for
/// each peer its node (8), number (8), generation (8); zeros, checksum (4).
struct MemberFile: Equatable, Sendable {
  static let name = "member"
  static let magic: UInt64 = 0x3152_4542_4D45_4D52
  /// As many as fit into a sector. Further peers, in clusters of more than 20 nodes, are not
  /// remembered.
  static let mostPeers = 19

  var card: LogCard
  var peers: [Int: LogCard] = [:]

  init(card: LogCard) { self.card = card }

  init(_ bytes: [UInt8], path: String) throws(LogError) {
    guard Sector.isIntact(bytes) else { throw .damaged(path, "the checksum differs") }
    var reader = WireReader(bytes)
    do throws(WireError) {
      guard try reader.read(UInt64.self) == MemberFile.magic,
        try reader.read(UInt32.self) == NodeFile.version
      else { throw .malformed("no member file") }
      card = LogCard(
        number: try reader.read(UInt64.self), generation: try reader.read(UInt64.self))
      for _ in 0..<min(try reader.read(UInt32.self), UInt32(MemberFile.mostPeers)) {
        let peer = Int(truncatingIfNeeded: try reader.read(UInt64.self))
        peers[peer] = LogCard(
          number: try reader.read(UInt64.self), generation: try reader.read(UInt64.self))
      }
    } catch {
      throw .damaged(path, "this is no file of a member")
    }
  }

  var bytes: [UInt8] {
    var writer = WireWriter()
    writer.write(MemberFile.magic)
    writer.write(NodeFile.version)
    writer.write(card.number)
    writer.write(card.generation)
    writer.write(UInt32(peers.count))
    for (peer, card) in peers.sorted(by: { $0.key < $1.key }) {
      writer.write(UInt64(peer))
      writer.write(card.number)
      writer.write(card.generation)
    }
    return Sector.sealed(writer)
  }

  static func read(from directory: borrowing File) throws(LogError) -> MemberFile? {
    let path = "\(directory.path)/\(name)"
    do {
      return try MemberFile(try File(path, O_RDONLY).contents(), path: path)
    } catch {
      if error.kind == .system(ENOENT) { return nil }
      throw error
    }
  }

  func write(to directory: borrowing File) throws(LogError) {
    let path = "\(directory.path)/\(MemberFile.name)"
    var file = try File(path + ".new", O_WRONLY | O_CREAT | O_TRUNC)
    try file.write(bytes, at: 0)
    try file.sync()
    try file.rename(to: path, in: directory)
  }

  /// Reads the card of a directory, or draws one for a new log.
  /// - Parameter hasLog: whether the directory has been opened before.
  static func open(
    in directory: borrowing File, as opening: LogOpening, hasLog: Bool
  ) throws(LogError) -> MemberFile {
    let found = try read(from: directory)
    if case .replacement(let generation) = opening {
      if let found, found.card.generation > 0 { return found }
      guard !hasLog else {
        throw LogError(
          .foreign, path: directory.path,
          reason: "there is a log already: move the directory away before it is replaced")
      }
      let made = MemberFile(
        card: LogCard(number: .random(in: 1...UInt64.max), generation: max(generation, 1)))
      try made.write(to: directory)
      return made
    }
    if opening == .existing, !hasLog {
      throw LogError(
        .foreign, path: directory.path,
        reason:
          "the log of this node is gone, although the node has run before: only --replace begins "
          + "a new one")
    }
    if let found { return found }
    guard !hasLog else {
      throw .damaged("\(directory.path)/\(name)", "the file is missing but there is a log")
    }
    let made = MemberFile(card: LogCard(number: .random(in: 1...UInt64.max), generation: 0))
    try made.write(to: directory)
    return made
  }
}

extension WriteAheadLog {
  /// The card of this log.
  public var card: LogCard { member.card }

  /// Whether a peer has the log that this node knows, its first log, or a log that replaces the
  /// known one. A new card is made durable before this returns.
  public mutating func recognise(_ card: LogCard, of peer: Int) throws(LogError) -> Bool {
    if member.peers[peer] == card { return true }
    if let known = member.peers[peer], card.generation <= known.generation { return false }
    var changed = member
    changed.peers[peer] = card
    guard changed.peers.count <= MemberFile.mostPeers else { return true }
    try changed.write(to: directory)
    member = changed
    return true
  }
}
