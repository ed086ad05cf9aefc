import Replication

/// The protocols that experiments may name, with the options each one declares.
public struct ProtocolCatalog: Sendable {
  public struct Entry: Sendable {
    public var description: ProtocolDescription
    public var options: [OptionDeclaration]

    public init(_ description: ProtocolDescription, options: [OptionDeclaration]) {
      self.description = description
      self.options = options
    }

    package var name: String { description.name }
    /// A protocol that survives no failure, however many replicas it has, runs with one.
    package var isBaseline: Bool { description.replicasPerFailure == 0 }
  }

  public var entries: [Entry]

  public init(_ entries: [Entry]) { self.entries = entries }

  package var names: [String] { entries.map(\.name) }

  package subscript(name: String) -> Entry? { entries.first { $0.name == name } }
}
