import Foundation

/// A copy of the package to which a protocol is added as README says.
struct ToyPackage {
  let root: URL
  /// What was added or changed, by paths from the root; folders end in a slash.
  private(set) var touched: [String] = []

  /// Copies what belongs to the package.
  init() throws {
    root = FileManager.default.temporaryDirectory
      .appending(path: "rsmbench-toy-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    for name in ["Package.swift", "Sources", "Tests"] {
      try FileManager.default.copyItem(
        at: SourceTree.root.appending(path: name), to: root.appending(path: name))
    }
  }

  func remove() { try? FileManager.default.removeItem(at: root) }

  /// Adds the protocol: its folder, the folder of its tests, its line in the package, and its case.
  mutating func addToy() throws {
    try add("Sources/Protocols/Toy/", file: "ToyReplica.swift", text: ToyPackage.core)
    try add("Tests/Protocols/ToyTests/", file: "ToyTests.swift", text: ToyPackage.tests)
    try edit(
      "Package.swift",
      [("let protocols: [(name: String, needsAuthority: Bool)] = [\n", "  (\"Toy\", false),\n")])
    try edit(
      "Sources/Protocols/ProtocolList/ProtocolKind.swift",
      [
        ("import Replication\n", "import Toy\n"),
        ("CaseIterable, Sendable {\n", "  case toy\n"),
        (
          "switch self {\n",
          "    case .toy: visitor.visit(ToyReplica.self, ToyReplica.description)\n"
        ),
      ])
  }

  private mutating func add(_ folder: String, file: String, text: String) throws {
    let url = root.appending(path: folder)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try text.write(to: url.appending(path: file), atomically: true, encoding: .utf8)
    touched.append(folder)
  }

  /// Puts text behind the first occurrence of each anchor.
  private mutating func edit(_ path: String, _ insertions: [(anchor: String, text: String)]) throws
  {
    let url = root.appending(path: path)
    var text = try String(contentsOf: url, encoding: .utf8)
    for insertion in insertions {
      guard let place = text.range(of: insertion.anchor) else {
        throw ToyError(description: "\(path) has no \(insertion.anchor)")
      }
      text.insert(contentsOf: insertion.text, at: place.upperBound)
    }
    try text.write(to: url, atomically: true, encoding: .utf8)
    touched.append(path)
  }

  /// Files that are not the same as in the repository, by their folders if those are new.
  func differences() throws -> [String] {
    let manager = FileManager.default
    var found: Set<String> = []
    for top in ["Package.swift", "Sources", "Tests"] {
      let copy = root.appending(path: top)
      let inside = (try? manager.subpathsOfDirectory(atPath: copy.path)) ?? []
      for path in [top] + inside.map({ "\(top)/\($0)" }) where path.hasSuffix(".swift") {
        let original = SourceTree.root.appending(path: path).path
        let own = root.appending(path: path).path
        if manager.contentsEqual(atPath: original, andPath: own) { continue }
        let folder = URL(filePath: original).deletingLastPathComponent().path
        found.insert(
          manager.fileExists(atPath: folder)
            ? path : path.split(separator: "/").dropLast().joined(separator: "/") + "/")
      }
    }
    return found.sorted()
  }

  /// The first of the replicas keeps everything in its memory.
  static let core = """
    import Replication
    import WireFormat

    /// Answers at once, and has forgotten everything after a crash.
    public struct ToyReplica: ReplicaCore {
      public struct Message: Equatable, Sendable, WireCodable {
        public var encodedByteCount: Int { 0 }
        public func encode(into writer: inout WireWriter) {}
        public init(from reader: inout WireReader) throws(WireError) {}
      }
      public typealias Record = Message

      public enum Timer: Int, TimerName, CaseIterable { case unused }

      public struct Options: ProtocolOptions {
        public static var declared: [OptionDeclaration] { [] }
        public init(_ values: OptionValues) {}
      }

      public static let description = ProtocolDescription(
        summary: "A toy", source: "none", replicasPerFailure: 1, assumption: "no crash", bugs: [])

      private let leads: Bool
      private var index = LogIndex.zero

      public init(id: ReplicaID, membership: Membership, options: Options) {
        leads = id == membership.replicas.first
      }

      public mutating func recover(_ record: Record) {}

      public mutating func handle(
        _ event: Event<Self>, at now: Instant, into effects: inout Effects<Self>
      ) {
        switch event {
        case .requested(let batch):
          guard leads else { return effects.refuse(batch, redirect: nil) }
          index = index.next
          effects.commit(batch, at: index, answering: true)
        case .readRequested(let ticket, _): effects.read(ticket)
        case .started, .received, .timerFired, .disconnected: break
        }
      }

      public var status: ReplicaStatus {
        ReplicaStatus(
          role: "toy", isInCharge: leads, epoch: 0, commitIndex: index, lastIndex: index)
      }

      public func invariantViolation() -> String? { nil }
    }

    """

  static let tests = """
    import Testing
    import Toy

    @Test func toy() { #expect(ToyReplica.description.summary == "A toy") }

    """
}

struct ToyError: Error, CustomStringConvertible {
  var description: String
}

/// The compiler that built these tests, beside what it has built.
struct Compiler {
  /// Where the build that is running has its modules and objects.
  static var products: URL {
    URL(
      filePath: CommandLine.arguments.first { $0.contains(".xctest") } ?? CommandLine.arguments[0]
    )
    .deletingLastPathComponent()
  }

  static var isThere: Bool {
    let modules = products.appending(path: "Modules/Replication.swiftmodule")
    return FileManager.default.fileExists(atPath: modules.path)
      && (try? run(["swiftc", "--version"])) != nil
  }

  /// What to pass for code that uses modules of this package.
  static var flags: [String] {
    let map = products.appending(path: "CProcessor.build/module.modulemap").path
    return [
      "-swift-version", "6", "-warnings-as-errors", "-parse-as-library",
      "-package-name", SourceTree.root.lastPathComponent.lowercased(),
      "-Xcc", "-fmodule-map-file=\(map)", "-I", products.appending(path: "Modules").path,
    ]
  }

  /// Runs a tool and gives back what it printed.
  @discardableResult
  static func run(_ words: [String], in folder: URL? = nil) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = words
    process.currentDirectoryURL = folder
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ToyError(description: "\(words.joined(separator: " ")): \(text)")
    }
    return text
  }
}
