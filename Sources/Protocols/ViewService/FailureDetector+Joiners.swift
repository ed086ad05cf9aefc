import Replication

// Who joins next, and how long a lease is.
extension FailureDetector {
  /// The joiner has been fed in this view and may become its last member.
  func mayBecomeMember(_ id: ReplicaID, after state: ViewServiceStateMachine) -> Bool {
    guard state.isEstablished, isAlive(id, after: state) else { return false }
    return feeders(in: state.view).contains { $0.report.joinerHasCaughtUp }
  }

  /// The members that may say something of the joiner.
  private func feeders(in view: View) -> [Replica] {
    view.members.compactMap { replica($0) }.filter {
      $0.report.view == view.number && $0.report.joining == view.joining
    }
  }

  /// Another joiner, if the present one has gone, has restarted or does not get on, or if there is
  /// none.
  mutating func nextJoiner(
    after state: ViewServiceStateMachine
  ) -> ViewServiceStateMachine.Command? {
    let view = state.view
    var next: ReplicaID?
    if let joiner = view.joiner {
      watch(joiner, in: view)
      if isAlive(joiner, after: state) {
        let successor = candidate(after: state, except: joiner)
        if hasRestarted(joiner, in: view) {
          next = joiner
        } else if let successor, isHopeless(joiner, after: state) {
          penalise(joiner, after: state)
          next = successor
        } else {
          return nil
        }
      } else {
        penalise(joiner, after: state)
        next = state.isEstablished ? candidate(after: state, except: joiner) : nil
      }
    } else {
      guard state.isEstablished, let found = candidate(after: state, except: nil) else {
        return nil
      }
      next = found
    }
    let incarnation = next.flatMap { replica($0)?.incarnation } ?? 0
    return .changeJoiner(view.changingJoiner(to: next, incarnation: incarnation))
  }

  /// The replica that has failed least often; among equals the first one in the membership.
  private func candidate(
    after state: ViewServiceStateMachine, except unwanted: ReplicaID?
  ) -> ReplicaID? {
    var best: (id: ReplicaID, failures: Int)?
    for (position, id) in ids.enumerated() where id != unwanted {
      let replica = replicas[position]
      guard replica.hasPinged, replica.hasEchoed, replica.blockedUntil <= ticks,
        isAlive(id, after: state), !state.view.members.contains(id)
      else { continue }
      if best.map({ replica.failures < $0.failures }) ?? true { best = (id, replica.failures) }
    }
    return best?.id
  }

  private mutating func watch(_ joiner: ReplicaID, in view: View) {
    var watch =
      joinerWatch.flatMap { $0.id == joiner ? $0 : nil }
      ?? JoinerWatch(id: joiner, since: ticks, progressTick: ticks)
    let progress = feeders(in: view).map(\.report.joinerProgress).max() ?? 0
    if progress > watch.progress {
      watch.progress = progress
      watch.progressTick = ticks
    }
    joinerWatch = watch
  }

  /// Its feeder cannot reach it, or it has made no progress, or it has been at it for so long that
  /// another one should try. It matters only if there is another one.
  private func isHopeless(_ joiner: ReplicaID, after state: ViewServiceStateMachine) -> Bool {
    if feeders(in: state.view).contains(where: { $0.report.unreachable.contains(joiner) }) {
      return true
    }
    guard state.isEstablished, let watch = joinerWatch else { return false }
    let limit = silenceLimit(state)
    return ticks - watch.progressTick >= 3 * limit || ticks - watch.since >= 64 * limit
  }

  private mutating func penalise(_ id: ReplicaID, after state: ViewServiceStateMachine) {
    guard let position = ids.firstIndex(of: id) else { return }
    block(position, limit: silenceLimit(state))
    joinerWatch = nil
  }

  /// It failed, and waits twice as long as after its last failure before it may try again.
  private mutating func block(_ position: Int, limit: Int) {
    replicas[position].blockedUntil = ticks + limit << min(replicas[position].failures, 6)
    replicas[position].failures += 1
  }

  /// A member was removed. If it had become one only lately, it waits the longer before it may try
  /// again, the more often that has happened.
  mutating func noteRemoval(_ position: Int, limit: Int) {
    defer { replicas[position].memberSince = nil }
    guard let since = replicas[position].memberSince,
      ticks - since < 8 * limit << min(replicas[position].failures, 6)
    else { return replicas[position].failures = 0 }
    block(position, limit: limit)
  }

  // MARK: Leases

  /// A lease has to outlast the time that passes from the sending of a ping to the answer to the
  /// next one, or reads have none most of the time. Where the authority is far away it is longer
  /// than `failureTimeout` asks for. Its length is agreed on, so that a later leader knows how long
  /// it has to wait before a lease that an earlier one granted is over.
  mutating func nextLease(
    after state: ViewServiceStateMachine
  ) -> ViewServiceStateMachine.Command? {
    let granted = max(state.granted, failureTimeout)
    let patience = max(state.patience, failureTimeout)
    let wanted = wantedLease(after: state)
    if wanted > granted { return .setLease(granted: wanted, patience: max(wanted, patience)) }
    if wanted * 3 / 2 <= granted, state.granted > failureTimeout {
      return .setLease(granted: wanted, patience: patience)
    }
    guard granted < patience else {
      shorteningSince = nil
      return nil
    }
    // All leases of the longer kind must be over before the authority may wait for less.
    let since = shorteningSince ?? ticks
    shorteningSince = since
    guard ticks - since >= silenceLimit(state) else { return nil }
    return .setLease(granted: granted, patience: granted)
  }

  private func wantedLease(after state: ViewServiceStateMachine) -> Interval {
    var answerTime = Interval.zero
    for id in state.view.members where isAlive(id, after: state) {
      answerTime = max(answerTime, replica(id)?.answerTime ?? .zero)
    }
    // Half as long again for what varies, and three pings, of which one may be lost; a fifth of the
    // lease is left for drift.
    let needed = (answerTime * 3 / 2 + ping * 3) * 5 / 4
    let steps = (needed.nanoseconds - 1) / (failureTimeout / 2).nanoseconds + 1
    return failureTimeout / 2 * Int(min(max(steps, 2), FailureDetector.mostLeaseSteps))
  }

  /// A lease is at most eight times `failureTimeout`.
  private static var mostLeaseSteps: Int64 { 16 }
}
