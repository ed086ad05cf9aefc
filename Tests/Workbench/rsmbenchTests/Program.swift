import Foundation
import Testing

/// The result of one run of the program.
struct Outcome {
  var status: Int32
  /// Whether the program trapped or was killed; `status` is then the signal's number.
  var diedOfSignal: Bool
  var output: String
  var errors: String

  var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
}

/// A test's own folder, in which the program runs as a user would start it.
final class Workspace {
  let folder: URL
  private var started = 0

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "rsmbench-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func url(_ path: String) -> URL { folder.appending(path: path) }

  func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: url(path))
  }

  func text(_ path: String) throws -> String { try String(contentsOf: url(path), encoding: .utf8) }

  func bytes(_ path: String) throws -> Data { try Data(contentsOf: url(path)) }

  /// The files and folders in a folder, including hidden ones, sorted by name.
  func names(_ path: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url(path).path).sorted()
  }

  /// Every file in a folder and its subfolders, with its content.
  func files(_ path: String) throws -> [String: Data] {
    var result: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: url(path).path) {
      var isFolder: ObjCBool = false
      let file = "\(path)/\(name)"
      _ = FileManager.default.fileExists(atPath: url(file).path, isDirectory: &isFolder)
      if !isFolder.boolValue { result[name] = try bytes(file) }
    }
    return result
  }

  /// The CSV files of a run with their content, which the seed alone determines.
  func tables(_ run: String) throws -> [String: Data] {
    let tables = try files(run).filter { $0.key.hasSuffix(".csv") }
    #expect(tables.count == 9)
    return tables
  }

  /// The program, which the build puts beside the bundle of its tests.
  static let program =
    (Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0]))
    .resolvingSymlinksInPath().deletingLastPathComponent().appending(path: "rsmbench")

  func rsmbench(_ arguments: String...) async throws -> Outcome {
    try await rsmbench(list: arguments)
  }

  /// Runs the program to its end.
  ///
  /// - Parameters:
  ///   - environment: replaces variables of the tests' own environment.
  ///   - meanwhile: called while the program runs, on a separate thread, because the threads of the
  ///     tests are busy with other tests and would come to it too late.
  func rsmbench(
    list arguments: [String], environment: [String: String] = [:],
    meanwhile: @escaping @Sendable (Process) -> Void = { _ in }
  ) async throws -> Outcome {
    try #require(
      FileManager.default.isExecutableFile(atPath: Workspace.program.path),
      "the program is not built at \(Workspace.program.path)")
    started += 1
    let streams = try [".out-\(started)", ".err-\(started)"].map { name in
      try Data().write(to: url(name))
      return (name, try FileHandle(forWritingTo: url(name)))
    }
    let process = Process()
    process.executableURL = Workspace.program
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = streams[0].1
    process.standardError = streams[1].1
    let (ended, end) = AsyncStream<Void>.makeStream()
    process.terminationHandler = { _ in end.finish() }
    try process.run()
    Thread.detachNewThread { meanwhile(process) }
    // A program that hangs is terminated, and its test fails because of its status.
    let deadline = DispatchWorkItem { process.terminate() }
    DispatchQueue.global().asyncAfter(deadline: .now() + 240, execute: deadline)
    for await _ in ended {}
    deadline.cancel()
    let texts = try streams.map { name, handle in
      try handle.close()
      defer { try? FileManager.default.removeItem(at: url(name)) }
      return try text(name)
    }
    return Outcome(
      status: process.terminationStatus,
      diedOfSignal: process.terminationReason == .uncaughtSignal, output: texts[0],
      errors: texts[1])
  }
}

/// An experiment of two protocols that takes a fraction of a second even in a debug build.
func tiny(_ fields: String = "") -> String {
  """
  {
    name: "tiny",
    protocols: ["raft", "chain-replication"],
    workload: { clients: 2, keys: 5, thinkTime: "4ms" },
    warmUp: "100ms", duration: "500ms", trials: 2,
    \(fields)
  }
  """
}

/// The rows of a CSV file without quoted fields, each by the names of its columns.
func rows(_ text: String) -> [[String: String]] {
  let lines = text.split(whereSeparator: \.isNewline)
  guard let header = lines.first?.split(separator: ",", omittingEmptySubsequences: false) else {
    return []
  }
  return lines.dropFirst().map { line in
    let values = line.split(separator: ",", omittingEmptySubsequences: false)
    #expect(values.count == header.count)
    return Dictionary(
      zip(header.map(String.init), values.map(String.init)), uniquingKeysWith: { $1 })
  }
}

extension [[String: String]] {
  func column(_ name: String) -> [String] { compactMap { $0[name] } }
}
