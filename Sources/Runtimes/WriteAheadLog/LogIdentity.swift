import Glibc
import Replication
import WireFormat

/// The owner of a log. A directory belongs to the first identity that opened it.
public struct LogIdentity: Equatable, Sendable {
  /// At most 128 bytes of UTF-8.
  public var cluster: String
  /// At most 128 bytes of UTF-8.
  public var protocolName: String
  public var node: Int

  public init(cluster: String, protocolName: String, node: Int) {
    self.cluster = cluster
    self.protocolName = protocolName
    self.node = node
  }

  /// A number that stands for the identity (FNV-1a, 64 bits). Together with the number of the log's
  /// card it is in every file, so that one that was copied from another directory is noticed.
  var digest: UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    for byte in cluster.utf8 { mix(byte) }
    mix(0)
    for byte in protocolName.utf8 { mix(byte) }
    mix(0)
    for shift in 0..<8 { mix(UInt8(truncatingIfNeeded: node >> (8 * shift))) }
    return hash
  }
}

/// The file `node`: the identity, and the node's incarnation.
///
/// One sector: magic (8 bytes), format version (4), whether the last start synced (1), incarnation
/// (8), node (8), cluster and protocol (2 bytes of length each, then UTF-8), zeros, checksum (4).
/// It is replaced as a whole at each start.
struct NodeFile: Equatable {
  static let name = "node"
  static let magic: UInt64 = 0x3145_444F_4E4D_5352
  /// The version of all files of a log.
  static let version: UInt32 = 3

  var identity: LogIdentity
  /// How often the node has started; 1 at the first start.
  var incarnation: UInt64
  /// Whether the log was last opened with syncs.
  var syncs: Bool

  init(identity: LogIdentity, incarnation: UInt64, syncs: Bool) {
    self.identity = identity
    self.incarnation = incarnation
    self.syncs = syncs
  }

  init(_ bytes: [UInt8]) throws(Damage) {
    let isIntact = Sector.isIntact(bytes)
    var reader = WireReader(bytes)
    do {
      guard try reader.read(UInt64.self) == NodeFile.magic else {
        throw Damage(offset: 0, reason: "this is not the identity of a node")
      }
      let version = try reader.read(UInt32.self)
      guard version == NodeFile.version || !isIntact else {
        throw Damage(
          kind: .foreign, offset: 8,
          reason: "has format version \(version); this program reads \(NodeFile.version)")
      }
      guard isIntact else {
        throw Damage(offset: 0, reason: "the identity is damaged (checksum differs)")
      }
      syncs = try reader.readFlag()
      incarnation = try reader.read(UInt64.self)
      let node = try reader.read(Int64.self)
      let cluster = try reader.readBytes(Int(try reader.read(UInt16.self)))
      let protocolName = try reader.readBytes(Int(try reader.read(UInt16.self)))
      identity = LogIdentity(
        cluster: String(decoding: cluster, as: UTF8.self),
        protocolName: String(decoding: protocolName, as: UTF8.self), node: Int(node))
    } catch let damage as Damage {
      throw damage
    } catch {
      throw Damage(offset: 0, reason: "the identity is damaged (too short)")
    }
  }

  var bytes: [UInt8] {
    var writer = WireWriter()
    writer.write(NodeFile.magic)
    writer.write(NodeFile.version)
    writer.write(syncs)
    writer.write(incarnation)
    writer.write(Int64(identity.node))
    for name in [Array(identity.cluster.utf8), Array(identity.protocolName.utf8)] {
      writer.write(UInt16(name.count))
      writer.write(name)
    }
    return Sector.sealed(writer)
  }

  /// `nil` if the file is missing: no log was ever opened completely in this directory.
  static func read(from directory: borrowing File) throws(LogError) -> NodeFile? {
    let path = "\(directory.path)/\(name)"
    let bytes: [UInt8]
    do {
      bytes = try File(path, O_RDONLY).contents()
    } catch {
      if error.kind == .system(ENOENT) { return nil }
      throw error
    }
    do { return try NodeFile(bytes) } catch { throw error.error(in: path) }
  }

  func write(to directory: borrowing File) throws(LogError) {
    let path = "\(directory.path)/\(NodeFile.name)"
    var file = try File(path + ".new", O_WRONLY | O_CREAT | O_TRUNC)
    try file.write(bytes, at: 0)
    try file.sync()
    try file.rename(to: path, in: directory)
  }

  /// - Throws: if the directory belongs to another node.
  func check(_ expected: LogIdentity, path: String) throws(LogError) {
    guard identity != expected else { return }
    func text(_ identity: LogIdentity) -> String {
      "node \(identity.node) of cluster '\(identity.cluster)' (\(identity.protocolName))"
    }
    throw LogError(
      .foreign, path: path,
      reason: "this is the log of \(text(identity)), not of \(text(expected))")
  }
}
