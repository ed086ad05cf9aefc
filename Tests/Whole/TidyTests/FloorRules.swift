/// The layers of the sources, read from the folders. The manifest and the manual of the sources are
/// compared with them.
struct Floors {
  /// From the lowest floor up, as the manifest names them.
  let order: [String]
  /// The floor of every module that has a folder below `Sources`.
  let floorOfModule: [String: String]

  /// - Parameters:
  ///   - manifest: the text of `Package.swift`.
  ///   - folders: paths `Sources/Floor/Module` of all modules, including those in C.
  init(manifest: String, folders: [String]) {
    order = manifest.split(separator: "\n").filter { $0.hasPrefix("let ") }
      .compactMap { line in
        let parts = line.split(separator: "\"")
        return parts.count > 1 && parts[0].hasSuffix("= Floor(") ? String(parts[1]) : nil
      }
    var floors: [String: String] = [:]
    for folder in folders {
      let parts = folder.split(separator: "/").map(String.init)
      if parts.count == 3 { floors[parts[2]] = parts[1] }
    }
    floorOfModule = floors
  }

  func height(_ floor: String) -> Int? { order.firstIndex(of: floor) }

  /// The floors on which every module is pure: all between the lowest floor and the runtimes.
  var pureFloors: ArraySlice<String> {
    guard let ground = height("System"), let runtimes = height("Runtimes") else { return [] }
    return order[(ground + 1)..<runtimes]
  }

  /// The modules of the pure floors, and those of other floors whose line says `pure`.
  func pureModules(_ lines: [ModuleLine]) -> Set<String> {
    Set(floorOfModule.filter { pureFloors.contains($0.value) }.keys)
      .union(lines.filter(\.isPure).map(\.module))
  }

  /// Errors for files outside the modules of known floors, and for tests on another floor than
  /// their module.
  func misplaced(_ file: SourceFile) -> [String] {
    guard height(file.floor) != nil, !file.module.isEmpty else {
      return ["\(file.path) lies on no floor"]
    }
    guard file.isTest, file.floor != "Whole", file.floor != "Kit" else { return [] }
    let tested = file.module.hasSuffix("Tests") ? String(file.module.dropLast(5)) : file.module
    return floorOfModule[tested] == file.floor ? [] : ["\(file.path) tests no module of its floor"]
  }

  /// Imports of modules on a higher floor.
  func climbing(_ file: SourceFile) -> [String] {
    guard !file.isTest, let own = height(file.floor) else { return [] }
    return file.imports.compactMap { name in
      guard let floor = floorOfModule[name], let other = height(floor), other > own else {
        return nil
      }
      return "\(file.path) on floor \(file.floor) imports \(name) of floor \(floor)"
    }
  }

  /// Imports of impure modules by pure ones. An instruction of the processor is pure.
  func tainted(_ file: SourceFile, pureModules: Set<String>) -> [String] {
    guard !file.isTest, pureModules.contains(file.module) else { return [] }
    return file.imports.filter {
      floorOfModule[$0] != nil && !pureModules.contains($0) && $0 != "CProcessor"
    }.map { "\(file.path) imports \($0), which is not pure" }
  }

  /// Statements about modules in `Sources/README.md` that contradict the folders.
  func untrue(_ lines: [ModuleLine]) -> [String] {
    var found: [String] = []
    for line in lines where floorOfModule[line.module] != line.floor {
      found.append("the manual has \(line.module) on floor \(line.floor)")
    }
    for name in floorOfModule.keys.sorted() {
      let count = lines.count { $0.module == name }
      if count != 1 { found.append("the manual has \(count) lines on \(name)") }
    }
    let heights = lines.compactMap { height($0.floor) }
    if heights != heights.sorted() { found.append("the manual has the floors in another order") }
    for line in lines where pureFloors.contains(line.floor) && !line.isPure {
      found.append("the manual does not say that \(line.module) is pure")
    }
    return found
  }
}

/// A line on a module in the manual: `| Shared | `Faults` | pure | what ... |`.
struct ModuleLine: Equatable {
  var floor: String
  var module: String
  var isPure: Bool

  static func all(inReadme text: String) -> [ModuleLine] {
    text.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map { $0.drop { $0 == " " } }
      guard line.hasPrefix("| "), cells.count == 4, cells[1].hasPrefix("`") else { return nil }
      func plain(_ cell: Substring) -> String {
        String(cell.prefix { $0 != " " }.filter { $0 != "`" })
      }
      return ModuleLine(
        floor: plain(cells[0]), module: plain(cells[1]), isPure: plain(cells[2]) == "pure")
    }
  }
}
