import Foundation
import HostTesting
import OtherSystems
import Primitives
import Replication
import Sockets
import Testing

/// A server of another system, started for one test on a free port of the loopback interface. It
/// ends with this object.
final class PeerServer {
  let endpoint: Endpoint
  let process: Process
  private let folder: URL

  /// The path of an installed program.
  static func path(of program: String) -> String? {
    let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
    return folders.map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  static var hasRedis: Bool { path(of: "redis-server") != nil && path(of: "redis-cli") != nil }
  static var hasEtcd: Bool { path(of: "etcd") != nil }

  /// Starts a Redis that writes no file.
  static func redis(_ options: String...) throws -> PeerServer {
    try start("redis-server") { endpoints, _ in
      ["--bind", "127.0.0.1", "--port", "\(endpoints[0].port)", "--save", "", "--appendonly", "no"]
        + options
    } check: { endpoint in
      do {
        try TargetSystem.redis(waitReplicas: 0).check(endpoint, patience: .milliseconds(100))
      } catch let error as TargetError where error.description.contains("NOAUTH") {
        // The server answers, so it has started.
      }
    }
  }

  /// Starts an etcd of one member.
  static func etcd() throws -> PeerServer {
    try start("etcd") { endpoints, folder in
      let urls = endpoints.map { "http://\($0)" }
      return [
        "--data-dir", folder.appending(path: "data").path, "--listen-client-urls", urls[0],
        "--advertise-client-urls", urls[0], "--listen-peer-urls", urls[1],
        "--initial-advertise-peer-urls", urls[1], "--initial-cluster", "default=\(urls[1])",
      ]
    } check: { endpoint in
      try TargetSystem.etcd.check(endpoint, patience: .milliseconds(100))
    }
  }

  /// Another process may take a free port before the server asks for it; other ports are tried
  /// then.
  private static func start(
    _ program: String, _ arguments: ([Endpoint], URL) -> [String],
    check: (Endpoint) throws -> Void
  ) throws -> PeerServer {
    let path = try #require(PeerServer.path(of: program))
    for _ in 0..<3 {
      let endpoints = try Endpoint.freeOnLoopback(2)
      let folder = FileManager.default.temporaryDirectory.appending(path: "rsmbench-\(UUID())")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let server = try PeerServer(
        path, arguments(endpoints, folder), endpoint: endpoints[0], folder: folder)
      var answers = false
      eventually {
        answers = (try? check(server.endpoint)) != nil
        return answers || !server.process.isRunning
      }
      if answers { return server }
    }
    throw TargetError("\(program) did not start")
  }

  private init(_ path: String, _ arguments: [String], endpoint: Endpoint, folder: URL) throws {
    self.endpoint = endpoint
    self.folder = folder
    process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  deinit {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: folder)
  }

  /// The answer of Redis to a command.
  static func ask(_ endpoint: Endpoint, _ words: String...) -> String {
    guard let path = PeerServer.path(of: "redis-cli") else { return "" }
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = ["-h", endpoint.host, "-p", "\(endpoint.port)"] + words
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return "" }
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
