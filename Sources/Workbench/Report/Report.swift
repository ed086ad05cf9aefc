import Results

/// Why a report cannot be drawn.
package typealias ReportError = RunFileError

/// The report of a run, made from the files of its directory.
package enum Report {
  package static let fileName = "report.html"

  /// Draws the page of a run. The same files give the same bytes.
  package static func page(of directory: String) throws(ReportError) -> String {
    let run = try RunData(directory: directory)
    return RunPage(run, change: ChangeSection(run, directory: directory)).html
  }

  /// Draws the page of a run and writes it under a temporary name first, so that an earlier page is
  /// replaced completely or not at all.
  /// - Parameter file: the path to write to; `nil` for a file in the run's directory.
  /// - Returns: the path of the page.
  @discardableResult
  package static func write(
    of directory: String, to file: String? = nil
  ) throws(ReportError) -> String {
    let path = file ?? FileStore.join(directory, fileName)
    try write(page(of: directory), to: path)
    return path
  }

  /// Draws a page that compares runs.
  /// - Parameters:
  ///   - directories: at least two; the page calls them by their last names, or by their whole
  ///     paths if two have the same.
  ///   - baseline: the index of the run with which the others are compared.
  package static func write(
    comparing directories: [String], baseline: Int, to file: String
  ) throws(ReportError) {
    var runs: [RunData] = []
    for directory in directories { runs.append(try RunData(directory: directory)) }
    if Set(runs.map(\.label)).count < runs.count {
      for (index, directory) in directories.enumerated() { runs[index].label = directory }
    }
    let comparison = try RunComparison(runs, baseline: baseline)
    try write(ComparisonPage(comparison: comparison).html, to: file)
  }

  /// - Throws: also if the existing file is not a report, because it would be overwritten.
  private static func write(_ page: String, to path: String) throws(ReportError) {
    switch FileStore.kind(path) {
    case .nothing: break
    case .directory: throw ReportError("\(path): found a directory, allowed the name of a file")
    case .file:
      guard try RunData.bytes(path).starts(with: Document.mark.utf8) else {
        throw ReportError("\(path): found a file that is no report; it is not overwritten")
      }
    }
    do throws(RunDirectoryError) {
      try FileStore.write(page, to: path)
    } catch {
      throw ReportError("\(error)")
    }
  }
}
