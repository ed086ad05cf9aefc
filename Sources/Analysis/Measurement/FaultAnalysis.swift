import Faults
import Replication
import Trials

/// Measures the effect of each fault of a trial. Faults may overlap and may be listed in any order.
struct FaultAnalysis {
  private let trial: TrialRecord
  private let timeline: Timeline
  private let isOpenLoop: Bool
  private let goodput: Goodput?
  private let reads: ServiceGaps
  private let writes: ServiceGaps
  /// The faults that began before the end of the measured interval, as indices into the trial's
  /// faults, in order of their start. `faults`, `nexts` and `recoveryEnds` are in the same order.
  private let order: [Int]
  private let faults: [Disturbance]
  /// For each fault, the earliest start that is later than its own.
  private var nexts: [Int64?] = []
  /// When throughput had recovered from each fault; the measured interval's end if it never did.
  private var recoveryEnds: [Int64] = []
  /// The faults, each extended to the end of its recovery.
  private var disturbances: [Disturbance]
  /// For each fault without an end from which throughput did not recover before the next fault:
  /// from when on throughput counts as the usual one. `nil` for the other faults.
  private var newLevels: [Int64?]

  /// Effects of a fault are searched for during at least this many windows after its start, and
  /// after its end.
  static let windowsOfDelay: Int64 = 5
  private var delay: Int64 { FaultAnalysis.windowsOfDelay * timeline.windowLength }

  private struct Disturbance {
    var start: Int64
    /// The measured interval's end if the fault has no end.
    var end: Int64
    var hasEnd: Bool

    func touches(_ window: TimelineWindow) -> Bool {
      window.startNs <= end && window.startNs + window.lengthNs > start
    }
  }

  init(
    _ trial: TrialRecord, _ timeline: Timeline, _ settings: MeasurementSettings,
    reads: ServiceGaps, writes: ServiceGaps
  ) {
    self.trial = trial
    self.timeline = timeline
    isOpenLoop = settings.isOpenLoop
    let canStay =
      isOpenLoop && trial.faults.contains { $0.endNs.map { $0 < trial.measuredEndNs } ?? false }
    goodput = canStay ? Goodput(trial, timeline, within: settings.sloLatency) : nil
    self.reads = reads
    self.writes = writes
    order = trial.faults.indices.filter { trial.faults[$0].startNs < trial.measuredEndNs }.sorted {
      (trial.faults[$0].startNs, $0) < (trial.faults[$1].startNs, $1)
    }
    faults = order.map { i in
      let fault = trial.faults[i]
      let end = min(fault.endNs ?? .max, trial.measuredEndNs)
      return Disturbance(
        start: fault.startNs, end: max(fault.startNs, end), hasEnd: fault.endNs != nil)
    }
    disturbances = faults
    newLevels = faults.map { _ in nil }
    nexts = faults.indices.map { i in faults[i...].first { $0.start > faults[i].start }?.start }
  }

  /// The metrics of every fault of the trial, in the order of the trial's faults.
  mutating func metrics() -> [FaultMetrics] {
    var found = [FaultMetrics](repeating: FaultMetrics(), count: trial.faults.count)
    for i in faults.indices { measureRecovery(from: i, &found[order[i]]) }
    guard !faults.isEmpty else { return found }
    let disturbed = DisturbedTimes(disturbances.map { $0.start...$0.end })
    let ordinaryRead = reads.ordinary(outside: disturbed)
    let ordinaryWrite = writes.ordinary(outside: disturbed)
    let longReads = reads.gaps(longerThan: ordinaryRead)
    let longWrites = writes.gaps(longerThan: ordinaryWrite)
    for i in faults.indices {
      let readGap = gap(longReads, ordinaryRead, of: i)
      let writeGap = gap(longWrites, ordinaryWrite, of: i)
      found[order[i]].readOutage = reads.outage(readGap)
      found[order[i]].writeOutage = writes.outage(writeGap)
      let severe = [reads.severe(readGap), writes.severe(writeGap)].compactMap { $0 }
      noteEnd(of: severe, chargedTo: i, &found[order[i]])
      findLeaders(i, &found[order[i]])
      if isMetastable(i) {
        found[order[i]].recovery = .metastable
        found[order[i]].timeToRecover = nil
        found[order[i]].hangover = nil
      }
    }
    return found
  }

