import Replication
import Resp

/// Facts about the cluster that a gateway cannot observe itself.
package struct GatewayFacts: Sendable {
  package var version: String
  package var protocolName: String
  package var cluster: String
  /// The process id of the service.
  package var processNumber: Int
  /// Whether nodes wait for their disks; `nil` if they were not started by this service.
  package var syncs: Bool?
  /// Whether acknowledged commands are on a majority of the replicas; otherwise they are on all
  /// members.
  package var needsMajority = true
  /// Bytes that the node in charge may have allocated before commands that may need memory are
  /// refused; 0 for no limit.
  package var maxMemory = 0
  /// How long a client may say nothing before its connection is closed; zero for ever.
  package var idleLimit = Interval.zero

  package init(version: String, protocolName: String, cluster: String, processNumber: Int) {
    self.version = version
    self.protocolName = protocolName
    self.cluster = cluster
    self.processNumber = processNumber
  }

  /// The settings that `CONFIG GET` returns: those that clients read before they begin, and all
  /// limits for which Redis has a name.
  package func settings(_ limits: RespLimits) -> [(name: String, value: String)] {
    var settings = [
      ("save", ""), ("databases", "1"), ("maxclients", "\(GatewayLimits.connections)"),
      ("maxmemory", "\(maxMemory)"), ("maxmemory-policy", "noeviction"),
      ("maxmemory-clients", "\(GatewayLimits.memory)"),
      ("timeout", "\(idleLimit.nanoseconds / 1_000_000_000)"),
      ("proto-max-bulk-len", "\(limits.maximumBulkByteCount)"),
      ("client-query-buffer-limit", "\(limits.maximumUnreadByteCount)"), ("cluster-enabled", "no"),
    ]
    if let syncs {
      settings += [("appendonly", syncs ? "yes" : "no"), ("appendfsync", syncs ? "always" : "no")]
    }
    return settings
  }
}

/// Commands per second, over the last second or so.
package struct RequestRate: Sendable {
  package private(set) var perSecond = 0
  private var count = 0
  private var since: Instant?

  package mutating func note(_ total: Int, at now: Instant) {
    let length = since.map { now - $0 }
    if let length {
      guard length >= .seconds(1) else { return }
      perSecond = Int(Double(total - count) / length.seconds)
    }
    count = total
    since = now
  }
}
