import Replication

// The choice of the next joiner, and of the length of leases.
extension FailureDetector {
  /// Whether the joiner has caught up in this view, so that it may become the last member.
  func mayBecomeMember(_ id: ReplicaID, after state: ViewServiceStateMachine) -> Bool {
    guard state.isEstablished, isAlive(id, after: state) else { return false }
    return feeders(in: state.view).contains { $0.report.joinerHasCaughtUp }
  }

  /// The members whose latest report is about the current view and its current joiner.
  private func feeders(in view: View) -> [Replica] {
    view.members.compactMap { replica($0) }.filter {
      $0.report.view == view.number && $0.report.joining == view.joining
    }
  }

  /// The command that changes the joiner: if there is none, or if the present one is silent, has
  /// restarted or makes no progress.
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
        } else if let successor, shouldYield(joiner, after: state) {
          noteFailedJoiner(joiner, after: state)
          next = successor
        } else {
          return nil
        }
      } else {
        noteFailedJoiner(joiner, after: state)
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

  /// The replica that has failed least often as a joiner. Among equals it is the first one in the
  /// membership.
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

  /// Whether another replica should try in the joiner's place: its feeder cannot reach it, or it
  /// has made no progress for 3 silence limits, or has been joiner for 64. The answer matters only
  /// if there is another candidate.
  private func shouldYield(_ joiner: ReplicaID, after state: ViewServiceStateMachine) -> Bool {
    if feeders(in: state.view).contains(where: { $0.report.unreachable.contains(joiner) }) {
      return true
    }
    guard state.isEstablished, let watch = joinerWatch else { return false }
    let limit = silenceLimit(state)
    return ticks - watch.progressTick >= 3 * limit || ticks - watch.since >= 64 * limit
  }

  private mutating func noteFailedJoiner(_ id: ReplicaID, after state: ViewServiceStateMachine) {
    guard let position = ids.firstIndex(of: id) else { return }
    block(position, limit: silenceLimit(state))
    joinerWatch = nil
  }

  /// Notes a failure. The replica waits twice as long as after its last failure, up to 64 times
  /// `limit`, before it may be joiner again.
  private mutating func block(_ position: Int, limit: Int) {
    replicas[position].blockedUntil = ticks + limit << min(replicas[position].failures, 6)
    replicas[position].failures += 1
  }

  /// Notes that a member was removed. If it had become a member only lately, that counts as a
  /// failure, so that it waits longer each time this happens.
  mutating func noteRemoval(_ position: Int, limit: Int) {
    defer { replicas[position].memberSince = nil }
    guard let since = replicas[position].memberSince,
      ticks - since < 8 * limit << min(replicas[position].failures, 6)
    else { return replicas[position].failures = 0 }
    block(position, limit: limit)
  }

  // MARK: Leases

  /// The command that changes the length of leases, if it should change.
  ///
  /// A lease has to outlast the time from the sending of a ping to the answer to the next ping,
  /// because otherwise no lease is valid most of the time. Where the authority is far away, a lease
  /// is therefore longer than `failureTimeout`. The nodes of the authority agree on the length, so
  /// that a later leader knows how long it has to wait until a lease of an earlier leader is over.
  mutating func nextLease(
    after state: ViewServiceStateMachine
  ) -> ViewServiceStateMachine.Command? {
    let granted = max(state.granted, failureTimeout)
    let patience = max(state.patience, failureTimeout)
    let wanted = wantedLease(after: state)
    if wanted > granted { return .setLease(granted: wanted, patience: max(wanted, patience)) }
    if wanted * 3 / 2 <= granted, state.granted > failureTimeout {
      // Leases of the present length are granted until this command is applied.
      shorteningSince = nil
      return .setLease(granted: wanted, patience: patience)
    }
    guard granted < patience else {
      shorteningSince = nil
      return nil
    }
    // The authority may wait for less only when all leases of the longer kind are over.
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
    // One and a half answer times, because they vary, and three pings, because one may be lost.
    // A fifth of the lease is left for drift.
    let needed = (answerTime * 3 / 2 + ping * 3) * 5 / 4
    let steps = (needed.nanoseconds - 1) / (failureTimeout / 2).nanoseconds + 1
    return failureTimeout / 2 * Int(min(max(steps, 2), FailureDetector.mostLeaseSteps))
  }

  /// The longest lease in halves of `failureTimeout`, which is eight times `failureTimeout`.
  private static var mostLeaseSteps: Int64 { 16 }
}
