import Configuration

extension HostsFile {
  /// A secret for a cluster that begins.
  public static func drawSecret() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<secretByteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }
}
