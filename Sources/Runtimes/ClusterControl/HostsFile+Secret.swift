import Configuration

extension HostsFile {
  /// Draws a secret for a new cluster.
  package static func drawSecret() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<secretByteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }
}
