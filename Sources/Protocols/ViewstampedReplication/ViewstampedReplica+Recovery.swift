import Replication

// Recovery: §4.3 of the paper, for a replica that has no state of its own: its disk was lost, or
// `recovery` is `replicas`. It asks all others, with a nonce that is new, and takes no part before
// f + 1 have answered, among them the primary of the latest view in any answer. Only replicas in
// status normal answer. One of the f + 1 knows of every view that this replica can have helped to
// start, because it takes f + 1 to start one, and the primary of the latest has all operations that
// this replica can have said PrepareOK to.
//
// Those who answer note the new incarnation, so that no view starts with what the replica said in
// an earlier one. The nonce is the generation of the disk, or the number of the start, which is the
// one thing that a replica without a durable log does write: a process has no other way to know
// that it is not the first of its name. A recovery that did not end may be begun again with the
// same nonce, because the replica has taken no part in between.

extension ViewstampedReplica {
  struct Recovery: Sendable {
    var nonce: Incarnation
    /// The answers so far, by slot.
    var responses: [RecoveryResponse?]
  }

  public static var replacesLostReplicas: Bool { true }

  public mutating func takePlace(generation: UInt64) {
    // Bug: forgetful-replica.
    guard !broken(.forgetfulReplica) else { return }
    lostGeneration = generation
    incarnations[ownSlot].generation = generation
  }

  /// Takes over what another replica knows of incarnations, except for those that cannot exist.
  mutating func learn(_ others: [Incarnation], into effects: inout Effects<Self>) {
    guard others.count == incarnations.count else { return }
    let before = incarnations
    for slot in others.indices
    where slot != ownSlot && others[slot].isPossible(after: incarnations[slot]) {
      incarnations[slot] = max(incarnations[slot], others[slot])
    }
    if incarnations != before { persist(.incarnations(incarnations), into: &effects) }
  }

  /// Rebuilds view, last normal view and log. What is committed is learnt anew from the primary.
  public mutating func recover(_ record: Record) {
    switch record {
    case .view(let view, let lastNormal):
      viewNumber = view
      lastNormalView = lastNormal
      starts = max(starts, 1)
    case .append(let op, let view, let batches):
      precondition(op > log.base && op <= log.lastOp.next, "the disk has lost a record")
      recover(batches, at: op, in: view)
    case .snapshot(let reference):
      log.begin(behind: reference)
      commitNumber = max(commitNumber, log.base)
    case .started(let count): starts = count
    case .recovered:
      lostGeneration = 0
      hasRecovered = true
    case .incarnations(let known):
      for slot in known.indices where slot != ownSlot { incarnations[slot] = known[slot] }
    }
  }

  /// Recovers what a record says of the log. A checkpoint repeats operations, and a crash may have
  /// lost the end of the checkpoint. So what follows a repeated operation stays. A record without
  /// operations is a cut.
  private mutating func recover(_ batches: [Batch], at op: LogIndex, in view: View) {
    var known = 0
    while known < batches.count, log.view(at: op + known) == view { known += 1 }
    guard known < batches.count || batches.isEmpty else { return }
    log.truncate(after: op.previous + known)
    log.append(contentsOf: batches[known...], in: view)
  }

  mutating func start(at now: Instant, into effects: inout Effects<Self>) {
    lastContact = now
    effects.setTimer(.viewChange, after: options.viewChangeTimeout)
    let isFirst = starts == 0
    if options.recovery == .replicas {
      starts += 1
      incarnations[ownSlot].start = starts
      effects.persist(.started(starts))
    }
    // Bug: forgetful-replica.
    let isForgetful = broken(.forgetfulReplica)
    if lostGeneration > 0 || !isFirst && options.recovery == .replicas && !isForgetful {
      return recover(at: now, into: &effects)
    }
    if isFirst {
      starts = max(starts, 1)
      persist(.view(0, lastNormal: 0), into: &effects)
      // View 0 starts like any other: when its primary knows that it is durable.
      if primary(of: 0) == ownSlot {
        state = .viewChange
        effects.send(.startView(currentLog), to: id)
      }
    } else if lastNormalView < viewNumber {
      let view = viewNumber
      viewNumber = view - 1
      enter(view, at: now, into: &effects)
    } else if primary(of: viewNumber) == ownSlot {
      // It does not lead this view again: the others may have what its disk does not.
      lastContact = .longAgo
      // Bug: primary-resumes-its-view.
      if broken(.primaryResumes) {
        state = .viewChange
        effects.send(.startView(currentLog), to: id)
      }
    }
  }

  /// How many others have to answer: f + 1 of 2f + 1. One of them is in every majority that this
  /// replica was in.
  private var recoveryQuorum: Int { membership.replicas.count - membership.majority + 1 }

  /// Begins a recovery (§4.3, step 1).
  private mutating func recover(at now: Instant, into effects: inout Effects<Self>) {
    state = .recovering
    transfer = nil
    heldBack.removeAll()
    let nonce = incarnations[ownSlot]
    recovery = Recovery(
      nonce: nonce, responses: Array(repeating: nil, count: membership.replicas.count))
    // After the record of this start is durable, so that no other one has the same nonce.
    for replica in membership.replicas where replica != id {
      effects.send(.recovery(nonce: nonce), to: replica)
    }
    effects.setTimer(.viewChange, after: options.viewChangeTimeout)
  }