  /// Whether operations are still answered late long after the fault, although no more come due
  /// than before it.
  private func isMetastable(_ i: Int) -> Bool {
    guard let goodput, faults[i].hasEnd else { return false }
    return goodput.staysLow(
      from: faults[i].end, to: min(nexts[i] ?? .max, trial.measuredEndNs),
      since: undisturbedWindows(for: i).filter {
        $0.startNs + $0.lengthNs <= faults[i].start
      })
  }

  // MARK: Recovery

  /// Sets the metrics that depend on throughput. It looks for windows that fall short of the
  /// undisturbed throughput twice: after the fault's start and after its end.
  private mutating func measureRecovery(from i: Int, _ found: inout FaultMetrics) {
    let fault = faults[i]
    let limit = min(nexts[i] ?? .max, trial.measuredEndNs)
    guard
      let throughput = ThroughputRecovery(
        timeline.fullWindows, undisturbed: undisturbedWindows(for: i), isOpenLoop: isOpenLoop)
    else {
      found.recovery = .unknown
      noteRecovery(at: nil, i)
      return
    }
    let sinceStart = throughput.outcome(
      after: fault.start,
      dippingUpTo: max(fault.hasEnd ? fault.end : fault.start, fault.start + delay), before: limit)
    switch sinceStart {
    case .undisturbed: found.timeToRecover = .zero
    case .back(let short):
      found.timeToRecover = .nanoseconds(
        max(
          0,
          throughput.end(ofShort: short, since: fault.start, of: trial.operations)
            - fault.start))
    case .short: break
    }
    var lost = [sinceStart.shortWindows]
    if fault.hasEnd, fault.end < limit {
      let sinceEnd = throughput.outcome(
        after: fault.end, dippingUpTo: fault.end + delay, before: limit)
      switch sinceEnd {
      case .undisturbed: found.hangover = .zero
      case .back(let short):
        found.hangover = .nanoseconds(
          max(0, throughput.end(ofShort: short, since: fault.end, of: trial.operations) - fault.end)
        )
      case .short: break
      }
      // Windows between the two shortfalls may have more answers than before the fault, and must
      // not make up for them.
      let after = sinceEnd.shortWindows
      if lost[0].isEmpty || after.isEmpty || after.lowerBound > lost[0].upperBound {
        lost.append(after)
      } else {
        lost = [lost[0].lowerBound..<max(lost[0].upperBound, after.upperBound)]
      }
    }
    found.lostRequests = lost.reduce(0) { $0 + max(0, throughput.missing($1)) }
    found.recovery =
      found.timeToRecover != nil ? .recovered : nexts[i] == nil ? .never : .cutShort
    let back = found.timeToRecover.map { fault.start + $0.nanoseconds }
    let backForGood = found.hangover.map { fault.end + $0.nanoseconds }
    noteRecovery(at: back.map { max($0, backForGood ?? $0) }, i)
  }

  /// - Parameter recovered: when throughput was back; `nil` if it was not, or cannot be judged.
  private mutating func noteRecovery(at recovered: Int64?, _ i: Int) {
    if recovered == nil, !faults[i].hasEnd, let next = nexts[i] {
      newLevels[i] = faults[i].start + (next - faults[i].start) / 2
    }
    let time = recovered ?? trial.measuredEndNs
    recoveryEnds.append(time)
    disturbances[i].end = max(faults[i].hasEnd ? faults[i].end : faults[i].start, time)
  }

  /// The windows before the fault that no other fault or its recovery touches. If there are none
  /// (because the fault came at the very beginning), all windows that no fault touches.
  ///
  /// In a closed loop a fault without an end may have lowered throughput for good. Later faults are
  /// then compared with that lower level, as seen in the second half of the time before the next
  /// fault, because they are not charged with the earlier one. In an open loop the load is what
  /// throughput has to come back to.
  private func undisturbedWindows(for i: Int) -> [TimelineWindow] {
    let earlier = faults.indices.filter { faults[$0].start < faults[i].start }
    if !isOpenLoop, let level = earlier.compactMap({ newLevels[$0] }).max() {
      let windows = timeline.fullWindows.filter { window in
        window.startNs >= level && window.startNs + window.lengthNs <= faults[i].start
          && !disturbances.indices.contains {
            $0 != i && newLevels[$0] == nil && disturbances[$0].touches(window)
          }
      }
      if windows.contains(where: { $0.ok > 0 }) { return windows }
    }
    let before = timeline.fullWindows.filter { window in
      window.startNs + window.lengthNs <= faults[i].start
        && !disturbances.indices.contains { $0 != i && disturbances[$0].touches(window) }
    }
    guard before.isEmpty else { return before }
    return timeline.fullWindows.filter { window in !faults.contains { $0.touches(window) } }
  }

