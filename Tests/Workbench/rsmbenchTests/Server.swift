import Foundation
import Glibc
import HostTesting
import RedisClients
import Testing

/// The program as `serve`, as a user would start it: with its own temporary directory, so that
/// leftover files are noticed.
final class Server {
  struct Node {
    var process: pid_t
    var isInCharge: Bool
  }

  /// Kept, because the program runs in its folder.
  private let space: Workspace
  let process = Process()
  private let output: URL
  private let errors: URL
  let temporary: URL
  private(set) var port: UInt16 = 0
  private(set) var nodes: [Node] = []

  /// Waits until the program serves.
  /// - Parameter shell: commands that a shell runs before it becomes the program.
  init(_ space: Workspace, shell: String = "true", _ arguments: [String]) throws {
    self.space = space
    let name = "serve-\(UUID())"
    output = space.url("\(name).out")
    errors = space.url("\(name).err")
    temporary = space.url(name)
    try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
    for file in [output, errors] { try Data().write(to: file) }
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments =
      ["-c", "\(shell); exec \"$@\"", "sh", Workspace.program.path, "serve", "--port", "0"]
      + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["TMPDIR": temporary.path, "SWIFT_BACKTRACE": "enable=no"]) { $1 }
    process.currentDirectoryURL = space.folder
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    try waitFor("announcement") {
      try #require(process.isRunning, "\(complaints)")
      return announcement.contains("in charge\n") ? true : nil
    }
    try read(announcement)
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  private var announcement: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }
  var complaints: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

  /// `serving raft, 3 replicas, on 127.0.0.1:6379`, and a line for each node:
  /// `node 0  127.0.0.1:40001  process 4711  in charge`.
  private func read(_ text: String) throws {
    let lines = text.split(separator: "\n")
    port = try #require(lines.first?.split(separator: ":").last.flatMap { UInt16($0) })
    nodes = lines.dropFirst().map { line in
      let words = line.split(separator: " ")
      let number = words.firstIndex(of: "process").flatMap { pid_t(words[$0 + 1]) }
      return Node(process: number ?? 0, isInCharge: words.last == "charge")
    }
  }

  func client() throws -> RedisClient { try RedisClient(port: port) }

  /// The state of each node according to INFO.
  func states(_ client: RedisClient) throws -> [[String: String]] {
    let fields = try client.info("replication")
    return (0..<nodes.count).map { node in
      var state: [String: String] = [:]
      for field in (fields["node\(node)"] ?? "").split(separator: ",") {
        let halves = field.split(separator: "=")
        if halves.count == 2 { state[String(halves[0])] = String(halves[1]) }
      }
      return state
    }
  }

  /// Sends a signal and waits for the program to end.
  /// - Returns: the exit code, or the number of the signal that ended it.
  func end(_ signal: Int32) -> Int32 {
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// Whether a process exists and has not ended.
  static func isAlive(_ process: pid_t) -> Bool {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let state = text.split(separator: ")").last?.split(separator: " ").first
    else { return false }
    return state != "Z" && state != "X"
  }

  /// The nodes' processes and files that are left.
  func leftovers(of processes: [pid_t]) throws -> [String] {
    let alive = processes.filter(Server.isAlive).map { "process \($0)" }
    let scratch = temporary.path
    return alive + ((try? FileManager.default.contentsOfDirectory(atPath: scratch)) ?? [])
  }
}

extension Workspace {
  /// Runs the program to its end, for a minute at most, and blocks this thread until then.
  func finished(_ arguments: [String]) throws -> Outcome {
    let files = ["out", "err"].map { url(".\($0)") }
    for file in files { try Data().write(to: file) }
    let process = Process()
    process.executableURL = Workspace.program
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    // A program that serves although it should refuse to would never end.
    if !eventually({ !process.isRunning }) { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    let texts = try files.map { file in
      defer { try? FileManager.default.removeItem(at: file) }
      return try String(contentsOf: file, encoding: .utf8)
    }
    return Outcome(
      status: process.terminationStatus,
      diedOfSignal: process.terminationReason == .uncaughtSignal, output: texts[0],
      errors: texts[1])
  }
}
