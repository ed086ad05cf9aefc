import Cluster
import Experiments
import ProtocolList
import Replication
import Sockets
import StateMachines

/// Runs one node of a cluster in this process.
public enum NodeRunner {
  /// Works until the node's log fails.
  /// - Parameter node: below the number of nodes in `hosts`.
  public static func run(
    _ hosts: HostsFile, node: Int, directory: String, configure: (inout NodeSettings) -> Void
  ) throws {
    guard let kind = ProtocolKind(rawValue: hosts.choice.name) else {
      preconditionFailure("a validated file names \(hosts.choice.name), which is not listed")
    }
    var settings = NodeSettings(
      cluster: hosts.cluster, protocolName: hosts.choice.name, node: ReplicaID(node),
      membership: hosts.membership, endpoints: hosts.addresses.compactMap { Endpoint($0) },
      directory: directory)
    configure(&settings)
    var visitor = NodeVisitor(settings: settings, options: hosts.choice.options)
    if let error = kind.visit(&visitor) { throw error }
  }
}

struct NodeVisitor: ProtocolVisitor {
  let settings: NodeSettings
  let options: OptionValues

  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> (any Error)? {
    do {
      var node = try ClusterNode<Core, KeyValueStore>(settings, options: Core.Options(options))
      try node.run(until: { false })
      return nil
    } catch {
      return error
    }
  }
}