  // MARK: Outage

  /// The latest time at which an effect of the fault may begin.
  private func lastEffect(of i: Int) -> Int64 {
    let end = faults[i].hasEnd ? faults[i].end : faults[i].start
    let last = max(end, recoveryEnds[i], faults[i].start + delay)
    return nexts[i].map { min(last, $0 - 1) } ?? last
  }

  /// The longest gap that is charged to the fault; nil if all gaps are of ordinary length.
  /// - Parameter gaps: the gaps that are longer than `ordinary`, in order of time.
  private func gap(_ gaps: [ServiceGap], _ ordinary: Int64, of i: Int) -> ServiceGap? {
    let fault = faults[i]
    let last = lastEffect(of: i)
    var found: ServiceGap?
    var longest = ordinary
    for gap in gaps where gap.end > fault.start && gap.start <= last {
      var gap = gap
      if let next = nexts[i], gap.end > next {
        // When the next fault began, the gap was still of ordinary length, so it is charged to that
        // fault.
        if next - gap.start <= ordinary { continue }
        if !fault.hasEnd { gap.end = next }
      }
      if gap.start < fault.start {
        // An outage that began before this fault is charged to an earlier fault.
        if fault.start - gap.start > ordinary, !isLeftOver(gap.start) { continue }
        gap.start = fault.start
      }
      if gap.length > longest {
        longest = gap.length
        found = gap
      }
    }
    return found
  }

  /// Whether the last fault that had begun by this time has no end.
  private func isLeftOver(_ time: Int64) -> Bool {
    faults.last { $0.start <= time }.map { !$0.hasEnd } ?? false
  }

  /// Sets when the service answered again after the gaps that are charged to a fault: after the
  /// longest of them. Another gap, of the other class of operations, may lie elsewhere: a short one
  /// when the replica comes back, for instance, long after the service had recovered.
  private func noteEnd(
    of gaps: [ServiceGap], chargedTo i: Int, _ found: inout FaultMetrics
  ) {
    guard let longest = gaps.max(by: { $0.length < $1.length }) else {
      found.firstAcknowledgement = .zero
      return
    }
    let start = faults[i].start
    let limit = min(trial.measuredEndNs, faults[i].hasEnd ? .max : nexts[i] ?? .max)
    guard gaps.allSatisfy({ $0.end < limit }) else {
      // The outage did not end, although throughput may have recovered: the other class of
      // operations alone can make up for it.
      found.timeToRecover = nil
      if found.recovery == .recovered { found.recovery = nexts[i] == nil ? .never : .cutShort }
      return
    }
    found.firstAcknowledgement = .nanoseconds(longest.end - start)
    if let time = found.timeToRecover {
      // A shorter gap that begins after the fault and after the recovery is an after-effect.
      let settled = max(start + time.nanoseconds, faults[i].hasEnd ? faults[i].end : .max)
      let lasting = gaps.filter { $0.start <= settled || $0.length == longest.length }
      found.timeToRecover = max(
        time, .nanoseconds((lasting.map(\.end).max() ?? start) - start))
    }
  }

  // MARK: Leaders

  private func findLeaders(_ i: Int, _ found: inout FaultMetrics) {
    let start = faults[i].start
    let last = lastEffect(of: i)
    guard let before = trial.leadership.last(where: { $0.timeNs <= start }) else { return }
    var isVacant = before.leader == nil
    for sample in trial.leadership where sample.timeNs > start && sample.timeNs <= last {
      if sample.leader == nil { isVacant = true }
      let isElected =
        sample.leader != nil
        && (isVacant || sample.leader != before.leader || sample.epoch != before.epoch)
      if found.detection == nil, isElected || sample.newestEpoch > before.newestEpoch {
        found.detection = .nanoseconds(sample.timeNs - start)
      }
      if isElected {
        found.election = .nanoseconds(sample.timeNs - start)
        return
      }
    }
  }
}
