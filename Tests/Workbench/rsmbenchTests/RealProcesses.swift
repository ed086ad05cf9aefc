import Foundation
import HostTesting
import ProtocolList
import Replication
import Testing

/// Tests that start clusters, run one after the other: at the same time they would compete for
/// processors, and a leader without a processor is replaced although it is healthy.
@Suite(.serialized, .ownThreads) struct RealProcesses {}

/// An experiment of one trial on a real cluster.
func live(
  _ fields: String = "", protocols: String = #"["raft"]"#, duration: String = "1500ms"
) -> String {
  """
  {
    name: "live", runtime: "cluster", protocols: \(protocols),
    workload: { clients: 4, keys: 20, thinkTime: "1ms", timeout: "500ms" },
    warmUp: "200ms", duration: "\(duration)", trials: 1,
    \(fields)
  }
  """
}

/// All protocols of the list, as an experiment names them.
let allProtocols = "[\(ProtocolKind.allCases.map { "\"\($0.name)\"" }.joined(separator: ", "))]"

/// A process as shown in `/proc`.
struct LiveProcess {
  var number: Int32
  var words: [String]
  /// `T`: stopped by a signal.
  var state: Character

  var isNode: Bool { words.dropFirst().first == "node" }

  /// The processes whose command line names a path in a folder. A process that has ended has no
  /// command line.
  static func all(naming folder: String) -> [LiveProcess] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap(Int32.init).compactMap { number in
      let line = String(decoding: contents("/proc/\(number)/cmdline"), as: UTF8.self)
      guard line.contains(folder) else { return nil }
      // The format is `PID (NAME) STATE ...`, where the name may hold any characters.
      let status = String(decoding: contents("/proc/\(number)/stat"), as: UTF8.self)
      let state = status.split(separator: ")").last?.first { $0 != " " }
      return LiveProcess(
        number: number, words: line.split(separator: "\0").map(String.init), state: state ?? "?")
    }
  }

  private static func contents(_ path: String) -> Data {
    guard let file = FileHandle(forReadingAtPath: path) else { return Data() }
    defer { try? file.close() }
    return (try? file.readToEnd()) ?? Data()
  }
}

extension Workspace {
  /// The directory of the nodes' logs in `runLive`; the nodes' command lines name it.
  var data: String { url("data").path }

  var nodes: [LiveProcess] { LiveProcess.all(naming: data).filter(\.isNode) }

  /// The current directories of nodes.
  var nodeDirectories: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: data)) ?? []
  }

  /// Runs an experiment on a real cluster whose processes can be told from those of other tests.
  func runLive(
    _ file: String, _ arguments: String...,
    meanwhile: @escaping @Sendable (Process) -> Void = { _ in }
  ) async throws -> Outcome {
    try await runLive(list: [file] + arguments, meanwhile: meanwhile)
  }

  func runLive(
    list arguments: [String], meanwhile: @escaping @Sendable (Process) -> Void = { _ in }
  ) async throws -> Outcome {
    try await rsmbench(list: ["run"] + arguments + ["--data", data], meanwhile: meanwhile)
  }

  /// Expects that within 20 s no process of the workspace and no directory of nodes is left.
  func expectNothingLeft(_ location: SourceLocation = #_sourceLocation) {
    eventually(within: .seconds(20)) {
      LiveProcess.all(naming: folder.path).isEmpty && nodeDirectories.isEmpty
    }
    let left = LiveProcess.all(naming: folder.path).map(\.words)
    #expect(left == [], sourceLocation: location)
    #expect(nodeDirectories == [], sourceLocation: location)
  }
}

/// The program running in the background. It ends with this object.
final class BackgroundProgram {
  private let process = Process()
  private let errorsFile: URL

  init(_ space: Workspace, _ arguments: [String], errors name: String) throws {
    errorsFile = space.url(name)
    try Data().write(to: errorsFile)
    process.executableURL = Workspace.program
    process.arguments = arguments
    process.currentDirectoryURL = space.folder
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: errorsFile)
    try process.run()
  }

  deinit { end(by: SIGKILL) }

  var errors: String { (try? String(contentsOf: errorsFile, encoding: .utf8)) ?? "" }
  var isRunning: Bool { process.isRunning }

  /// Stops the program with SIGSTOP until SIGKILL ends it.
  func stop() { kill(process.processIdentifier, SIGSTOP) }

  /// - Returns: the exit code; `nil` if the signal itself ended the program or was never sent.
  @discardableResult
  func end(by signal: Int32) -> Int32? {
    if process.isRunning { kill(process.processIdentifier, signal) }
    guard eventually({ !process.isRunning }), process.terminationReason == .exit else { return nil }
    return process.terminationStatus
  }
}
