/// The meaning of a trial's time and events in the progress line.
package enum ProgressKind: Sendable {
  /// Virtual time, and the events that the simulator handled in it.
  case simulation
  /// Real time under load, and the operations that were acknowledged.
  case cluster

  var time: String {
    switch self {
    case .simulation: "simulated"
    case .cluster: "of load"
    }
  }

  var events: String {
    switch self {
    case .simulation: "events/s"
    case .cluster: "ops/s"
    }
  }
}

/// The progress of a run, as a line of text for the whole and one for each running trial.
struct ProgressState: Sendable {
  /// All trials of the run, including those of earlier attempts.
  var trialsTotal: Int
  /// Trials finished in earlier attempts.
  var trialsBefore: Int
  var trialDurationNs: Int64
  var kind: ProgressKind
  /// Trials finished in this attempt.
  private(set) var trialsDone = 0
  private var finishedEvents = 0
  private var running: [Int: RunningTrial] = [:]

  init(
    trialsTotal: Int, trialsBefore: Int, trialDurationNs: Int64, kind: ProgressKind = .simulation
  ) {
    self.trialsTotal = trialsTotal
    self.trialsBefore = trialsBefore
    self.trialDurationNs = max(trialDurationNs, 1)
    self.kind = kind
  }

  mutating func begin(trial: Int, name: String, faultsNs: [Int64]) {
    running[trial] = RunningTrial(name: name, faults: faultsNs)
  }

  mutating func advance(trial: Int, timeNs: Int64, events: Int) {
    running[trial, default: RunningTrial()].advance(
      to: timeNs, events: events, of: trialDurationNs)
  }

  /// One line for each running trial, at most four.
  func trialLines(width: Int) -> [String] {
    running.sorted { $0.key < $1.key }.map(\.value).filter { !$0.name.isEmpty }.prefix(4)
      .map { "  " + $0.line(of: trialDurationNs, width: width - 2) }
  }

  mutating func finish(trial: Int, events: Int) {
    running[trial] = nil
    trialsDone += 1
    finishedEvents += events
  }

  var events: Int { running.values.reduce(finishedEvents) { $0 + $1.events } }

  /// The trial time of this attempt, summed over all its trials, ns.
  var timeNs: Int64 {
    running.values.reduce(Int64(trialsDone) * trialDurationNs) { $0 + $1.timeNs }
  }

  /// The finished share of this attempt's work, 0...1.
  private var share: Double {
    let work = Double(trialsTotal - trialsBefore) * Double(trialDurationNs)
    return work > 0 ? min(1, Double(timeNs) / work) : 1
  }

  /// ` 42 %  17/40 trials  85 s simulated  3.1 M events/s  12 s left`
  /// - Parameter elapsed: seconds since this attempt began.
  func line(elapsed: Double, width: Int = .max) -> String {
    let all = Double(trialsTotal) * Double(trialDurationNs)
    let before = Double(trialsBefore) * Double(trialDurationNs)
    let percent = all > 0 ? Int(100 * (before + Double(timeNs)) / all) : 100
    let seconds = Double(timeNs) / 1e9
    var parts = [
      String(repeating: " ", count: max(0, 3 - String(percent).count)) + "\(percent) %",
      "\(trialsBefore + trialsDone)/\(trialsTotal) trials",
      "\(DecimalText.fixed(seconds, decimals: seconds < 10 ? 1 : 0) ?? "0") s \(kind.time)",
    ]
    if elapsed > 0 { parts.append(rate(Double(events) / elapsed)) }
    // No remaining time is shown at first, because an estimate from very little work is worse than
    // none.
    if share >= 1 {
      parts.append(ProgressState.time(elapsed) + " elapsed")
    } else if share > 0.01, elapsed >= 0.5 {
      parts.append(ProgressState.time(elapsed * (1 - share) / share) + " left")
    }
    var line = ""
    for part in parts {
      let next = line.isEmpty ? part : line + "  " + part
      if next.count > width { break }
      line = next
    }
    return line
  }

  private func rate(_ perSecond: Double) -> String {
    let (scale, unit) =
      perSecond >= 1e6 ? (1e6, "M ") : perSecond >= 1e3 ? (1e3, "k ") : (1, "")
    let value = perSecond / scale
    let text = DecimalText.fixed(value, decimals: scale > 1 && value < 100 ? 1 : 0) ?? "0"
    return "\(text) \(unit)\(kind.events)"
  }

  static func time(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e9).rounded(.up))
    switch whole {
    case ..<120: return "\(whole) s"
    case ..<7200: return "\(whole / 60) min \(whole % 60) s"
    default: return "\(whole / 3600) h \(whole / 60 % 60) min"
    }
  }
}
