import Testing

/// Promises about the source itself. Each has a partner that shows the rule would notice.
@Suite("Tidiness")
struct TidyTests {
  private func sample(_ path: String, _ text: String) -> SourceFile {
    SourceFile(path: path, text: text)
  }

  @Test("The walk finds the source")
  func walk() throws {
    let files = try SourceTree.files()
    #expect(files.count >= 100)
    #expect(files.contains { $0.path == "Sources/Replication/ReplicaCore.swift" })
    #expect(files.contains { $0.path == "Tests/TidyTests/TidyTests.swift" })
    let modules = Set(files.filter { !$0.isTest }.map(\.module))
    #expect(TidyRules.pureModules.isSubset(of: modules))
  }

  @Test("Pure modules import no runtime, read no clock and draw nothing without a seed")
  func purity() throws {
    #expect(try SourceTree.files().flatMap(TidyRules.impurities) == [])
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
    #expect(TidyRules.impurities(sample("Sources/Raft/A.swift", line)).count >= 1)
    #expect(TidyRules.impurities(sample("Sources/Runner/A.swift", line)) == [])
    #expect(TidyRules.impurities(sample("Tests/RaftTests/A.swift", line)) == [])
  }

  @Test(
    "The purity rule lets prose and seeded draws be",
    arguments: [
      "// import Foundation", "/// Not Date() but a reading", "let s = \"Date()\"",
      "let y = names.shuffled(using: &random)", "import Replication", "guard isUpToDate(a)",
    ])
  func purityOfProse(line: String) {
    #expect(TidyRules.impurities(sample("Sources/Raft/A.swift", line)) == [])
  }

  @Test("Protocols import the shared interface and no other protocol")
  func protocolImports() throws {
    let protocols = TidyRules.protocolModules(inManifest: try SourceTree.text("Package.swift"))
    let files = try SourceTree.files()
    #expect(files.flatMap { TidyRules.foreignImports($0, protocols: protocols) } == [])
    for bad in ["import MultiPaxos", "import InProcess", "import ReplicaHosting"] {
      let file = sample("Sources/Raft/A.swift", bad)
      #expect(TidyRules.foreignImports(file, protocols: protocols).count == 1)
    }
  }

  @Test("No file is longer than 400 lines")
  func length() throws {
    #expect(try SourceTree.files().flatMap(TidyRules.length) == [])
    let line = "let a = 1\n"
    let longest = String(repeating: line, count: 400)
    #expect(TidyRules.length(sample("Sources/Raft/A.swift", longest)) == [])
    #expect(TidyRules.length(sample("Sources/Raft/A.swift", longest + line)).count == 1)
  }

  @Test("Nothing is marked as unfinished")
  func leftovers() throws {
    #expect(try SourceTree.files().flatMap(TidyRules.leftovers) == [])
    for mark in ["TO" + "DO", "FIX" + "ME"] {
      #expect(TidyRules.leftovers(sample("Tests/A/A.swift", "// \(mark): later")).count == 1)
    }
  }

  @Test("What the compiler cannot check is proven in a comment")
  func proofs() throws {
    #expect(try SourceTree.files().flatMap(TidyRules.unproven) == [])
    let bad = ["let a = try! f()", "final class A: @unchecked Sendable {}"]
    for line in bad {
      #expect(TidyRules.unproven(sample("Sources/Raft/A.swift", "\n" + line)).count == 1)
    }
    let proven = "// All access holds the lock.\nfinal class A: @unchecked Sendable {}"
    #expect(TidyRules.unproven(sample("Sources/Raft/A.swift", proven)) == [])
  }

  @Test("The top level holds what a newcomer expects and nothing else")
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
      inList: try SourceTree.text("Sources/ProtocolList/ProtocolKind.swift"))
    #expect(manifest.count >= 5)
    #expect(manifest.sorted() == cases.sorted())
    let files = try SourceTree.files()
    for name in manifest {
      #expect(files.contains { $0.path.hasPrefix("Sources/\(name)/") })
      // Outside of its own folders a protocol is named only where names become types, and as the
      // consensus that the authority itself runs on.
      let importers = files.filter { !$0.isTest && $0.module != name && $0.imports.contains(name) }
      #expect(Set(importers.map(\.module)).isSubset(of: ["ProtocolList", "Benchmarks"]))
    }
  }

  @Test("The lists are read as they are written")
  func lists() {
    let manifest = "\nlet protocolModules = [\"Raft\", \"MultiPaxos\"]\n"
    #expect(TidyRules.protocolModules(inManifest: manifest) == ["Raft", "MultiPaxos"])
    let kinds = "enum A {\n  case raft\n  case multiPaxos = \"multi-paxos\"\n}\n  case other\n"
    #expect(TidyRules.protocolCases(inList: kinds) == ["Raft", "MultiPaxos"])
  }
}
