import Foundation

/// Rules for the source. Each returns its violations with their places.
enum TidyRules {
  static let impureImports: Set<String> = [
    "Foundation", "FoundationEssentials", "FoundationNetworking", "Glibc", "Musl", "Darwin",
    "Dispatch", "Synchronization", "System", "CLinux",
  ]

  /// Clocks, and random numbers without a seed.
  static let impureWords = [
    "ContinuousClock", "SuspendingClock", "Date(", "SystemRandomNumberGenerator", "Task.sleep",
    "UUID(", "ProcessInfo", "hashValue", "Hasher()",
  ]

  /// Calls that use the system's random numbers unless they name a generator.
  static let drawingCalls = [".random(", ".shuffled(", ".shuffle(", ".randomElement("]

  /// - Parameter pureModules: the modules that run unchanged in the simulator, in tests and in real
  ///   processes.
  static func impurities(_ file: SourceFile, pureModules: Set<String>) -> [String] {
    guard !file.isTest, pureModules.contains(file.module) else { return [] }
    var found = file.imports.filter(impureImports.contains).map {
      "\(file.path) imports \($0)"
    }
    for (number, text) in file.code {
      for word in impureWords where names(text, word) {
        found.append("\(file.path):\(number) names \(word)")
      }
      for call in drawingCalls where text.contains(call) && !text.contains("using:") {
        found.append("\(file.path):\(number) draws without a seed")
      }
    }
    return found
  }

  /// Whether the word occurs by itself, not as the end of a longer one (`isUpToDate(`).
  private static func names(_ text: String, _ word: String) -> Bool {
    var rest = text[...]
    while let range = rest.range(of: word) {
      let before = rest[..<range.lowerBound].last
      if before.map({ !$0.isLetter && !$0.isNumber && $0 != "_" }) ?? true { return true }
      rest = rest[range.upperBound...]
    }
    return false
  }

  /// A protocol may import the shared interface and the view service, but no other protocol.
  static func foreignImports(_ file: SourceFile, protocols: [String]) -> [String] {
    guard !file.isTest, protocols.contains(file.module) || file.module == "ViewService" else {
      return []
    }
    let allowed: Set<String> = ["WireFormat", "Replication", "ViewService"]
    return file.imports.filter { !allowed.contains($0) }.map { "\(file.path) imports \($0)" }
  }

  static func length(_ file: SourceFile) -> [String] {
    file.lines.count <= 400 ? [] : ["\(file.path) has \(file.lines.count) lines"]
  }

  /// Comments wider than 100 columns. The formatter holds code to that, but not comments.
  static func wideComments(_ file: SourceFile) -> [String] {
    file.lines.enumerated().compactMap { offset, line in
      let isComment = line.drop { $0 == " " }.hasPrefix("//")
      return isComment && line.count > 100 ? "\(file.path):\(offset + 1)" : nil
    }
  }

  /// The floors, modules and files whose code may be `public`, because they lie on the hot path and
  /// the optimiser specialises generic code across modules only if it is `public`. The code of all
  /// others is `package` or less.
  static let hot = [
    "System/", "Interface/", "Protocols/", "Shared/", "Runtimes/", "Outside/Resp/",
    "Analysis/Linearizability/", "Analysis/Measurement/Histogram.swift",
    "Runtimes/ClusterControl/ClusterPort.swift",
  ]
  /// Exceptions from `hot`, except for files that it lists by name.
  static let cold = ["Shared/Configuration/", "Runtimes/ClusterControl/"]

  static func coldInterfaces(_ file: SourceFile) -> [String] {
    guard !file.isTest else { return [] }
    func lies(in places: [String]) -> Bool {
      places.contains { file.path.hasPrefix("Sources/\($0)") }
    }
    let isNamed = lies(in: hot.filter { $0.hasSuffix(".swift") })
    guard !isNamed, !lies(in: hot) || lies(in: cold) else { return [] }
    return file.code.filter { names($0.text, "public ") }.map {
      "\(file.path):\($0.number) is public"
    }
  }

  /// Marks of unfinished work, in code or prose.
  static func leftovers(_ file: SourceFile) -> [String] {
    let marks = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
    return file.lines.enumerated().flatMap { offset, line in
      marks.filter(line.contains).map { "\(file.path):\(offset + 1) has a \($0)" }
    }
  }

  /// Code that the compiler cannot check must have a comment directly above that proves it safe.
  static func unproven(_ file: SourceFile) -> [String] {
    let code = file.code
    return code.flatMap { number, text -> [String] in
      var found: [String] = []
      if text.contains("try!") { found.append("\(file.path):\(number) uses try!") }
      for word in ["@unchecked Sendable", "nonisolated(unsafe)"] where text.contains(word) {
        let above = number > 1 ? file.lines[number - 2].drop { $0 == " " } : ""
        if !above.hasPrefix("//") {
          found.append("\(file.path):\(number) has \(word) without a comment above")
        }
      }
      return found
    }
  }

  static func strangers(atTopLevel names: [String]) -> [String] {
    let expected: Set<String> = ["Package.swift", "Sources", "Tests", "experiments", "README.md"]
    // Results and resolved packages are not part of the repository.
    let ignored: Set<String> = ["results", "Package.resolved"]
    return names.filter { !$0.hasPrefix(".") && !expected.contains($0) && !ignored.contains($0) }
  }

  static func dependencies(inManifest text: String) -> [String] {
    SourceFile(path: "Package.swift", text: text).code
      .filter { $0.text.contains(".package(") }.map { "Package.swift:\($0.number)" }
  }

  /// The protocols in the package's list, one per line.
  static func protocolModules(inManifest text: String) -> [String] {
    let lines = text.split(separator: "\n").drop { !$0.hasPrefix("let protocols") }.dropFirst()
    return lines.prefix { $0 != "]" }.compactMap { line in
      let parts = line.split(separator: "\"")
      return parts.count > 2 ? String(parts[1]) : nil
    }
  }

  /// The cases of `ProtocolKind`, with a capital first letter.
  static func protocolCases(inList text: String) -> [String] {
    var cases: [String] = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("}") { break }
      guard line.hasPrefix("  case ") else { continue }
      let name = line.dropFirst(7).prefix { $0.isLetter }
      cases.append(name.prefix(1).uppercased() + name.dropFirst())
    }
    return cases
  }
}
