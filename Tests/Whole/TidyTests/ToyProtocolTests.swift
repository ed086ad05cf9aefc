import Foundation
import Testing

/// A protocol is added to a copy of the package by touching four places, and no other.
///
/// The copy is not built as a whole, because that takes minutes. The package manager reads it, and
/// the compiler builds what is new against the modules of the build that runs: the protocol, the
/// list with its case, and a program that asks the list, as `rsmbench list protocols` does.
@Suite("A toy protocol, added to a copy of the package")
final class ToyProtocolTests {
  private var package: ToyPackage

  init() throws {
    package = try ToyPackage()
    try package.addToy()
  }

  deinit { package.remove() }

  @Test("Four places are touched")
  func places() throws {
    let promised = [
      "Package.swift", "Sources/Protocols/ProtocolList/ProtocolKind.swift",
      "Sources/Protocols/Toy/", "Tests/Protocols/ToyTests/",
    ]
    #expect(try package.differences() == promised)
    #expect(package.touched.sorted() == promised)
  }

  @Test("The package has the protocol, its tests, and its place in the list")
  func manifest() throws {
    let text = try Compiler.run(
      ["swift", "package", "--disable-sandbox", "dump-package"], in: package.root)
    let start = try #require(text.firstIndex(of: "{"))
    let object = try JSONSerialization.jsonObject(with: Data(text[start...].utf8))
    let targets = try #require((object as? [String: Any])?["targets"] as? [[String: Any]])
    func path(_ name: String) -> String? {
      targets.first { $0["name"] as? String == name }?["path"] as? String
    }
    #expect(path("Toy") == "Sources/Protocols/Toy")
    #expect(path("ToyTests") == "Tests/Protocols/ToyTests")
    let list = try #require(targets.first { $0["name"] as? String == "ProtocolList" })
    #expect("\(list["dependencies"] ?? "")".contains("Toy"))
    let lines = try String(
      contentsOf: package.root.appending(path: "Package.swift"), encoding: .utf8)
    #expect(TidyRules.protocolModules(inManifest: lines).first == "Toy")
  }

  @Test("It compiles, is listed, and is compared by default", .enabled(if: Compiler.isThere))
  func listed() throws {
    let build = package.root.appending(path: "build")
    try FileManager.default.createDirectory(at: build, withIntermediateDirectories: true)
    func compile(_ module: String) throws {
      let folder = package.root.appending(path: "Sources/Protocols/\(module)")
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      try Compiler.run(
        ["swiftc", "-emit-module", "-c", "-wmo", "-module-name", module, "-I", build.path]
          + Compiler.flags + files.map { folder.appending(path: $0).path }
          + ["-o", "\(module).o"], in: build)
    }
    try compile("Toy")
    try compile("ProtocolList")
    let main = build.appending(path: "Main.swift")
    try """
    import ProtocolList

    @main enum Main {
      static func main() {
        for kind in ProtocolKind.allCases {
          print(kind.name, kind.description.summary, ProtocolKind.failingOver.contains(kind))
        }
      }
    }

    """.write(to: main, atomically: true, encoding: .utf8)
    let protocols = TidyRules.protocolModules(inManifest: try SourceTree.text("Package.swift"))
    let modules = ["CProcessor", "Primitives", "WireFormat", "Replication", "ViewService"]
    var objects: [String] = []
    for module in modules + protocols {
      let folder = Compiler.products.appending(path: "\(module).build")
      // The build's folder also keeps objects of sources that were removed or renamed.
      let sources = Set(try SourceTree.files().filter { $0.module == module }.map(\.name))
      objects += try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        .filter { object in
          guard object.hasSuffix(".o") else { return false }
          let source = String(object.dropLast(2))
          return !source.hasSuffix(".swift") || sources.contains(source)
        }
        .sorted().map { folder.appending(path: $0).path }
    }
    try Compiler.run(
      ["swiftc", "-module-name", "Main", "-I", build.path] + Compiler.flags
        + [main.path, "Toy.o", "ProtocolList.o"] + objects + ["-lm", "-o", "list"], in: build)
    let text = try Compiler.run([build.appending(path: "list").path])
    let names = text.split(separator: "\n").compactMap { $0.split(separator: " ").first }
    #expect(names.first == "toy" && names.count == protocols.count + 1)
    #expect(text.hasPrefix("toy A toy true\n"))
  }
}
