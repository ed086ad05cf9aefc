import ClusterControl
import Configuration
import Foundation
import ProtocolList
import Glibc
import Sockets

/// Where a service keeps its nodes' logs from one start to the next: only one service at a time,
/// and always the same protocol with the same number of replicas. Replicas that a later start added
/// would know nothing, and could outvote those that do.
struct DataDirectory {
  static let hostsName = "hosts.json5"

  let path: String
  /// The hosts file, locked as long as it is open.
  private let file: Int32

  /// Makes the directory if it is not there, and writes who the nodes are this time.
  init(path: String, hosts: HostsFile) throws {
    self.path = path
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let name = "\(path)/\(DataDirectory.hostsName)"
    file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      throw ClusterError("--data: cannot write \(name): \(SocketError.text(of: errno))")
    }
    do {
      guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
        throw ClusterError("--data: \(path) is in use by another process")
      }
      try DataDirectory.compare(hosts, with: name, in: path)
      let bytes = Array(hosts.text.utf8)
      guard ftruncate(file, 0) == 0, pwrite(file, bytes, bytes.count, 0) == bytes.count else {
        throw ClusterError("--data: cannot write \(name): \(SocketError.text(of: errno))")
      }
    } catch {
      Descriptor.close(file)
      throw error
    }
  }

  func close() { Descriptor.close(file) }

  private static func compare(
    _ hosts: HostsFile, with name: String, in path: String
  ) throws {
    let text = try String(contentsOfFile: name, encoding: .utf8)
    guard !text.isEmpty else { return }
    let earlier = try HostsFile.read(text: text, file: name)
    func words(_ hosts: HostsFile) -> String {
      "\(hosts.choice.kind.name) with \(hosts.nodes.count)"
    }
    guard words(earlier) == words(hosts) else {
      throw ClusterError(
        "--data: \(path) holds the logs of \(words(earlier)) replicas, not of \(words(hosts))")
    }
  }
}
