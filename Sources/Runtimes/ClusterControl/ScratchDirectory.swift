import Glibc
import Sockets

/// A new directory that is removed with this value or when this process ends, even if the process
/// is killed.
package struct ScratchDirectory: ~Copyable {
  package static var processNumber: Int { Int(getpid()) }

  package let path: String
  private let guardian: DirectoryGuard

  /// - Parameter parent: is created if it does not exist; its own parent must exist.
  package init(below parent: String) throws(ClusterError) {
    _ = mkdir(parent, 0o755)
    // The name is random, so that the guard never removes a directory of another process.
    let name = "rsmbench-nodes-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
    let guardian = try DirectoryGuard(path: "\(parent)/\(name)")
    guard mkdir(guardian.path, 0o700) == 0 else {
      throw ClusterError("cannot make a directory in \(parent): \(SocketError.text(of: errno))")
    }
    path = guardian.path
    self.guardian = guardian
  }

  package func write(_ text: String, to name: String) throws(ClusterError) {
    let path = "\(path)/\(name)"
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    let bytes = Array(text.utf8)
    defer { if file >= 0 { close(file) } }
    guard file >= 0, Glibc.write(file, bytes, bytes.count) == bytes.count else {
      throw ClusterError("cannot write \(path): \(SocketError.text(of: errno))")
    }
  }
}
