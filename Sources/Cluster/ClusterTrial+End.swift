import Clients
import Faults
import Glibc
import Replication
import Sockets
import Workloads

/// After the measured part: what survived.
extension ClusterTrial {
  /// Waits for a report of every node that is up, asked for now.
  /// - Returns: whether all have come.
  @discardableResult
  @inlinable
  public mutating func freshReports(
    within patience: Interval, digest: Bool = false
  ) throws -> Bool {
    let seen = driver.port.reportCounts
    askForReports(digest: digest)
    driver.port.flush()
    let limit = MonotonicClock.now() + patience.nanoseconds
    while MonotonicClock.now() < limit {
      let isMissing = meters.indices.contains { node in
        !driver.port.isDown[node] && ledger.pauses(of: node) == 0
          && driver.port.reportCounts[node] == seen[node]
      }
      guard isMissing else { return true }
      try driver.turn(until: driver.now + 5_000_000)
      attendReports()
    }
    return false
  }

  /// Ends all faults and lets the cluster come to rest: somebody is in charge, and all replicas have
  /// applied equally much, twice in a row.
  @inlinable
  public mutating func settle() throws -> Bool {
    for key in ledger.entries.keys.sorted() { try endFault(key) }
    let limit = MonotonicClock.now() + setup.patience.nanoseconds
    var last: [LogIndex] = []
    while MonotonicClock.now() < limit {
      let areFresh = try freshReports(within: .milliseconds(200))
      let applied = setup.membership.replicas.compactMap {
        driver.port.isDown[$0.index] ? nil : driver.port.reports[$0.index]?.appliedIndex
      }
      let missing = setup.membership.replicas.count(where: { replica in
        driver.port.isDown[replica.index] && !mayRefuse[replica.index]
      })
      // A node that is on its way up has not been heard: then nothing is known of what it holds.
      if areFresh, missing == 0, aim.leader(among: views) != nil, Set(applied).count == 1,
        applied == last
      {
        return true
      }
      last = areFresh ? applied : []
      try driver.turn(until: driver.now + 20_000_000)
      attendReports()
      for node in meters.indices where processes.hasEnded(node) {
        guard mayRefuse[node] else {
          throw ClusterError("node \(node) has ended by itself: \(processes.lastWords(of: node))")
        }
        driver.port.setDown(node, true)
        notes.append("node \(node) did not start again: \(processes.lastWords(of: node))")
      }
    }
    return false
  }

  /// Reads every key that was touched, as a client would, so that the checker sees whether what was
  /// acknowledged is still there.
  @inlinable
  public mutating func readBack() throws -> Bool {
    let count = driver.load.prepareReadBack()
    guard count > 0 else { return true }
    let readers = min(count, setup.clients)
    driver.clients = ClientFloor(
      count: readers, replicas: setup.membership.replicas, arrival: .closed,
      timeout: setup.timeout, thinkTime: .zero,
      random: RandomStream(seed: setup.seed, label: 0x4EAD),
      firstID: setup.firstClient + UInt64(setup.clients))
    driver.isSilent = false
    driver.isReadingBack = true
    driver.answered = 0
    driver.now = MonotonicClock.now() - driver.origin
    for client in 0..<readers { driver.begin(client, due: driver.now, at: driver.now) }
    driver.port.flush()
    let limit = driver.now + setup.patience.nanoseconds
    while driver.load.readsToDo > 0 || driver.clients.machines.contains(where: { !$0.isIdle }) {
      guard driver.now < limit else { break }
      try driver.turn(until: driver.now + 50_000_000)
      attendReports()
    }
    driver.close()
    return driver.answered == count
  }

  /// Replicas that have applied equally much must hold the same, and must have committed the same.
  @inlinable
  public mutating func compareStates() throws {
    try freshReports(within: setup.patience, digest: true)
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
        blame("replicas \(known.node) and \(replica) have committed different entries")
      } else if other.state != digest.state {
        blame("replicas \(known.node) and \(replica) hold different states after the same entries")
      }
    }
  }
}
