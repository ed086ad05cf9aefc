import Testing

/// Rules about the source itself. Each has a partner that shows that the rule notices violations.
@Suite("Tidiness")
struct TidyTests {
  private func sample(_ path: String, _ text: String) -> SourceFile {
    SourceFile(path: path, text: text)
  }

  @Test("The source files are found")
  func walk() throws {
    let files = try SourceTree.files()
    #expect(files.count >= 100)
    #expect(files.contains { $0.path == "Sources/Interface/Replication/ReplicaCore.swift" })
    #expect(files.contains { $0.path == "Tests/Whole/TidyTests/TidyTests.swift" })
  }

  @Test(
    "The purity rule notices",
    arguments: [
      "import Foundation", "@preconcurrency import Dispatch", "public import Glibc",
      "import struct Foundation.Date", "let now = ContinuousClock.now", "let now = Date()",
      "let x = Int.random(in: 0..<3)", "let y = names.shuffled()", "let z = names.randomElement()",
      "var g = SystemRandomNumberGenerator()",
    ])
  func impurity(line: String) {
    #expect(
      TidyRules.impurities(sample("Sources/Protocols/Raft/A.swift", line), pureModules: ["Raft"])
        .count >= 1)
    #expect(
      TidyRules.impurities(sample("Sources/Workbench/Runner/A.swift", line), pureModules: ["Raft"])
        == [])
    #expect(
      TidyRules.impurities(sample("Tests/Protocols/RaftTests/A.swift", line), pureModules: ["Raft"])
        == [])
  }

  @Test(
    "The purity rule ignores prose and seeded draws",
    arguments: [
      "// import Foundation", "/// Not Date() but a reading", "let s = \"Date()\"",
      "let y = names.shuffled(using: &random)", "import Replication", "guard isUpToDate(a)",
    ])
  func purityOfProse(line: String) {
    #expect(
      TidyRules.impurities(sample("Sources/Protocols/Raft/A.swift", line), pureModules: ["Raft"])
        == [])
  }

  @Test("Protocols import the shared interface and no other protocol")
  func protocolImports() throws {
    let protocols = TidyRules.protocolModules(inManifest: try SourceTree.text("Package.swift"))
    let files = try SourceTree.files()
    #expect(files.flatMap { TidyRules.foreignImports($0, protocols: protocols) } == [])
    for bad in ["import MultiPaxos", "import SteppedCluster", "import ReplicaHosting"] {
      let file = sample("Sources/Protocols/Raft/A.swift", bad)
      #expect(TidyRules.foreignImports(file, protocols: protocols).count == 1)
    }
  }

  @Test("No file is longer than 400 lines")
  func length() throws {
    #expect(try SourceTree.files().flatMap(TidyRules.length) == [])
    let line = "let a = 1\n"
    let longest = String(repeating: line, count: 400)
    #expect(TidyRules.length(sample("Sources/Protocols/Raft/A.swift", longest)) == [])
    #expect(TidyRules.length(sample("Sources/Protocols/Raft/A.swift", longest + line)).count == 1)
  }

  @Test("Comments keep to 100 columns")
  func wideComments() throws {
    #expect(try SourceTree.files().flatMap(TidyRules.wideComments) == [])
    let widest = "  /// " + String(repeating: "x", count: 94)
    #expect(TidyRules.wideComments(sample("Sources/Protocols/Raft/A.swift", widest)) == [])
    #expect(
      TidyRules.wideComments(sample("Sources/Protocols/Raft/A.swift", widest + "y")).count == 1)
  }

  @Test("Only code on the hot path is public")
  func coldInterfaces() throws {
    #expect(try SourceTree.files().flatMap(TidyRules.coldInterfaces) == [])
    let line = "public func a() {}"
    for path in [
      "Workbench/Runner/A.swift", "Outside/Serving/A.swift", "Shared/Configuration/A.swift",
      "Runtimes/ClusterControl/ClusterTrial.swift", "Analysis/Measurement/Timeline.swift",
    ] {
      #expect(TidyRules.coldInterfaces(sample("Sources/\(path)", line)).count == 1, "\(path)")
    }
    for path in TidyRules.hot.map({ $0.hasSuffix("/") ? $0 + "A/A.swift" : $0 }) {
      #expect(TidyRules.coldInterfaces(sample("Sources/\(path)", line)) == [], "\(path)")
    }
    #expect(
      TidyRules.coldInterfaces(sample("Sources/Workbench/Runner/A.swift", "package func a() {}"))
        == [])
  }

  @Test("No code is marked as unfinished")
  func leftovers() throws {
    #expect(try SourceTree.files().flatMap(TidyRules.leftovers) == [])
    for mark in ["TO" + "DO", "FIX" + "ME"] {
      #expect(TidyRules.leftovers(sample("Tests/Whole/A/A.swift", "// \(mark): later")).count == 1)
    }
  }

  @Test("Code that the compiler cannot check is proven safe in a comment")
  func proofs() throws {
    #expect(try SourceTree.files().flatMap(TidyRules.unproven) == [])
    let bad = ["let a = try! f()", "final class A: @unchecked Sendable {}"]
    for line in bad {
      #expect(TidyRules.unproven(sample("Sources/Protocols/Raft/A.swift", "\n" + line)).count == 1)
    }
    let proven = "// All access holds the lock.\nfinal class A: @unchecked Sendable {}"
    #expect(TidyRules.unproven(sample("Sources/Protocols/Raft/A.swift", proven)) == [])
  }

  @Test("The top level has only the files that a newcomer expects")
  func topLevel() throws {
    #expect(TidyRules.strangers(atTopLevel: try SourceTree.topLevel()) == [])
    #expect(TidyRules.strangers(atTopLevel: ["Sources", "scripts", ".ci"]) == ["scripts"])
  }

  @Test("The package depends on no other")
  func dependencies() throws {
    #expect(TidyRules.dependencies(inManifest: try SourceTree.text("Package.swift")) == [])
    let bad = "  dependencies: [.package(url: \"https://example.org\", from: \"1.0.0\")]"
    #expect(TidyRules.dependencies(inManifest: bad).count == 1)
  }

  @Test("A protocol is added in two places: the package's list, and the list of kinds")
  func protocolLists() throws {
    let manifest = TidyRules.protocolModules(inManifest: try SourceTree.text("Package.swift"))
    let cases = TidyRules.protocolCases(
      inList: try SourceTree.text("Sources/Protocols/ProtocolList/ProtocolKind.swift"))
    #expect(manifest.count >= 5)
    #expect(manifest.sorted() == cases.sorted())
    let files = try SourceTree.files()
    for name in manifest {
      #expect(files.contains { $0.path.hasPrefix("Sources/Protocols/\(name)/") })
      // Outside its own folders a protocol is named only where names become types, and as the
      // consensus on which the authority itself runs.
      let importers = files.filter { !$0.isTest && $0.module != name && $0.imports.contains(name) }
      #expect(Set(importers.map(\.module)).isSubset(of: ["ProtocolList", "Benchmarks"]))
    }
  }

  @Test("The lists are parsed correctly")
  func lists() {
    let manifest =
      "let x: [A] = [\n]\nlet protocols: [A] = [\n  (\"Raft\", false),\n  (\"MultiPaxos\", true),\n]\n(\"B\")"
    #expect(TidyRules.protocolModules(inManifest: manifest) == ["Raft", "MultiPaxos"])
    let kinds = "enum A {\n  case raft\n  case multiPaxos = \"multi-paxos\"\n}\n  case other\n"
    #expect(TidyRules.protocolCases(inList: kinds) == ["Raft", "MultiPaxos"])
  }
}
