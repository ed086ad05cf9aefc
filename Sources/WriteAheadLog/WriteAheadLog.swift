import Glibc
import Replication

public struct LogIdentity: Sendable {
  public var cluster: String
  public var protocolName: String
  public var node: Int
  public init(cluster: String, protocolName: String, node: Int) {
    self.cluster = cluster
    self.protocolName = protocolName
    self.node = node
  }
}
public enum LogFault { case syncError, full, bitFlip(seed: UInt64) }
public struct WriteAheadLog: ~Copyable {
  public var life: UInt64 = 1
  public var recordCount = 0
  public var syncCount = 0
  public var bytesWritten = 0
  var fd: Int32
  let syncs: Bool
  var writer = WireWriter()
  public init(directory: String, identity: LogIdentity, syncs: Bool, segmentByteCount: Int = 16 << 20) throws {
    mkdir(directory, 0o755)
    fd = open(directory + "/log", O_RDWR | O_CREAT | O_TRUNC, 0o644)
    self.syncs = syncs
    if syncs {
    let zeros = [UInt8](repeating: 0, count: 64 << 20)
    _ = zeros.withUnsafeBytes { pwrite(fd, $0.baseAddress, $0.count, 0) }
    fsync(fd)
    }
  }
  public mutating func forEachRecovered<Record: WireCodable>(_ type: Record.Type, _ body: (Record) -> Void) throws {}
  public mutating func append<Record: WireCodable>(_ record: Record) {
    record.encode(into: &writer)
    recordCount += 1
  }
  public mutating func commit() throws {
    let count = writer.withBytes { pwrite(fd, $0.baseAddress, $0.count, bytesWritten) }
    bytesWritten += count
    writer.removeAll()
    if syncs { fdatasync(fd); syncCount += 1 }
  }
  public mutating func inject(_ fault: LogFault?) {}
}
