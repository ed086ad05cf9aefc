import Configuration
import Foundation

extension HostsFile {
  /// Reads a file. Throws if the file is unreadable or not valid, or if other users can access its
  /// secret; the caller prints the error and exits with code 2.
  package static func read(
    file: String
  ) throws(ExperimentError) -> HostsFile {
    let hosts = try read(
      text: SourceText.contents(of: file, "a readable hosts file"), file: file)
    if !hosts.secret.isEmpty { try checkPrivacy(of: file) }
    return hosts
  }

  /// Refuses a secret that other users can read or change.
  private static func checkPrivacy(of file: String) throws(ExperimentError) {
    let path = URL(fileURLWithPath: file).resolvingSymlinksInPath().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return }
    let mode = (attributes[.posixPermissions] as? NSNumber)?.uint32Value ?? 0
    let owner = (attributes[.ownerAccountID] as? NSNumber)?.uint32Value ?? 0
    let error = privacyError(of: file, mode: mode, owner: owner, user: geteuid())
    if let error { throw error }
  }
}
