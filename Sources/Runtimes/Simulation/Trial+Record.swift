import Clients
import Primitives
import ReplicaHosting
import Replication
import Trials
import Workloads

/// The results of a trial, except for the history, which the load holds.
extension Trial {
  public func record(usages: [NodeUsage]) -> TrialRecord {
    let replicas = setup.membership.replicas.map(\.index)
    let survivor =
      leader() ?? replicas.max { nodes[$0].commits.count < nodes[$1].commits.count } ?? 0
    var surviving = SurvivingRequests()
    for batch in world.batches(of: nodes[survivor].commits) {
      var reader = batch.makeReader()
      while let id = reader.next() { surviving.insert(id) }
    }
    var record = TrialRecord(of: setup.plan)
    record.measuredEndNs = measuredEnd.nanoseconds
    record.nodes = usages
    for number in nodes.indices {
      record.nodes[number].logRecords = nodes[number].forgottenCount + nodes[number].log.count
    }
    record.faults = injected
    record.leadership = leadership.samples
    record.safetyViolations = world.violations.list
    if !finalStatesAgree(replicas) {
      record.safetyViolations.append(
        "replicas that applied the same entries ended in different states")
    }
    record.surviving = surviving
    record.clients = clients.fleet.machines.count
    record.busyTime = clients.busy.total(until: measuredEnd)
    record.noteDropped(clients.dropped)
    record.hasSettled = hasSettled
    if !hasSettled { record.notes.append("the cluster did not come to rest: \(whyNotSettled)") }
    record.eventsProcessed = eventCount
    record.traceHash = traceHash
    record.timeTrace = setup.plan.traceEvery.map { _ in world.causes.trace }
    return record
  }

  /// What a node has used since the end of the warm-up.
  public func usage(of node: SimulatedNode<Core, Application>) -> NodeUsage {
    var usage = node.usage(at: world.now)
    usage.egress = world.network.egress(of: node.number, sent: usage.bytesSent)
    usage.ingress = world.network.ingress(of: node.number)
    return usage
  }

  /// What keeps the cluster from rest, in words.
  private var whyNotSettled: String {
    var reasons = leader() == nil ? ["no replica is in charge"] : []
    let committed = world.committed.count
    for replica in setup.membership.replicas {
      let node = nodes[replica.index]
      if !node.isUp {
        reasons.append("replica \(replica.index) is down")
      } else if node.commits.count < committed {
        reasons.append(
          "replica \(replica.index) has applied \(node.commits.count) of \(committed) entries")
      }
    }
    return reasons.joined(separator: ", ")
  }

  /// Whether replicas that have applied equally many entries have equal states.
  public func finalStatesAgree(_ replicas: [Int]) -> Bool {
    var states: [(applied: LogIndex, digest: [UInt8])] = []
    for replica in replicas {
      let host = nodes[replica].host
      let state = host.snapshot()
      for other in states where other.applied == host.appliedIndex && other.digest != state {
        return false
      }
      states.append((host.appliedIndex, state))
    }
    return true
  }
}
