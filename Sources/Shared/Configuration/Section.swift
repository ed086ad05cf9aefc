/// An object whose keys are known beforehand. An absent key and a `null` both mean the default.
package struct Section {
  package let path: String
  package let node: ConfigValue?
  private var members: [String: JSONValue] = [:]

  /// Refuses values that are not objects, and keys that are not `known`. Without a node every key
  /// has its default.
  package init(_ node: ConfigValue?, path: String, known: [String]) throws(ExperimentError) {
    self.path = path
    self.node = node
    guard let node else { return }
    for member in try Section.members(
      of: node, "an object with keys \(known.joined(separator: ", "))")
    {
      guard known.contains(member.key) else {
        throw ExperimentError(
          path: ConfigValue.path(path, member.key), found: "an unknown key",
          allowed: known.joined(separator: ", "),
          suggestion: nearest(to: member.key, among: known))
      }
      members[member.key] = member.value
    }
  }

  package static func members(
    of node: ConfigValue, _ allowed: String
  ) throws(ExperimentError) -> [JSONValue.Member] {
    guard case .object(let members) = node.value else { throw node.refused(allowed) }
    return members
  }

  package subscript(key: String) -> ConfigValue? {
    guard let value = members[key], value != .null else { return nil }
    return ConfigValue(path: ConfigValue.path(path, key), value: value)
  }

  package func required(_ key: String, _ allowed: String) throws(ExperimentError) -> ConfigValue {
    guard let node = self[key] else {
      throw ExperimentError(path: ConfigValue.path(path, key), found: "nothing", allowed: allowed)
    }
    return node
  }
}
