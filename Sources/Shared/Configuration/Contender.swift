import ProtocolList
import Replication

/// One row of the comparison: a protocol that the bench runs itself, or another system to which it
/// sends the load.
package enum Contender: Sendable, Equatable {
  case `protocol`(ProtocolChoice)
  case target(TargetChoice)

  /// The name in CSV files and tables, unique in its experiment.
  package var name: String {
    switch self {
    case .protocol(let choice): choice.name
    case .target(let choice): choice.name
    }
  }
}

/// One configuration of a protocol in the comparison.
package struct ProtocolChoice: Sendable, Equatable {
  package static let mostReplicas = 64

  package var kind: ProtocolKind
  /// The name of the row: the protocol's name unless the experiment gives another.
  package var name: String
  package var replicas: Int
  /// Every declared option, in the order of the declarations.
  package var settings: [Setting]

  package struct Setting: Sendable, Equatable {
    package var name: String
    package var value: OptionValue

    package init(name: String, value: OptionValue) {
      self.name = name
      self.value = value
    }

    package static func json(_ settings: [Setting]) -> JSONValue {
      .object(settings.map { .init($0.name, $0.value.json) })
    }
  }

  /// The values from which the protocol reads its options.
  package var options: OptionValues
  /// The options and the number of replicas that the experiment sets for this row alone.
  package var ownOptions: [Setting] = []
  package var ownReplicas: Int?

  /// - Parameter overrides: options that differ from their defaults; checked by the caller.
  package init(_ kind: ProtocolKind, replicas: Int, overrides: [String: OptionValue] = [:]) {
    let declared = kind.options
    let options = OptionValues(declared, overrides: overrides)
    self.kind = kind
    name = kind.name
    self.replicas = replicas
    settings = declared.map {
      Setting(name: $0.name, value: options[$0.name] ?? $0.defaultValue)
    }
    self.options = options
  }

  /// The options as they appear in a file.
  package var optionsJSON: JSONValue { Setting.json(settings) }
}

/// Another system, already running somewhere, that the same clients drive.
package struct TargetChoice: Sendable, Equatable {
  /// The row's name in the results.
  package var name: String
  package var kind: TargetKind
  /// Numeric, with a port: `127.0.0.1:6379` or `[::1]:6379`.
  package var address: String
  /// For redis: the number of replicas that must acknowledge each write (`WAIT`); 0 for none.
  package var wait: Int

  package init(name: String, kind: TargetKind, address: String, wait: Int = 0) {
    self.name = name
    self.kind = kind
    self.address = address
    self.wait = wait
  }
}

package enum TargetKind: String, Sendable, CaseIterable {
  case redis, etcd
}
