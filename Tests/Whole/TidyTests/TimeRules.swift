/// Times that cross a module's border as bare numbers. There a time is an `Interval` or an
/// `Instant`. Where a loop or a record of millions of times needs the number, the name ends in
/// `Ns`.
enum TimeRules {
  /// Numbers of 64 bits that are no times, by folder or file: all of them, or these names.
  static let others: [(path: String, names: Set<String>?, because: String)] = [
    ("Interface/Replication/Time.swift", nil, "defines the two types and their units"),
    ("Shared/StateMachines/", nil, "clients store integers of 64 bits"),
    ("Outside/Resp/", nil, "Redis's integers have 64 bits"),
    ("Outside/Serving/RespGateway.swift", ["accepted"], "is the count that numbers connections"),
    ("Shared/Configuration/Units.swift", nil, "sizes and rates have units, too"),
    ("Shared/Histories/", nil, "a history without times counts its events instead"),
    ("Analysis/Linearizability/", ["invoked", "returned"], "are compared with each other only"),
    ("Runtimes/Simulation/CauseTrace.swift", ["word"], "packs two small numbers"),
  ]

  /// Declarations that other modules see, and their bare times. A bare time is known by its type
  /// `Int64`, which the bench uses for hardly anything else, or by a name that is a unit.
  static func bareTimes(_ file: SourceFile) -> [String] {
    guard file.path.hasPrefix("Sources/") else { return [] }
    let exceptions = others.filter { file.path.hasPrefix("Sources/\($0.path)") }
    return declarations(file).flatMap { number, text -> [String] in
      guard isOpen(text) else { return [] }
      let header = String(text.prefix { $0 != "{" })
      return Set(numbersOf64Bits(in: header) + units(in: header)).sorted().compactMap { name in
        guard !name.hasSuffix("Ns") else { return nil }
        guard !exceptions.contains(where: { $0.names?.contains(name) ?? true }) else { return nil }
        return "\(file.path):\(number) has the bare time \(name)"
      }
    }
  }

  /// Whether another module may see the declaration. A case is as visible as its enumeration, which
  /// one line does not show, so all cases with payloads count.
  private static func isOpen(_ text: String) -> Bool {
    text.firstMatch(of: /^\s*(@[\w()]+\s+)*(public|package)\b/) != nil
      || text.firstMatch(of: /^\s*(indirect )?case \w+\(/) != nil
  }

  /// The names of what has the type `Int64`, be it optional, in an array or in a tuple: properties,
  /// parameters, functions by their results, and cases by their payloads.
  private static func numbersOf64Bits(in header: String) -> [String] {
    let typed = header.matches(of: /\b([a-z_]\w*): (?:\[\w+: )?[\[(]*Int64\b/).map { String($0.1) }
    let results = header.matches(of: /func (\w+).*-> [\[(]*Int64\b/).map { String($0.1) }
    let values = header.matches(of: /(?:var|let) (\w+) = Int64\b/).map { String($0.1) }
    let payloads = header.matches(of: /case (\w+)\((?:[^:)]*, )?\[?Int64\b/).map { String($0.1) }
    return typed + results + values + payloads
  }

  /// The names of numbers that are units of time.
  private static func units(in header: String) -> [String] {
    header.matches(of: /\b(\w*[sS]econds): (?:Int|UInt64|Double)\b/).map { String($0.1) }
  }

  /// The code by lines, where a line joins those that follow it until its parentheses are closed.
  static func declarations(_ file: SourceFile) -> [(number: Int, text: String)] {
    var joined: [(number: Int, text: String)] = []
    var depth = 0
    for (number, text) in file.code {
      if depth > 0 {
        joined[joined.count - 1].text += " " + text
      } else {
        joined.append((number, text))
      }
      depth = max(depth + text.count { $0 == "(" } - text.count { $0 == ")" }, 0)
    }
    return joined
  }
}
