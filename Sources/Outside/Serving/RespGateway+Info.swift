import ClusterControl
import ClusterMessages
import LoadDriving
import Primitives
import Replication
import Resp
import Sockets

/// What a gateway says of the cluster that it cannot see for itself.
public struct GatewayFacts: Sendable {
  public var version: String
  public var protocolName: String
  public var cluster: String
  /// Of the process that serves.
  public var processNumber: Int

  public init(version: String, protocolName: String, cluster: String, processNumber: Int) {
    self.version = version
    self.protocolName = protocolName
    self.cluster = cluster
    self.processNumber = processNumber
  }
}

/// The answer to INFO.
extension RespGateway {
  /// - Parameter names: of sections, in any case; none, or `all`, `default` or `everything` among them,
  /// asks for all.
  public func information(_ names: [String]) -> String {
    let wanted = names.map { $0.lowercased() }
    let isAll = wanted.isEmpty || wanted.contains { ["all", "default", "everything"].contains($0) }
    return sections.filter { isAll || wanted.contains($0.name.lowercased()) }
      .map { (["# \($0.name)"] + $0.lines).map { $0 + "\r\n" }.joined() }
      .joined(separator: "\r\n")
  }

  private var sections: [(name: String, lines: [String])] {
    [
      (
        "Server",
        [
          "redis_version:\(RespInterpreter.spokenVersion)", "rsmbench_version:\(facts.version)",
          "redis_mode:standalone", "protocol:\(facts.protocolName)", "cluster:\(facts.cluster)",
          "process_id:\(facts.processNumber)", "tcp_port:\(endpoint.port)",
          "uptime_in_seconds:\((now - startedAt) / 1_000_000_000)",
        ]
      ),
      (
        "Clients",
        [
          "connected_clients:\(connections.count - freeSlots.count)",
          "maxclients:\(GatewayLimits.connections)", "cluster_sessions:\(machines.count)",
        ]
      ),
      ("Persistence", ["loading:0"]),
      (
        "Stats",
        ["total_connections_received:\(accepted)", "total_cluster_requests:\(commandCount)"]
      ),
      ("Replication", ["role:master", "nodes:\(port.reports.count)"] + nodeLines),
      ("Keyspace", []),
    ]
  }

  private var nodeLines: [String] { port.reports.indices.map { "node\($0):\(nodeState($0))" } }

  /// Whether a node can be reached, which process it is, and what it last said of itself.
  private func nodeState(_ node: Int) -> String {
    let state = port.isDown[node] ? "down" : isUp(node) ? "up" : "unreachable"
    var fields = ["state=\(state)"]
    if let number = processNumbers[node] { fields.append("process=\(number)") }
    if state == "up", let status = port.reports[node]?.status {
      fields += [
        "role=\(status.role)", "in_charge=\(status.isInCharge ? 1 : 0)", "epoch=\(status.epoch)",
        "commit_index=\(status.commitIndex)",
      ]
    }
    return fields.joined(separator: ",")
  }

  /// Whether there is a connection to the node at this moment.
  public func isUp(_ node: Int) -> Bool {
    !port.isDown[node] && port.connections[port.orderConnection(of: node)].isOpen
  }
}
