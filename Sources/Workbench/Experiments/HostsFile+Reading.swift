import Configuration

extension HostsFile {
  /// Errors: unreadable or not valid; the caller prints them and exits with code 2.
  public static func read(
    file: String, catalog: ProtocolCatalog
  ) throws(ExperimentError) -> HostsFile {
    try read(
      text: SourceText.contents(of: file, "a readable hosts file"), file: file, catalog: catalog)
  }
}
