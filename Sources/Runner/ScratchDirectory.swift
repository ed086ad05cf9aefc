import Cluster
import Glibc
import Sockets

/// A new directory for what lives no longer than a trial. Whoever starts nodes in it removes it
/// (`DirectoryGuard`).
struct ScratchDirectory {
  static var processNumber: Int { Int(getpid()) }

  let path: String

  /// - Parameter parent: is made if it is not there, but not what lies above it.
  init(below parent: String) throws(ClusterError) {
    _ = mkdir(parent, 0o755)
    // What `mkdtemp` replaces by something unique.
    let places = String(repeating: "X", count: 6)
    var template = Array("\(parent)/rsmbench-nodes-\(places)".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw ClusterError("cannot make a directory in \(parent): \(SocketError.text(of: errno))")
    }
    path = String(
      decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func write(_ text: String, to path: String) throws(ClusterError) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    let bytes = Array(text.utf8)
    defer { if file >= 0 { close(file) } }
    guard file >= 0, Glibc.write(file, bytes, bytes.count) == bytes.count else {
      throw ClusterError("cannot write \(path): \(SocketError.text(of: errno))")
    }
  }
}
