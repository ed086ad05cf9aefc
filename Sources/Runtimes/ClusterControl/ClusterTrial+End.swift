import Clients
import ClusterMessages
import Faults
import Glibc
import LoadDriving
import Replication
import Sockets
import Trials
import Workloads

/// After the measured part: checks which data survived.
extension ClusterTrial {
  /// Asks every node that is up for a report, and waits for the answers.
  /// - Returns: whether all have come.
  @discardableResult
  mutating func freshReports(
    within patience: Interval, digest: Bool = false
  ) throws -> Bool {
    let seen = driver.port.reportCounts
    askForReports(digest: digest)
    driver.port.flush()
    let limit = MonotonicClock.now() + patience
    while MonotonicClock.now() < limit {
      let isMissing = meters.indices.contains { node in
        !driver.port.isDown[node] && ledger.pauses(of: node) == 0
          && driver.port.reportCounts[node] == seen[node]
      }
      guard isMissing else { return true }
      try driver.turn(until: driver.now + .milliseconds(5))
      handleReports()
    }
    return false
  }

  /// Takes the latencies of the traced operations of the measured part apart.
  mutating func timeTrace(until measuredEnd: Instant) -> TimeTrace? {
    guard setup.plan.traceEvery != nil else { return nil }
    driver.runtime.traced.every = 0
    var stamps: [RequestID: [(node: Int, stamp: RequestStamp)]] = [:]
    for (node, stamp) in driver.port.stamps { stamps[stamp.id, default: []].append((node, stamp)) }
    driver.port.stamps = []
    var trace = TimeTrace()
    let measured = Instant.zero + setup.plan.warmUp..<measuredEnd
    for (id, operation) in driver.runtime.traced.finished where measured.contains(operation.due) {
      if let breakdown = StampedOperation.breakdown(
        of: operation, origin: driver.origin, stamps: stamps[id] ?? [])
      {
        trace.operations.append(breakdown)
      } else {
        trace.forgotten += 1
      }
    }
    return trace
  }

  /// Ends all faults and waits until the cluster has settled: there is a leader, and all replicas
  /// have applied equally many entries, twice in a row.
  mutating func settle(_ progress: (Interval, Int) -> Bool) throws -> Bool {
    for key in ledger.entries.keys.sorted() { try endFault(key) }
    let limit = MonotonicClock.now() + setup.patienceAtEnd
    var last: [LogIndex] = []
    while MonotonicClock.now() < limit, try shouldContinue(progress) {
      let areFresh = try freshReports(within: .milliseconds(200))
      let applied = setup.membership.replicas.compactMap {
        driver.port.isDown[$0.index] ? nil : driver.port.reports[$0.index]?.appliedIndex
      }
      let missing = setup.membership.replicas.count(where: { replica in
        driver.port.isDown[replica.index] && !mayRefuse[replica.index]
      })
      // A node that is starting has not reported yet, so its applied index is unknown.
      if areFresh, missing == 0, targeting.leader(among: views) != nil, Set(applied).count == 1,
        applied == last
      {
        return true
      }
      last = areFresh ? applied : []
      try driver.turn(until: driver.now + .milliseconds(20))
      handleReports()
    }
    return false
  }

  /// Reads every key that was touched, as a client would, so that the checker sees whether
  /// acknowledged writes are still there.
  mutating func readBack(_ progress: (Interval, Int) -> Bool) throws -> Bool {
    // A read that is given up would leave its key unread and the acknowledged writes to it
    // unchecked.
    let count = driver.beginReadBack(timeout: max(setup.plan.workload.timeout, .seconds(5)))
    let limit = driver.now + setup.patienceAtEnd
    while !driver.hasReadBack, driver.now < limit, try shouldContinue(progress) {
      try driver.turn(until: driver.now + .milliseconds(50))
      handleReports()
    }
    driver.close()
    return driver.answered == count
  }

  /// The reason why not all keys were read back. The user should know it, because without an answer
  /// to every read no verdict on lost writes is possible.
  func whyNotReadBack(_ hasSettled: Bool) -> String {
    if hasSettled {
      return "not every key could be read back within \(setup.patienceAtEnd) after the load"
    }
    let states = setup.membership.replicas.map { replica in
      guard !driver.port.isDown[replica.index], let report = driver.port.reports[replica.index]
      else { return "replica \(replica) is down" }
      let status = report.status
      return "replica \(replica) (\(status.role), epoch \(status.epoch)) has applied "
        + "\(report.appliedIndex)"
    }
    return "the replicas did not come to rest within \(setup.patienceAtEnd) after the faults, so "
      + "that nothing was read back: \(states.joined(separator: ", "))"
  }

  /// Replicas that have applied equally many entries must have equal states and commit digests.
  mutating func compareStates() throws {
    try freshReports(within: setup.patienceAtEnd, digest: true)
    var first: (node: Int, report: NodeReport)?
    for replica in setup.membership.replicas where !driver.port.isDown[replica.index] {
      guard let report = driver.port.reports[replica.index], let digest = report.digest else {
        continue
      }
      guard let known = first else {
        first = (replica.index, report)
        continue
      }
      guard known.report.appliedIndex == report.appliedIndex, let other = known.report.digest
      else { continue }
      if other.commits != digest.commits {
        violations.note(
          "replicas \(known.node) and \(replica) have committed different entries", at: driver.now)
      } else if other.state != digest.state {
        violations.note(
          "replicas \(known.node) and \(replica) hold different states after the same entries",
          at: driver.now)
      }
    }
  }
}