  /// Begins anew, unless pages are coming.
  mutating func recoveryTimerFired(at now: Instant, into effects: inout Effects<Self>) {
    if transfer?.hasProgressed ?? false {
      transfer?.hasProgressed = false
      effects.setTimer(.viewChange, after: options.viewChangeTimeout)
    } else {
      recover(at: now, into: &effects)
    }
  }

  /// §4.3, step 2.
  mutating func receiveRecovery(
    _ nonce: Incarnation, from slot: Int, into effects: inout Effects<Self>
  ) {
    guard slot != ownSlot else { return }
    if nonce < incarnations[slot], nonce.generation == incarnations[slot].generation {
      return tellStart(to: slot, into: &effects)
    }
    guard nonce >= incarnations[slot], nonce.isPossible(after: incarnations[slot]) else { return }
    // Bug: answer-while-recovering.
    let mayAnswer = state == .recovering && broken(.answerWhileRecovering)
    guard state == .normal || mayAnswer else { return }
    var heard = incarnations
    heard[slot] = nonce
    learn(heard, into: &effects)
    var response = RecoveryResponse(view: viewNumber, nonce: nonce, incarnations: incarnations)
    if primacy != nil {
      response.log = currentLog
      primacy!.progress[slot].noteToldLog(through: log.lastOp)
    }
    // After the disk: what is told is known to last.
    effects.send(.recoveryResponse(response), to: membership.replicas[slot])
  }

  /// Tells a replica which of its starts this one has heard of, because its message names an
  /// earlier start. Either the message is old, or another node has claimed a start that did not
  /// happen. In the second case no replica would answer until it had started as often as claimed.
  private mutating func tellStart(to slot: Int, into effects: inout Effects<Self>) {
    guard options.recovery == .replicas else { return }
    // The nonce is that of no start, so that the word of a replica that may not be normal is not
    // counted as an answer.
    effects.send(
      .recoveryResponse(
        .init(view: viewNumber, nonce: Incarnation(), incarnations: incarnations)),
      to: membership.replicas[slot])
  }

  /// Takes the number after the latest start of this replica that others have heard of, and begins
  /// the recovery again with it. This replica has taken no part in this start, so any larger number
  /// will do.
  /// - Returns: whether there was such a start.
  private mutating func skipStarts(
    after claimed: Incarnation, at now: Instant, into effects: inout Effects<Self>
  ) -> Bool {
    let own = incarnations[ownSlot]
    guard options.recovery == .replicas, claimed.generation == own.generation, claimed > own,
      claimed.isPossible(after: own)
    else { return false }
    starts = claimed.start + 1
    incarnations[ownSlot].start = starts
    effects.persist(.started(starts))
    recover(at: now, into: &effects)
    return true
  }

  /// A replica that is recovering hears answers and pages, and keeps what the primary sends
  /// meanwhile.
  mutating func receiveRecovering(
    _ message: Message, from slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    switch message {
    case .recoveryResponse(let response): receive(response, from: slot, at: now, into: &effects)
    case .newState(let page): receive(page, from: slot, at: now, into: &effects)
    case .prepare(let prepare):
      if transfer?.source == slot, prepare.view == viewNumber { heldBack.hold(prepare, options) }
    case .recovery(let nonce): receiveRecovery(nonce, from: slot, into: &effects)
    default: break
    }
  }

  /// §4.3, step 3.
  private mutating func receive(
    _ response: RecoveryResponse, from slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard transfer == nil, let nonce = recovery?.nonce, slot != ownSlot,
      response.log.map({ $0.view == response.view && primary(of: $0.view) == slot }) ?? true
    else { return }
    if response.incarnations.count > ownSlot,
      skipStarts(after: response.incarnations[ownSlot], at: now, into: &effects)
    {
      return
    }
    // Bug: recover-without-nonce.
    guard response.nonce == nonce || broken(.recoverWithoutNonce) else { return }
    recovery!.responses[slot] = response
    let responses = recovery!.responses.compactMap { $0 }
    guard responses.count >= recoveryQuorum else { return }
    for response in responses { learn(response.incarnations, into: &effects) }
    let view = responses.map(\.view).max() ?? 0
    // Bug: recover-without-primary. The latest log that any primary has told.
    let told = responses.filter { $0.log != nil }
    let isLatest = told.filter { $0.view == view }
    let chosen = broken(.recoverWithoutPrimary) ? told : isLatest
    guard let log = chosen.compactMap(\.log).max(by: { $0.view < $1.view }) else { return }
    viewNumber = log.view
    persist(.view(viewNumber, lastNormal: lastNormalView), into: &effects)
    adopt(
      .view, from: primary(of: log.view), op: log.op, committed: log.commit, history: log.history,
      at: now, into: &effects)
  }
}

extension ViewstampedReplica {
  public static func largestGeneration(in message: Message) -> UInt64 {
    switch message {
    case .doViewChange(let message): message.incarnations.map(\.generation).max() ?? 0
    case .recovery(let nonce): nonce.generation
    case .recoveryResponse(let response):
      max(response.nonce.generation, response.incarnations.map(\.generation).max() ?? 0)
    case .prepare, .prepareOK, .commit, .commitOK, .startViewChange, .startView, .getState,
      .newState, .newerView, .snapshot:
      0
    }
  }
}
