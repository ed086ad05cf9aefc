import Replication
import WireFormat

// State transfer: §5.2 of the paper. A replica asks one other for the operations that follow its
// own, and is sent pages of them, as many as may be on their way at once.
//
// A slow link takes long for such an answer, so the timer of the replica that waits cannot tell
// that the answer is lost. Connections keep the order of messages: the answer is lost if a message
// that was sent behind it has come. So while an answer is on its way, further questions are
// answered by nothing but its end, and only a replica that has seen the end gets another answer.

extension ViewstampedReplica {
  /// The answers to questions of state transfer, in both directions, for each slot.
  struct TransferAnswers: Sendable {
    /// The number of the newest answer that was sent.
    var sent: [UInt64]
    /// The number of the newest answer whose end has come.
    var ended: [UInt64]

    init(slots: Int) {
      sent = Array(repeating: 0, count: slots)
      ended = sent
    }
  }

  struct Transfer: Sendable {
    enum Purpose {
      /// A backup in status normal lacks operations of its view.
      case gap
      /// A replica lacks a part of the log with which its view started.
      case view
      /// A new primary lacks a part of the log that its view will start with.
      case best
    }

    var purpose: Purpose
    /// The slot of the replica that is asked.
    var source: Int
    var through: LogIndex
    /// What the source has committed.
    var commit: LogIndex
    var pace: ResendPace
    /// Something has come since the timer of the view change fired last.
    var hasProgressed = true
    /// The messages of the primary that came since the first question and show the same gap.
    var laterMessages = 0
  }

  /// Asks the primary for what a normal backup lacks. If that is being fetched already, the
  /// question or its answer may be lost, so the first, second, fourth, eighth and so on later
  /// message that shows the gap asks again.
  mutating func fetchGap(
    through op: LogIndex, at now: Instant, into effects: inout Effects<Self>
  ) {
    if var running = transfer {
      running.through = max(running.through, op)
      running.laterMessages += 1
      transfer = running
      if running.pace.isDue(at: now) {
        askAgain(at: now, into: &effects)
      } else if running.purpose == .gap, running.laterMessages.nonzeroBitCount == 1 {
        ask(at: now, into: &effects)
      }
      return
    }
    let missing = min(op, heldBack.gapEnd ?? op)
    fetch(
      .gap, from: primary(of: viewNumber), through: missing, commit: commitNumber, at: now,
      into: &effects)
  }

  mutating func fetch(
    _ purpose: Transfer.Purpose, from source: Int, through op: LogIndex, commit: LogIndex,
    at now: Instant, into effects: inout Effects<Self>
  ) {
    transfer = Transfer(
      purpose: purpose, source: source, through: op, commit: commit,
      pace: ResendPace(least: options.retransmission))
    effects.setTimer(.retransmission, after: options.retransmission)
    ask(at: now, into: &effects)
  }

  /// Asks for all that is missing behind the log as it is.
  private mutating func ask(at now: Instant, into effects: inout Effects<Self>) {
    guard var running = transfer else { return }
    running.pace.sent(UInt64(log.lastOp.next.rawValue), first: true, at: now)
    transfer = running
    // Early: a question promises nothing.
    effects.sendEarly(
      .getState(
        GetState(
          view: viewNumber, op: log.lastOp, through: running.through,
          answered: answers.ended[running.source])),
      to: membership.replicas[running.source])
  }

  mutating func askAgain(at now: Instant, into effects: inout Effects<Self>) {
    transfer?.pace.sentAgain(at: now)
    ask(at: now, into: &effects)
  }

  /// Who may be asked: the primary of a view, and in a view change everyone, by the new primary.
  /// The log of a replica in a view change stays as it is until the view starts.
  mutating func receive(
    _ message: GetState, from slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard message.view >= viewNumber else { return tellView(to: slot, into: &effects) }
    guard message.view == viewNumber, slot != ownSlot,
      primacy != nil || state == .viewChange && slot == primary(of: viewNumber)
    else { return }
    // The new primary is at work.
    if primacy == nil { lastContact = now }
    guard message.op >= log.base else {
      return effects.sendSnapshot(to: membership.replicas[slot])
    }
    var op = message.op
    let end = min(message.through, log.lastOp)
    guard op < end else { return }
    guard message.answered >= answers.sent[slot] else {
      return send([], after: op, of: viewNumber, isContinued: false, to: slot, into: &effects)
    }
    // Wraps around, because a message may contain any number.
    answers.sent[slot] = message.answered &+ 1
    var room = options.inFlightBytes
    while op < end {
      let page = log.page(
        after: op, through: end, byteLimit: min(max(room, 1), options.messageByteLimit))
      room -= page.byteCount
      let isContinued = op + page.batches.count < end && room > 0
      send(
        page.batches, after: op, of: page.view, isContinued: isContinued, to: slot, into: &effects)
      op = op + page.batches.count
      guard isContinued else { break }
    }
  }

  /// Sends a page, or the end, of the newest answer to a replica. Early: as Prepare, it promises
  /// nothing about this disk. What a replica in a view change sends was durable before it told of
  /// it.
  private func send(
    _ batches: [Batch], after op: LogIndex, of opView: View, isContinued: Bool, to slot: Int,
    into effects: inout Effects<Self>
  ) {
    effects.sendEarly(
      .newState(
        NewState(
          view: viewNumber, op: op, opView: opView, answer: answers.sent[slot],
          isContinued: isContinued, batches: batches)), to: membership.replicas[slot])
  }

  mutating func receive(
    _ message: NewState, from slot: Int, at now: Instant, into effects: inout Effects<Self>
  ) {
    let isNewEnd = !message.isContinued && message.answer > answers.ended[slot]
    if isNewEnd { answers.ended[slot] = message.answer }
    guard message.view == viewNumber, let running = transfer, running.source == slot,
      message.opView >= log.lastView, message.opView <= viewNumber
    else { return }
    // The end of an answer that had to be told once more shows that the pages before it are lost.
    if isNewEnd, message.batches.isEmpty { return ask(at: now, into: &effects) }
    // A page behind a lost one is of no use: what is missing is asked for again in time.
    let known = log.lastOp - message.op
    guard known >= 0, known < message.batches.count else { return }
    let new = Array(message.batches[known...])
    let op = log.lastOp.next
    log.append(contentsOf: new, in: message.opView)
    persist(.append(at: op, view: message.opView, new), into: &effects)
    transfer?.pace.answered(through: UInt64(log.lastOp.rawValue), at: now)
    transfer?.hasProgressed = true
    lastContact = now
    goOn(isPaused: !message.isContinued, at: now, into: &effects)
  }

  /// The log has grown by what was fetched, or by a snapshot.
  mutating func goOn(isPaused: Bool, at now: Instant, into effects: inout Effects<Self>) {
    guard let running = transfer else { return }
    if running.purpose == .gap {
      takeHeldBack(into: &effects)
      acknowledge(into: &effects)
    }
    guard log.lastOp >= running.through else {
      if isPaused { ask(at: now, into: &effects) }
      return
    }
    transfer = nil
    switch running.purpose {
    case .gap: break
    case .view: becomeNormal(committed: running.commit, at: now, into: &effects)
    case .best: startView(committed: running.commit, into: &effects)
    }
  }
}
