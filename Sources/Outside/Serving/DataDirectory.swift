import ClusterControl
import Configuration
import Foundation
import ProtocolList
import Glibc
import Sockets

/// The directory in which a service keeps its nodes' logs from one start to the next. It is for one
/// service at a time, and always for the same protocol with the same number of replicas: replicas
/// added at a later start would have empty logs, and could outvote the others.
struct DataDirectory {
  static let hostsName = "hosts.json5"
  private static let lockName = "lock"

  let path: String
  /// Whether an earlier start has left logs.
  let hasRun: Bool
  /// Holds the directory's lock until it is closed.
  private let lock: Int32

  /// Creates the directory if it does not exist, and locks it.
  init(path: String, hosts: HostsFile) throws {
    self.path = path
    let parent = URL(filePath: path).deletingLastPathComponent().path
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let lockPath = "\(path)/\(DataDirectory.lockName)"
    lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else {
      throw ClusterError("--data: cannot write \(lockPath): \(SocketError.text(of: errno))")
    }
    do {
      guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
        throw ClusterError("--data: \(path) is in use by another process")
      }
      let earlier = try DataDirectory.earlier(in: path, nodeCount: hosts.addresses.count)
      if let earlier { try DataDirectory.compare(hosts, with: earlier, in: path) }
      hasRun = earlier != nil
      try DataDirectory.sync(parent)
    } catch {
      Descriptor.close(lock)
      throw error
    }
  }

  func close() { Descriptor.close(lock) }

  /// Writes this start's hosts file. It replaces the earlier one as a whole, so that there is
  /// always a complete file.
  func write(_ hosts: HostsFile) throws(ClusterError) {
    let name = "\(path)/\(DataDirectory.hostsName)"
    let new = name + ".new"
    let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    let bytes = Array(hosts.text.utf8)
    guard file >= 0, Glibc.write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0,
      rename(new, name) == 0
    else {
      let code = errno
      if file >= 0 { Descriptor.close(file) }
      throw ClusterError("--data: cannot write \(name): \(SocketError.text(of: code))")
    }
    Descriptor.close(file)
    try DataDirectory.sync(path)
  }

  /// Renames the remaining log directories of these nodes.
  func setAside(_ nodes: [Int]) throws(ClusterError) {
    for node in nodes {
      let directory = "\(path)/\(node)"
      // An earlier start has already moved the lost log and begun its replacement here.
      guard access(directory, F_OK) == 0, !isReplacement(directory) else { continue }
      var number = 1
      while access("\(directory).lost-\(number)", F_OK) == 0 { number += 1 }
      guard rename(directory, "\(directory).lost-\(number)") == 0 else {
        throw ClusterError("--data: cannot move \(directory): \(SocketError.text(of: errno))")
      }
    }
    try DataDirectory.sync(path)
  }

  /// Whether a new log was begun here, but not opened completely yet.
  private func isReplacement(_ directory: String) -> Bool {
    !DataDirectory.hasLog(in: directory) && access("\(directory)/member", F_OK) == 0
  }

  static func hasLog(in directory: String) -> Bool { access("\(directory)/node", F_OK) == 0 }

  private static func sync(_ path: String) throws(ClusterError) {
    let directory = open(path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { if directory >= 0 { Descriptor.close(directory) } }
    guard directory >= 0, fsync(directory) == 0 else {
      throw ClusterError("--data: cannot sync \(path): \(SocketError.text(of: errno))")
    }
  }

  /// The hosts file of the last start; `nil` before the first one.
  static func earlier(in path: String, nodeCount: Int) throws -> HostsFile? {
    let name = "\(path)/\(hostsName)"
    let hasLogs = (0..<nodeCount).contains { hasLog(in: "\(path)/\($0)") }
    guard access(name, F_OK) == 0,
      case let text = try String(contentsOfFile: name, encoding: .utf8),
      !text.isEmpty
    else {
      guard !hasLogs else {
        throw ClusterError(
          "--data: \(path) holds logs, but \(name) is missing or empty, which says whose they are")
      }
      return nil
    }
    let hosts = try HostsFile.read(text: text, file: name)
    if !hosts.secret.isEmpty { try checkPrivacy(of: name) }
    return hosts
  }

  /// Refuses a secret that other users can read or change, because whoever knows it belongs to the
  /// cluster.
  private static func checkPrivacy(of file: String) throws(ExperimentError) {
    var status = stat()
    guard stat(file, &status) == 0 else { return }
    let error = HostsFile.privacyError(
      of: file, mode: status.st_mode, owner: status.st_uid, user: geteuid())
    if let error { throw error }
  }

  private static func compare(
    _ hosts: HostsFile, with earlier: HostsFile, in path: String
  ) throws(ClusterError) {
    func words(_ hosts: HostsFile) -> String {
      "\(hosts.choice.kind.name) with \(hosts.nodes.count)"
    }
    guard words(earlier) == words(hosts) else {
      throw ClusterError(
        "--data: \(path) holds the logs of \(words(earlier)) replicas, not of \(words(hosts))")
    }
    guard earlier.cluster == hosts.cluster else {
      throw ClusterError("--data: \(path) was begun by another service at this moment")
    }
  }
}
