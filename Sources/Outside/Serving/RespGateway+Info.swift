import CLinux
import Clients
import ClusterControl
import ClusterMessages
import Foundation
import LoadDriving
import Primitives
import Replication
import Resp
import Sockets

/// The replies to INFO, and to other questions about the server.
extension RespGateway {
  /// - Parameter names: names of sections, in any case. All sections are returned if there are no
  ///   names, or if `all`, `default` or `everything` is among them.
  package func information(_ names: [String]) -> String {
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
          "uptime_in_seconds:\(Int((now - startedAt).seconds))",
        ]
      ),
      (
        "Clients",
        [
          "connected_clients:\(connections.count - freeSlots.count)", "blocked_clients:0",
          "maxclients:\(GatewayLimits.connections)", "cluster_sessions:\(fleet.machines.count)",
          "client_buffers:\(waitingByteCount)",
        ]
      ),
      ("Memory", memoryLines),
      ("Persistence", persistenceLines),
      (
        "Stats",
        [
          "total_connections_received:\(accepted)", "total_commands_processed:\(commandCount)",
          "instantaneous_ops_per_sec:\(rate.perSecond)",
          "total_net_input_bytes:\(receivedByteCount)",
          "total_net_output_bytes:\(sentByteCount)", "rejected_connections:\(rejectedCount)",
          "expired_keys:0", "evicted_keys:0", "total_cluster_requests:\(requestCount)",
        ]
      ),
      (
        "Replication",
        ["role:master", "connected_slaves:0", "nodes:\(port.reports.count)"] + nodeLines
      ),
      ("Keyspace", keyspaceLines),
    ]
  }

  /// The last report of the leader.
  private var reportInCharge: NodeReport? {
    port.reports.indices.first { isUp($0) && port.reports[$0]?.status.isInCharge == true }
      .flatMap { port.reports[$0] }
  }

  /// Whether commands that may need memory are refused. Nodes report every 200 ms, so that writes
  /// of such a time may come to more.
  var isOutOfMemory: Bool {
    facts.maxMemory > 0 && (reportInCharge?.allocatedByteCount ?? 0) > facts.maxMemory
  }

  /// `used_memory` is that of the node in charge, because nodes hold the data and this process does
  /// not.
  private var memoryLines: [String] {
    let own = linux_allocated_bytes()
    var lines = [
      "used_memory_gateway:\(own)", "maxmemory:\(facts.maxMemory)", "maxmemory_policy:noeviction",
    ]
    if let used = reportInCharge?.allocatedByteCount {
      let mebibytes = (Double(used) / 1_048_576 * 100).rounded() / 100
      lines = ["used_memory:\(used)", "used_memory_human:\(mebibytes)M"] + lines
    }
    return lines
  }

  private var persistenceLines: [String] {
    ["loading:0"] + (facts.syncs.map { ["aof_enabled:\($0 ? 1 : 0)"] } ?? [])
  }

  private var keyspaceLines: [String] {
    guard let count = reportInCharge?.itemCount, count > 0 else { return [] }
    return ["db0:keys=\(count),expires=0,avg_ttl=0"]
  }

  /// Answers a client's question about the server or its clients.
  package func answer(to question: RespQuestion, from slot: Int) -> RespFact {
    switch question {
    case .info(let sections): return .prose(information(sections))
    case .time:
      let time = Int64(Date().timeIntervalSince1970 * 1_000_000)
      return .words(["\(time / 1_000_000)", "\(time % 1_000_000)"])
    case .replicas: return .number(Int64(copyCount))
    case .clients(.own): return .prose(line(of: slot) + "\n")
    case .clients(.all):
      let slots = connections.indices.filter { connections[$0].isOpen }
      return .prose(slots.map { line(of: $0) + "\n" }.joined())
    case .clients(.numbered(let numbers)):
      let slots = connections.indices.filter {
        connections[$0].isOpen && numbers.contains(connections[$0].session.number)
      }
      return .prose(slots.map { line(of: $0) + "\n" }.joined())
    }
  }

  /// How many replicas besides the leader certainly have all acknowledged commands.
  private var copyCount: Int {
    let replicas = port.replicaCount
    guard !facts.needsMajority else { return replicas / 2 }
    guard let epoch = reportInCharge?.status.epoch else { return 0 }
    let members = (0..<replicas).filter { node in
      guard isUp(node), let status = port.reports[node]?.status else { return false }
      return status.epoch == epoch && RespGateway.memberRoles.contains(status.role)
    }
    return max(members.count - 1, 0)
  }

  private static let memberRoles = ["primary", "backup", "head", "middle", "tail"]

  /// A client as in `CLIENT LIST` of Redis, with those fields that have a meaning here.
  private func line(of slot: Int) -> String {
    let connection = connections[slot]
    func address(ofPeer: Bool) -> String {
      var text = [CChar](repeating: 0, count: 80)
      guard linux_address(connection.descriptor, ofPeer ? 1 : 0, &text, text.count) == 0 else {
        return "?:0"
      }
      return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    let session = connection.session
    let transaction = session.transaction
    let fields: [(String, String)] = [
      ("id", "\(session.number)"), ("addr", address(ofPeer: true)),
      ("laddr", address(ofPeer: false)), ("fd", "\(connection.descriptor)"),
      ("name", String(decoding: session.interpreter.name, as: UTF8.self)),
      ("age", "\(Int((now - connection.openedAt).seconds))"),
      ("idle", "\(Int((now - connection.readAt).seconds))"),
      ("flags", transaction.isOpen ? "x" : "N"), ("db", "0"), ("sub", "0"), ("psub", "0"),
      ("multi", transaction.isOpen ? "\(transaction.commands.count)" : "-1"),
      ("qbuf", "\(session.input.count)"), ("omem", "\(connection.output.count)"),
      ("user", "default"), ("resp", "\(session.chunk.version.rawValue)"),
    ]
    return fields.map { "\($0)=\($1)" }.joined(separator: " ")
  }

  private var nodeLines: [String] { port.reports.indices.map { "node\($0):\(nodeState($0))" } }

  /// Whether a node can be reached, its process id, and its last reported status.
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

  /// Whether there is a connection to the node now.
  package func isUp(_ node: Int) -> Bool {
    !port.isDown[node] && port.connections[port.orderConnection(of: node)].isOpen
  }
}
