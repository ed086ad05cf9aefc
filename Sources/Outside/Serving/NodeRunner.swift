import CLinux
import Configuration
import NodeRuntime
import Primitives
import ProtocolList
import Replication
import Sockets
import StateMachines
import WriteAheadLog

/// Runs one node of a cluster in this process.
package enum NodeRunner {
  /// Runs until `isStopped` returns true or the node's log fails.
  /// - Parameters:
  ///   - node: below the number of nodes in `hosts`.
  ///   - isStopped: is called at least ten times a second.
  package static func run(
    _ hosts: HostsFile, node: Int, directory: String, until isStopped: @escaping () -> Bool,
    configure: (inout NodeSettings) -> Void
  ) throws {
    var settings = NodeSettings(
      cluster: hosts.cluster, protocolName: hosts.choice.kind.name, node: ReplicaID(node),
      membership: hosts.membership, endpoints: hosts.addresses.compactMap { Endpoint($0) },
      directory: directory)
    settings.secret = hosts.secret
    settings.hashSecret = FlatHashSecret(
      .random(in: 0...UInt64.max), .random(in: 0...UInt64.max))
    configure(&settings)
    var visitor = NodeVisitor(
      settings: settings, options: hosts.choice.options, isStopped: isStopped)
    if let error = hosts.choice.kind.visit(&visitor) { throw error }
  }
}

/// The reason why a node cannot run, in one sentence.
struct ServingError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

struct NodeVisitor: ProtocolVisitor {
  let settings: NodeSettings
  let options: OptionValues
  let isStopped: () -> Bool

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> (any Error)? {
    do {
      if case .replacement = settings.opening, !Core.replacesLostReplicas {
        return ServingError(
          "--replace: a replica of \(settings.protocolName) that has lost its log cannot be replaced"
        )
      }
      var node = try ClusterNode<Core, KeyValueStore>(settings, options: Core.Options(options))
      linux_prefer_throughput()
      try node.run(until: isStopped)
      return nil
    } catch {
      return error
    }
  }
}
