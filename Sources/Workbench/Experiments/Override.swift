import Configuration

/// A value from the command line that replaces the file's before anything is checked.
package struct Override: Sendable, Equatable {
  /// The argument as the user typed it, for errors: `--set workload.clients=64`.
  package var argument: String
  package var path: String
  package var value: JSONValue

  package init(argument: String, path: String, value: JSONValue) {
    self.argument = argument
    self.path = path
    self.value = value
  }

  /// Reads `workload.clients=64`. The value is read as JSON5; a value that is not JSON5 is a text,
  /// so that `name=hello` and `duration=5s` need no quotes.
  package init(set text: String) throws(ExperimentError) {
    argument = "--set \(text)"
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
      throw ExperimentError(
        file: "--set", path: "", found: JSONValue.quoted(text),
        allowed: "path=value, such as workload.clients=64")
    }
    path = String(text[..<equals])
    value = JSONValue(typed: String(text[text.index(after: equals)...]))
  }

  package static func seed(_ seed: UInt64) -> Override {
    Override(argument: "--seed \(seed)", path: "seed", value: .integer(Int128(seed)))
  }

  package static func trials(_ trials: Int) -> Override {
    Override(argument: "--trials \(trials)", path: "trials", value: .integer(Int128(trials)))
  }

  package static func runtime(_ name: String) -> Override {
    Override(argument: "--runtime \(name)", path: "runtime", value: .string(name))
  }

  /// Whether an error at `errorPath` is about the value of this override.
  func concerns(_ errorPath: String) -> Bool {
    func reaches(_ a: String, _ b: String) -> Bool {
      a == b || a.hasPrefix(b + ".") || a.hasPrefix(b + "[")
    }
    guard !errorPath.isEmpty else { return false }
    return ([path] + sweptPaths).contains { reaches($0, errorPath) || reaches(errorPath, $0) }
  }

  /// The paths that the override adds to the sweep.
  private var sweptPaths: [String] {
    let prefix = "sweep."
    if path.hasPrefix(prefix) { return [String(path.dropFirst(prefix.count))] }
    guard path == "sweep", case .object(let axes) = value else { return [] }
    return axes.map(\.key)
  }
}

/// A path in steps, such as `options.raft.heartbeat`, `faults[1].at` or, for an entry with a name,
/// `faults.NAME.at`.
struct ValuePath {
  enum Step: Equatable {
    case key(String)
    case index(Int)
  }

  let text: String
  let steps: [Step]

  init(_ text: String) throws(ExperimentError) {
    let wrong = ExperimentError(
      path: text, found: "a path that cannot be read",
      allowed: "keys with dots between them and [0] for entries of lists, such as faults[0].at")
    self.text = text
    // The keys of a sweep are paths themselves.
    if text.hasPrefix("sweep.") {
      steps = [.key("sweep"), .key(String(text.dropFirst("sweep.".count)))]
      return
    }
    var steps: [Step] = []
    for part in text.split(separator: ".", omittingEmptySubsequences: false) {
      let pieces = part.split(separator: "[", omittingEmptySubsequences: false)
      guard let key = pieces.first, !key.isEmpty, !key.contains("]") else { throw wrong }
      steps.append(.key(String(key)))
      for piece in pieces.dropFirst() {
        guard piece.hasSuffix("]"), let index = Int(piece.dropLast()), index >= 0 else {
          throw wrong
        }
        steps.append(.index(index))
      }
    }
    guard steps.count <= 32 else { throw wrong }
    self.steps = steps
  }

  /// `tree` with this place set to `value`. Missing objects on the way are made; list entries must
  /// exist.
  func setting(_ value: JSONValue, in tree: JSONValue) throws(ExperimentError) -> JSONValue {
    try setting(value, in: tree, from: 0)
  }

  private func setting(
    _ value: JSONValue, in tree: JSONValue, from depth: Int
  ) throws(ExperimentError) -> JSONValue {
    guard depth < steps.count else { return value }
    switch (steps[depth], tree) {
    case (.key(let key), .object(var members)):
      if let index = members.firstIndex(where: { $0.key == key }) {
        members[index].value = try setting(value, in: members[index].value, from: depth + 1)
      } else {
        members.append(.init(key, try setting(value, in: .null, from: depth + 1)))
      }
      return .object(members)
    case (.key(let key), .null):
      return .object([.init(key, try setting(value, in: .null, from: depth + 1))])
    case (.index(let index), .array(var values)):
      guard values.indices.contains(index) else {
        throw ExperimentError(
          path: text, found: "no entry [\(index)]",
          allowed: values.isEmpty
            ? "an entry that exists: the list is empty"
            : "entries [0] to [\(values.count - 1)]")
      }
      values[index] = try setting(value, in: values[index], from: depth + 1)
      return .array(values)
    case (.key(let name), .array(var values)):
      let names = values.compactMap(\.entryName)
      guard let index = values.firstIndex(where: { $0.entryName == name }) else {
        throw ExperimentError(
          path: text, found: "no entry named \"\(name)\"",
          allowed: names.isEmpty
            ? "the number of an entry, such as [0], because none has a name"
            : "the name of an entry: " + ConfigValue.list(names),
          suggestion: nearest(to: name, among: names))
      }
      values[index] = try setting(value, in: values[index], from: depth + 1)
      return .array(values)
    case (.key(let key), _):
      throw ExperimentError(
        path: text, found: "\(ConfigValue.shown(tree)), which has no \"\(key)\"",
        allowed: "an object there in the file, since keys are only inside objects")
    case (.index(let index), _):
      throw ExperimentError(
        path: text,
        found: "\(tree == .null ? "nothing" : ConfigValue.shown(tree)) before [\(index)]",
        allowed: "[\(index)] only of a list that the file has")
    }
  }
}

extension JSONValue {
  /// The name that a list entry gives itself.
  fileprivate var entryName: String? {
    guard case .object(let members) = self,
      case .string(let name)? = members.first(where: { $0.key == "name" })?.value
    else { return nil }
    return name
  }
}
