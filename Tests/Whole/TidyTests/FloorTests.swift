import Testing

/// The layers: imports go down, and all modules between the lowest floor and the runtimes are pure.
@Suite("Floors")
struct FloorTests {
  private let files: [SourceFile]
  private let floors: Floors
  private let lines: [ModuleLine]

  init() throws {
    files = try SourceTree.files()
    floors = Floors(
      manifest: try SourceTree.text("Package.swift"), folders: try SourceTree.moduleFolders())
    lines = ModuleLine.all(inReadme: try SourceTree.text("Sources/README.md"))
  }

  private func sample(_ path: String, _ text: String) -> SourceFile {
    SourceFile(path: path, text: text)
  }

  @Test("The floors are found, from the lowest up")
  func found() {
    #expect(
      floors.order == [
        "System", "Interface", "Protocols", "Shared", "Analysis", "Runtimes", "Outside",
        "Workbench", "Whole", "Kit",
      ])
    #expect(floors.pureFloors == ["Interface", "Protocols", "Shared", "Analysis"])
    #expect(floors.floorOfModule["Raft"] == "Protocols")
    #expect(floors.floorOfModule["CLinux"] == "System")
    #expect(floors.floorOfModule.count >= 30)
  }

  @Test("Every file is in a module on a floor, and tests are on the floor of their module")
  func places() {
    #expect(files.flatMap(floors.misplaced) == [])
    for path in ["Sources/A.swift", "Sources/Raft/A.swift", "Tests/Shared/RaftTests/A.swift"] {
      #expect(floors.misplaced(sample(path, "")).count == 1, "\(path)")
    }
  }

  @Test("Imports go to the same floor or to a lower one")
  func direction() {
    #expect(files.flatMap(floors.climbing) == [])
    let bad = [
      ("Sources/System/WireFormat/A.swift", "import Replication"),
      ("Sources/Shared/Clients/A.swift", "import Simulation"),
      ("Sources/Runtimes/NodeRuntime/A.swift", "@testable import Experiments"),
    ]
    for (path, line) in bad { #expect(floors.climbing(sample(path, line)).count == 1, "\(path)") }
    #expect(floors.climbing(sample("Sources/Shared/Clients/A.swift", "import Raft")) == [])
  }

  @Test("Pure modules import no runtime, read no clock and draw no random number without a seed")
  func purity() {
    let pure = floors.pureModules(lines)
    #expect(pure.isSuperset(of: ["Replication", "Raft", "Clients", "Measurement", "Simulation"]))
    #expect(files.flatMap { TidyRules.impurities($0, pureModules: pure) } == [])
    #expect(files.flatMap { floors.tainted($0, pureModules: pure) } == [])
    let bad = sample("Sources/Shared/Histories/A.swift", "import CLinux")
    #expect(floors.tainted(bad, pureModules: pure).count == 1)
    #expect(TidyRules.impurities(bad, pureModules: pure).count == 1)
    let fine = sample("Sources/Shared/StateMachines/A.swift", "import CProcessor")
    #expect(floors.tainted(fine, pureModules: pure) == [])
  }

  @Test("The manual of the sources has one correct line on every module")
  func readme() {
    #expect(floors.untrue(lines) == [])
    var wrong = lines
    wrong.removeAll { $0.module == "Raft" }
    #expect(floors.untrue(wrong).count == 1)
    wrong.append(ModuleLine(floor: "Shared", module: "Raft", isPure: true))
    #expect(floors.untrue(wrong).count == 2)
    wrong = lines.map { ModuleLine(floor: $0.floor, module: $0.module, isPure: false) }
    #expect(floors.untrue(wrong).count >= 15)
  }

  @Test("Lines of the manual are parsed correctly")
  func readmeLines() {
    let text =
      "| floor | module | | is |\n| --- | --- | --- | --- |\n| Shared | `Faults` | pure | a |\n"
    #expect(
      ModuleLine.all(inReadme: text) == [
        ModuleLine(floor: "Shared", module: "Faults", isPure: true)
      ])
  }

  @Test(
    "Modules that were separated stay separate",
    arguments: [
      ("Experiments", ["Simulation", "Sockets"]), ("Clients", ["ReplicaHosting"]),
      ("Histories", ["CLinux"]), ("Runner", ["Serving", "NodeRuntime"]),
      ("OtherSystems", ["ClusterControl", "ClusterMessages", "NodeRuntime"]),
    ])
  func separation(module: String, others: [String]) {
    let reached = reachable(from: module)
    #expect(reached.intersection(others) == [], "\(module)")
    #expect(!reached.isEmpty || module == "Histories")
  }

  /// All modules of the package that a module imports, directly or through others.
  private func reachable(from module: String) -> Set<String> {
    var reached: Set<String> = []
    var open = [module]
    while let next = open.popLast() {
      for file in files where !file.isTest && file.module == next {
        for name in file.imports where floors.floorOfModule[name] != nil {
          if reached.insert(name).inserted { open.append(name) }
        }
      }
    }
    return reached
  }
}
