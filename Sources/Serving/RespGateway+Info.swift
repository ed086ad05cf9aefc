import Cluster
import Replication
import Sockets

/// What a gateway says of the cluster that it cannot see for itself.
public struct GatewayFacts: Sendable {
  public var version: String
  public var protocolName: String
  public var cluster: String

  public init(version: String, protocolName: String, cluster: String) {
    self.version = version
    self.protocolName = protocolName
    self.cluster = cluster
  }
}

/// The answer to INFO.
extension RespGateway {
  /// - Parameter section: one section's name in any case; empty, `all`, `default` and `everything` ask
  ///   for all of them.
  public func information(_ section: String) -> String {
    let sections: [(name: String, lines: [String])] = [
      (
        "Server",
        [
          "rsmbench_version:\(facts.version)", "redis_mode:standalone",
          "protocol:\(facts.protocolName)", "cluster:\(facts.cluster)",
          "tcp_port:\(endpoint.port)",
          "uptime_in_seconds:\((now - startedAt) / 1_000_000_000)",
        ]
      ),
      (
        "Clients",
        [
          "connected_clients:\(connections.count(where: \.isOpen))",
          "maxclients:\(GatewayLimits.connections)",
        ]
      ),
      (
        "Stats",
        ["total_connections_received:\(accepted)", "total_cluster_requests:\(commandCount)"]
      ),
      ("Replication", ["role:master", "nodes:\(port.reports.count)"] + nodeLines),
      ("Keyspace", []),
    ]
    let wanted = section.lowercased()
    let isAll = ["", "all", "default", "everything"].contains(wanted)
    return sections.filter { isAll || $0.name.lowercased() == wanted }
      .map { (["# \($0.name)"] + $0.lines).map { $0 + "\r\n" }.joined() }
      .joined(separator: "\r\n")
  }

  private var nodeLines: [String] {
    port.reports.enumerated().map { node, report in
      let state =
        port.isDown[node]
        ? "down" : port.connections[port.orderConnection(of: node)].isOpen ? "up" : "unreachable"
      guard let report, state == "up" else { return "node\(node):state=\(state)" }
      return "node\(node):state=up,role=\(report.status.role),"
        + "in_charge=\(report.status.isInCharge ? 1 : 0),epoch=\(report.status.epoch),"
        + "commit_index=\(report.status.commitIndex)"
    }
  }
}
